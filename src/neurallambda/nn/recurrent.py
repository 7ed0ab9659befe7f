"""Models that read step by step, in the three parts that let their steps be compiled and their seeds be stacked."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree  # torch offers no public way to take nested tensors apart

from neurallambda.errors import ArgumentError
from neurallambda.nn.choice import Choice
from neurallambda.structures.instruction.checks import values_can_be_read


class Recurrent(nn.Module, ABC):
    """A model whose answer at each step depends on a state that is carried from step to step.

    A subclass says what can be computed for all steps at once before them (`prepare`), what one step is (`advance`), and
    what can be computed for all steps at once behind them (`finish`). The loop is written once, in `forward`; `Population`
    runs the same parts for many seeds at once, and may compile the step.

    Attributes:
        inputs: how many different tokens there are.
    """

    inputs: int

    @abstractmethod
    def prepare(self, tokens: Tensor, mask: Tensor | None) -> tuple[Any, Any]:
        """The state before the first step, and what each step is given.

        Args:
            tokens: [batch, time] integers.
            mask: [batch, time] booleans; steps where it is false change no state.

        Returns:
            The state, any nested tensors [batch, ...]; and nested tensors [batch, time, ...].
        """

    @abstractmethod
    def advance(self, state: Any, moment: Any) -> tuple[Any, Tensor]:
        """One step: the state and what `prepare` gives for this step, to the next state and an output [batch, size]."""

    @abstractmethod
    def finish(self, outputs: Tensor) -> Tensor:
        """The outputs of all steps, [batch, time, size], to the answers, [batch, time, outputs]."""

    def with_room_for(self, time: int) -> "Recurrent":
        """The same model, sharing its parameters, with as much room as a sequence of `time` steps can need."""
        del time
        return self

    @property
    def is_hard(self) -> bool:
        """Whether there are choices in it, and all of them are hard."""
        choices = [module.is_hard for module in self.modules() if isinstance(module, Choice)]
        return bool(choices) and all(choices)

    def settled(self, time: int) -> "Recurrent":
        """The same model, sharing its parameters, as it runs fastest for `time` steps.

        It is asked for where all choices are hard, no gradient is wanted and no token is masked.
        """
        return self.with_room_for(time)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The answers to a batch of sequences.

        Args:
            tokens: [batch, time] integers.
            mask: [batch, time] booleans, true at a row's own tokens; without one, all are.

        Returns:
            [batch, time, outputs].

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        check_tokens(tokens, mask, count=self.inputs)
        is_run = mask is None and not torch.is_grad_enabled() and self.is_hard
        model = (self.settled if is_run else self.with_room_for)(tokens.shape[1])
        state, moments = model.prepare(tokens, mask)
        _, outputs = over_time(model.advance, state, moments)
        return model.finish(outputs)


def over_time(advance: Callable[[Any, Any], tuple[Any, Tensor]], state: Any, moments: Any) -> tuple[Any, Tensor]:
    """Take all steps, one after the other.

    Args:
        advance: one step.
        state: the state before the first.
        moments: nested tensors [batch, time, ...], at least one step.

    Returns:
        The state after the last, and the outputs of all: [batch, time, size].
    """
    leaves, form = pytree.tree_flatten(moments)
    outputs = []
    for leaf in zip(*(leaf.unbind(1) for leaf in leaves), strict=True):
        state, output = advance(state, pytree.tree_unflatten(leaf, form))
        outputs.append(output)
    return state, torch.stack(outputs, dim=1)


def check_tokens(
    tokens: object, mask: object, *, leading: tuple[str, ...] = ("batch", "time"), count: int | None = None
) -> None:
    """Refuse tokens that are no integers [batch, time] with at least one step, and masks that do not fit them.

    Args:
        tokens: what came.
        mask: what came with them, or none.
        leading: the axes they must have.
        count: how many different tokens there are; looked at where that costs nothing.

    Raises:
        ArgumentError: what came and what was expected.
    """
    axes = f"[{', '.join(leading)}]"
    if (
        not isinstance(tokens, Tensor)
        or tokens.is_floating_point()
        or tokens.is_complex()
        or tokens.dtype == torch.bool
    ):
        came = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise ArgumentError(f"tokens: got {came}, expected integers {axes}")
    if tokens.ndim != len(leading) or tokens.shape[-1] == 0:
        raise ArgumentError(f"tokens: got shape {tuple(tokens.shape)}, expected {axes} with at least one step")
    if 0 in tokens.shape:
        raise ArgumentError(f"tokens: got shape {tuple(tokens.shape)}, expected at least one row")
    if count is not None and values_can_be_read(tokens):
        low, high = int(tokens.min()), int(tokens.max())
        if not 0 <= low <= high < count:
            raise ArgumentError(f"tokens: got numbers from {low} to {high}, expected 0 to {count - 1}")
    if mask is None:
        return
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != tokens.shape:
        came = f"{mask.dtype} of shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise ArgumentError(f"mask: got {came}, expected booleans of shape {tuple(tokens.shape)}, as the tokens")
