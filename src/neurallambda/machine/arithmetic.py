"""Arithmetic on distributions over integers: exact marginals, one-hot operands give one-hot results.

An operand is a distribution over the declared integers, of any mass; results have the product of the masses, less what
leaves the range or is not defined.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.pairs import PairTable, pair_sum

SUM = "+ and -"


@dataclass(frozen=True)
class Arithmetic:
    """The tables of the operations that are needed, over a range of integers."""

    integers: range
    tables: Mapping[str, PairTable]

    @staticmethod
    def of(integers: range, operations: frozenset[str], device: torch.device) -> "Arithmetic":
        """Make the tables."""
        tables = {
            name: PairTable.of(function, integers, integers, integers, device)
            for name, function in _TABULATED.items()
            if name in operations
        }
        if not operations.isdisjoint("+-"):
            wide = _with_mirror(integers)
            tables[SUM] = PairTable.of(torch.add, integers, wide, integers, device, shift=-wide.start)
        return Arithmetic(integers, tables)

    def sums(
        self,
        left: Float[Tensor, "batch n"],
        right: Float[Tensor, "batch n"],
        plus: Float[Tensor, " batch"],
        minus: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch n"]:
        """The mixture of `left + right` and `left - right` with weights `plus` and `minus`, as far as it stays in range.

        Both are one sum: the right operand is spread over the integers and, negated, over their mirror image.
        """
        low, high = self.integers.start, self.integers.stop - 1
        wide = _with_mirror(self.integers)
        straight = pad(plus[:, None] * right, (low - wide.start, wide.stop - 1 - high))
        mirrored = pad(minus[:, None] * right.flip(-1), (-high - wide.start, wide.stop - 1 + low))
        return pair_sum(left, straight + mirrored, self.tables[SUM])

    def apply(
        self, name: str, left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]
    ) -> Float[Tensor, "batch n"]:
        """`*`, `/` or `mod`, as far as it is defined and stays in range."""
        return pair_sum(left, right, self.tables[name])


def compare(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch 3"]:
    """The masses of less, equal and greater."""
    equal = (left * right).sum(-1)
    at_most = (left.cumsum(-1) * right).sum(-1)
    all_pairs = left.sum(-1) * right.sum(-1)
    return torch.stack([at_most - equal, equal, all_pairs - at_most], dim=-1).clamp_min(0)


def _with_mirror(integers: range) -> range:
    """The least range that holds the integers and their negatives."""
    return range(min(integers.start, 1 - integers.stop), max(integers.stop, 1 - integers.start))


_UNDEFINED = 2**62
"""What stands for the result of a division by zero: out of every range."""


def _floor_divide(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.div(left, torch.where(zero, 1, right), rounding_mode="floor"))


def _modulo(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.remainder(left, torch.where(zero, 1, right)))


_TABULATED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"*": torch.mul, "/": _floor_divide, "mod": _modulo}
