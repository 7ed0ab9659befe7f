"""What the substitution is compared with: a perceptron and a recurrent network that see what the NANDs see."""

from bisect import bisect_right
from collections.abc import Callable
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn.nand_choice import with_products

SEEN = 6
"""Vectors at each place: three candidates and their three products."""
WIDEST = 4096

Module = TypeVar("Module", bound=nn.Module)


class Perceptron(nn.Module):
    """One hidden layer, the same at every place of a sequence."""

    def __init__(self, *, size: int, width: int, generator: Generator | None) -> None:
        """Draw the parameters as torch does by default, but from `generator`; without one there are shapes, no numbers."""
        super().__init__()
        self.hidden = _drawn(nn.Linear(SEEN * size, width, device="meta"), fan=SEEN * size, generator=generator)
        self.out = _drawn(nn.Linear(width, size, device="meta"), fan=width, generator=generator)

    def forward(self, candidates: Float[Tensor, "batch length three size"]) -> Float[Tensor, "batch length size"]:
        """The vector at each place."""
        return self.out(self.hidden(with_products(candidates).flatten(-2)).relu())


class Recurrent(nn.Module):
    """A gated recurrent unit (GRU) over the sequence, read at each place."""

    def __init__(self, *, size: int, width: int, generator: Generator | None) -> None:
        """Draw the parameters as torch does by default, but from `generator`; without one there are shapes, no numbers."""
        super().__init__()
        self.memory = _drawn(
            nn.GRU(SEEN * size, width, batch_first=True, device="meta"), fan=width, generator=generator
        )
        self.out = _drawn(nn.Linear(width, size, device="meta"), fan=width, generator=generator)

    def forward(self, candidates: Float[Tensor, "batch length three size"]) -> Float[Tensor, "batch length size"]:
        """The vector at each place."""
        return self.out(self.memory(with_products(candidates).flatten(-2))[0])


def widest(model: Callable[..., nn.Module], *, size: int, parameters: int) -> int:
    """The largest width at which a model has at most so many parameters.

    Args:
        model: `Perceptron` or `Recurrent`.
        size: how wide the vectors are.
        parameters: how many parameters it may have.

    Returns:
        The width, at least 1.

    Raises:
        ArgumentError: if even the narrowest has more.

    Example:
        >>> widest(Perceptron, size=64, parameters=25_000)
        55
    """
    width = bisect_right(
        range(1, WIDEST + 1), parameters, key=lambda width: count(model(size=size, width=width, generator=None))
    )
    if not width:
        raise ArgumentError(f"parameters: got {parameters}, which is less than the narrowest model has; expected more")
    return width


def count(model: nn.Module) -> int:
    """How many parameters a model has."""
    return sum(parameter.numel() for parameter in model.parameters())


def _drawn(module: Module, *, fan: int, generator: Generator | None) -> Module:
    """Numbers for a module that was made on the meta device: torch's own way would take them from global state."""
    if generator is None:
        return module
    module.to_empty(device=generator.device)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-(fan**-0.5), fan**-0.5, generator=generator)
    return module
