"""Arithmetic on distributions over integers: exact marginals, one-hot operands give one-hot results.

An operand is a distribution over the declared integers, of any mass; results have the product of the masses, less what
leaves the range or is not defined.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.pairs import PairTable, pair_sum


def sums(
    left: Float[Tensor, "batch n"],
    right: Float[Tensor, "batch n"],
    plus: Float[Tensor, " batch"],
    minus: Float[Tensor, " batch"],
    integers: range,
) -> Float[Tensor, "batch n"]:
    """The mixture of `left + right` and `left - right` with weights `plus` and `minus`, as far as it stays in range.

    Both are one sum: the right operand is spread over the integers and, negated, over their mirror image.
    """
    low, high = integers.start, integers.stop - 1
    wide = _with_mirror(integers)
    straight = pad(plus[:, None] * right, (low - wide.start, wide.stop - 1 - high))
    mirrored = pad(minus[:, None] * right.flip(-1), (-high - wide.start, wide.stop - 1 + low))
    return pair_sum(left, straight + mirrored, _sum_table(integers, left.device))


def product(
    left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], integers: range
) -> Float[Tensor, "batch n"]:
    """`left * right`, as far as it stays in range."""
    return pair_sum(left, right, _table(torch.mul, integers, left.device))


def quotient(
    left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], integers: range
) -> Float[Tensor, "batch n"]:
    """`left / right`, floored, as far as it is defined and stays in range."""
    return pair_sum(left, right, _table(_floor_divide, integers, left.device))


def remainder(
    left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], integers: range
) -> Float[Tensor, "batch n"]:
    """`left mod right`, of the divisor's sign, as far as it is defined and stays in range."""
    return pair_sum(left, right, _table(_modulo, integers, left.device))


def compare(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch 3"]:
    """The masses of less, equal and greater."""
    equal = (left * right).sum(-1)
    at_most = (left.cumsum(-1) * right).sum(-1)
    all_pairs = left.sum(-1) * right.sum(-1)
    return torch.stack([at_most - equal, equal, all_pairs - at_most], dim=-1).clamp_min(0)


def _with_mirror(integers: range) -> range:
    """The least range that holds the integers and their negatives."""
    return range(min(integers.start, 1 - integers.stop), max(integers.stop, 1 - integers.start))


@lru_cache(maxsize=16)
def _sum_table(integers: range, device: torch.device) -> PairTable:
    wide = _with_mirror(integers)
    return PairTable.of(torch.add, integers, wide, integers, device, shift=-wide.start)


@lru_cache(maxsize=64)
def _table(function, integers: range, device: torch.device) -> PairTable:  # noqa: ANN001
    return PairTable.of(function, integers, integers, integers, device)


_UNDEFINED = 2**62
"""What stands for the result of a division by zero: out of every range."""


def _floor_divide(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.div(left, torch.where(zero, 1, right), rounding_mode="floor"))


def _modulo(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.remainder(left, torch.where(zero, 1, right)))
