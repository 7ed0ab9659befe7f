"""Integers as indices: which result each pair has, and in which order its integers are."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurallambda.lang.primitives import ARITHMETIC

OPERATIONS = tuple(ARITHMETIC)
"""The order of the weights of operations."""

PLUS, MINUS = OPERATIONS.index("+"), OPERATIONS.index("-")


@dataclass(frozen=True)
class Integers:
    """The declared integers, and which of `OPERATIONS` may occur on them; no other is looked at."""

    range: range
    names: tuple[str, ...]
    number: int = field(init=False, compare=False)
    """Its place in `ALL`, for custom operators, which take tensors and numbers alone."""

    def __post_init__(self) -> None:
        if self not in ALL:
            ALL.append(self)
        object.__setattr__(self, "number", ALL.index(self))

    def results(self, name: str, left: Int[Tensor, " left"], right: Int[Tensor, " right"]) -> Int[Tensor, "left right"]:
        """The index of the result of each pair of indices, as `each` gives it."""
        return self.each(name, left[:, None], right[None, :])

    def each(self, name: str, left: Tensor, right: Tensor) -> Tensor:
        """The index of the result of some pairs; one past the last where it is out of range or undefined."""
        start, count = self.range.start, len(self.range)
        values = _FUNCTIONS[name](left + start, right + start) - start
        return torch.where((values >= 0) & (values < count), values, count)

    def live(self, weights: Float[Tensor, "batch operations"]) -> tuple[str, ...]:
        """The operations of any weight, where asking is free."""
        if weights.device.type != "cpu":
            return self.names
        some = weights.any(0).tolist()
        return tuple(name for name in self.names if some[OPERATIONS.index(name)])


ALL: list[Integers] = []


def order(left: Int[Tensor, " left"], right: Int[Tensor, " right"]) -> Bool[Tensor, "left right 3"]:
    """Which pairs of integers are less, equal, greater: the last axis."""
    left, right = left[:, None], right[None, :]
    return torch.stack([left < right, left == right, left > right], dim=-1)


_UNDEFINED = 2**62
"""What stands for the result of a division by zero: out of every range."""


def _floor_divide(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.div(left, torch.where(zero, 1, right), rounding_mode="floor"))


def _modulo(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.remainder(left, torch.where(zero, 1, right)))


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": _floor_divide,
    "mod": _modulo,
}
