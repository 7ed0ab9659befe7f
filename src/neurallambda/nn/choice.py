"""Soft choices: a softmax that can be disturbed while it learns, sharpened, and made certain for use."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.structures.instruction.checks import check_positive


def check_noise(name: str, std: float) -> None:
    """Refuse what is no standard deviation.

    Raises:
        ArgumentError: which argument, and what came.
    """
    if not 0 <= std < float("inf"):
        raise ArgumentError(f"{name}: got {std!r}, expected a finite number of at least zero")


@checked
class Noise(nn.Module):
    """Add normal noise while training; in evaluation, change nothing.

    Noise on a logit that a softmax follows punishes choices that hang in between: only a wide margin survives it. So a
    state that is to be discrete becomes discrete, as in the semantic hashing of Salakhutdinov and Hinton (2009). Of six
    controllers that learn to duplicate strings six go on doing so at lengths of up to 500 with noise, and four without.

    Args:
        std: the standard deviation; one number, or one for each entry of the last axis.

    Raises:
        ArgumentError: if a number is negative or not finite.

    Example:
        >>> noise = Noise(0.5)
        >>> torch.equal(noise.eval()(torch.ones(3)), torch.ones(3))
        True
    """

    std: Tensor

    def __init__(self, std: float | Sequence[float]) -> None:
        super().__init__()
        stds = [float(one) for one in ([std] if isinstance(std, (int, float)) else std)]
        if not all(0 <= one < float("inf") for one in stds):
            raise ArgumentError(f"std: got {std!r}, expected finite numbers of at least zero")
        self.is_silent = not any(stds)
        self.register_buffer("std", torch.tensor(stds), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """The numbers, disturbed if the module is in training: [..., size] to [..., size]."""
        return sum(self.drawn(numbers), start=numbers)

    def drawn(self, like: Tensor) -> tuple[Tensor, ...]:
        """Noise to be added to numbers of this shape and type, as the one entry of a tuple; none, where there is none."""
        if self.is_silent or not self.training:
            return ()
        return (torch.randn_like(like) * self.std,)


class Choice(nn.Module):
    """A choice along the last axis: a softmax while it is soft, and all weight on the largest logit when it is hard.

    Every part of a model that chooses (actions, symbols, discrete states, rules of a table) does so through a module of
    this class, so that `harden` and `sharpen` find it.

    Attributes:
        is_hard: whether the largest logit takes all; set it by `harden`. There is no gradient through a hard choice.
        temperature: what the logits are divided by; set it by `sharpen`.

    Example:
        >>> choice = Choice()
        >>> choice(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
        >>> harden(choice)(torch.tensor([1.0, 2.0]))
        tensor([0., 1.])
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_hard = False
        self.temperature = 1.0

    def forward(self, logits: Tensor) -> Tensor:
        """Weights that sum to one along the last axis: [..., options] to [..., options]."""
        if self.is_hard:
            option = torch.arange(logits.shape[-1], device=logits.device)
            return (logits.argmax(-1, keepdim=True) == option).to(logits.dtype)
        return (logits if self.temperature == 1 else logits / self.temperature).softmax(-1)

    def extra_repr(self) -> str:
        return f"is_hard={self.is_hard}, temperature={self.temperature:g}"


@checked
def harden(model: nn.Module, hard: bool = True) -> nn.Module:
    """Make every soft choice of a model its argmax, or soft again.

    A network that has learned a discrete procedure is only nearly certain at each step, and over hundreds of steps the
    small doubts add up. Hardened, it follows the procedure itself: a stack in a language model, taught on lists of at most
    eight words, reverses every list of 64 words when hardened, and none when soft.

    Args:
        model: changed in place; every `Choice` in it is set.
        hard: false makes the choices soft again.

    Returns:
        The model.

    Example:
        >>> model = harden(nn.Sequential(nn.Linear(2, 3), Choice()))
        >>> model(torch.ones(1, 2)).sum()
        tensor(1.)
    """
    for module in model.modules():
        if isinstance(module, Choice):
            module.is_hard = hard
    return model


@checked
@contextmanager
def hardened(model: nn.Module) -> Iterator[nn.Module]:
    """A model with every choice hard, for as long as the block lasts; afterwards each is what it was.

    Args:
        model: the model.

    Example:
        >>> choice = Choice()
        >>> with hardened(choice):
        ...     choice(torch.tensor([1.0, 2.0]))
        tensor([0., 1.])
        >>> choice.is_hard
        False
    """
    choices = [module for module in model.modules() if isinstance(module, Choice)]
    before = [choice.is_hard for choice in choices]
    harden(model)
    try:
        yield model
    finally:
        for choice, was_hard in zip(choices, before, strict=True):
            choice.is_hard = was_hard


@checked
def sharpen(model: nn.Module, temperature: float) -> nn.Module:
    """Set the temperature of every soft choice of a model.

    Args:
        model: changed in place.
        temperature: above 1 is softer, towards 0 is harder; see `cooled` for a schedule.

    Returns:
        The model.

    Raises:
        ArgumentError: if the temperature is not positive and finite.

    Example:
        >>> sharpen(Choice(), 0.5)(torch.tensor([0.0, 1.0]))
        tensor([0.1192, 0.8808])
    """
    check_positive("temperature", temperature)
    for module in model.modules():
        if isinstance(module, Choice):
            module.temperature = float(temperature)
    return model


@checked
def cooled(progress: float, *, first: float = 1.0, last: float = 0.1) -> float:
    """The temperature at some point of a training whose choices become sharper by the same factor at each step.

    Args:
        progress: how much of the training is done, from 0 to 1.
        first: the temperature at the start.
        last: the temperature at the end.

    Returns:
        first * (last / first) ** progress, the geometric schedule of Jang, Gu and Poole (2017).

    Raises:
        ArgumentError: if `progress` is out of range or a temperature is not positive and finite.

    Example:
        >>> cooled(0.5, first=1.0, last=0.25)
        0.5
    """
    if not 0 <= progress <= 1:
        raise ArgumentError(f"progress: got {progress!r}, expected a number from 0 to 1")
    check_positive("first", first)
    check_positive("last", last)
    return first * (last / first) ** progress
