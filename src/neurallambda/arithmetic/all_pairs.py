"""Arithmetic on any operands: the sums over all pairs of integers."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.integers import MINUS, OPERATIONS, PLUS, Integers
from neurallambda.arithmetic.pairs import PairTable, shifted_sum, shifted_sum_gradients


def all_pairs(left: Tensor, right: Tensor, weights: Tensor, integers: Integers) -> Tensor:
    """The results, and behind them the masses of less, equal and greater."""
    result, live = torch.zeros_like(left), integers.live(weights)
    if "+" in live or "-" in live:
        summand, shift = _summand(right, weights, integers.range)
        result = shifted_sum(left, summand, shift, left.shape[1])
    for name in live:
        if name not in ("+", "-"):
            weight = weights[:, OPERATIONS.index(name), None]
            result = torch.addcmul(result, weight, _table(name, integers, left.device, left.dtype).sum(left, right))
    return torch.cat([result, compare(left, right)], dim=-1)


def all_pairs_backward(
    to_result: Tensor, to_order: Tensor, left: Tensor, right: Tensor, weights: Tensor, integers: Integers
) -> tuple[Tensor, Tensor, Tensor]:
    """What arrives at `left`, `right` and `weights`."""
    to_left, to_right = _compare_backward(to_order, left, right)
    to_weights = torch.zeros_like(weights)
    if "+" in integers.names or "-" in integers.names:
        summand, shift = _summand(right, weights, integers.range)
        of_left, of_summand = shifted_sum_gradients(to_result, left, summand, shift)
        of_right = _summand_backward(of_summand, right, weights, integers.range, to_weights)
        to_left, to_right = to_left + of_left, to_right + of_right
    for name in integers.names:
        if name not in ("+", "-"):
            column = OPERATIONS.index(name)
            of_left, of_right = _table(name, integers, left.device, left.dtype).gradients(to_result, left, right)
            weight = weights[:, column, None]
            to_left, to_right = torch.addcmul(to_left, weight, of_left), torch.addcmul(to_right, weight, of_right)
            to_weights[:, column] = (of_left * left).sum(-1)
    return to_left, to_right, to_weights


def _summand(right: Tensor, weights: Tensor, numbers: range) -> tuple[Float[Tensor, "batch wide"], int]:
    """What to add to the left operand, and the shift of indices that makes the sum.

    The right operand is spread over the integers by the weight of `+` and, negated, over their mirror image by that of `-`.
    """
    start, straight, mirrored = _wide(numbers)
    summand = right.new_zeros(len(right), straight.stop + mirrored.stop - len(numbers))
    summand[:, straight] += weights[:, [PLUS]] * right
    summand[:, mirrored] += weights[:, [MINUS]] * right.flip(-1)
    return summand, -start


def _summand_backward(
    to_summand: Tensor, right: Tensor, weights: Tensor, numbers: range, to_weights: Tensor
) -> Float[Tensor, "batch n"]:
    """What arrives at `right`; what arrives at the weights is added to `to_weights`."""
    _, straight, mirrored = _wide(numbers)
    of_plus, of_minus = to_summand[:, straight], to_summand[:, mirrored].flip(-1)
    to_weights[:, PLUS] += (of_plus * right).sum(-1)
    to_weights[:, MINUS] += (of_minus * right).sum(-1)
    return weights[:, [PLUS]] * of_plus + weights[:, [MINUS]] * of_minus


def _wide(numbers: range) -> tuple[int, slice, slice]:
    """The least of the integers and their negatives; where, counted from there, the integers lie, and where their negatives."""
    start = min(numbers.start, 1 - numbers.stop)
    straight, mirrored = numbers.start - start, 1 - numbers.stop - start
    return start, slice(straight, straight + len(numbers)), slice(mirrored, mirrored + len(numbers))


def compare(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch 3"]:
    """The masses of less, equal and greater."""
    equal = (left * right).sum(-1)
    at_most = (left.cumsum(-1) * right).sum(-1)
    all_pairs = left.sum(-1) * right.sum(-1)
    return torch.stack([at_most - equal, equal, all_pairs - at_most], dim=-1).clamp_min(0)


def _compare_backward(to_order: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    to_less, to_equal, to_greater = to_order[:, None].unbind(-1)
    left_below, right_below = left.cumsum(-1) - left, right.cumsum(-1) - right
    left_above, right_above = (side.flip(-1).cumsum(-1).flip(-1) - side for side in (left, right))
    to_left = to_less * right_above + to_equal * right + to_greater * right_below
    return to_left, to_less * left_below + to_equal * left + to_greater * left_above


@lru_cache(maxsize=32)
def _table(name: str, integers: Integers, device: torch.device, dtype: torch.dtype) -> PairTable:
    """The results of all pairs."""
    everything = torch.arange(len(integers.range), device=device)
    return PairTable(integers.results(name, everything, everything), len(everything), dtype)
