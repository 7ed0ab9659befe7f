"""Arithmetic on operands that have mass at few integers: the sums over their pairs, one by one."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.integers import OPERATIONS, Integers, order
from neurallambda.arithmetic.masses import is_nothing

FEW = 2048
"""So many pairs at most are summed one by one, for the whole batch together."""


def few(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """The integers that have any mass in any row, where asking is free and they are few."""
    if left.device.type != "cpu":
        return None
    some_left, some_right = (side.abs().sum(0).nonzero()[:, 0] for side in (left, right))
    return (some_left, some_right) if len(some_left) * len(some_right) <= FEW else None


def few_pairs(
    left: Tensor, right: Tensor, weights: Tensor, integers: Integers, some_left: Tensor, some_right: Tensor
) -> Tensor:
    """The results, and behind them the masses of less, equal and greater."""
    joint = (left[:, some_left, None] * right[:, None, some_right]).flatten(1)
    result = left.new_zeros(len(left), left.shape[1] + 1)
    for name in integers.live(weights):
        weight = weights[:, OPERATIONS.index(name), None]
        result.index_add_(1, integers.results(name, some_left, some_right).flatten(), joint * weight)
    ordered = joint @ order(some_left, some_right).to(left.dtype).flatten(0, 1)
    return torch.cat([result[:, :-1], ordered], dim=-1)


def few_pairs_backward(
    to_result: Tensor,
    to_order: Tensor,
    left: Tensor,
    right: Tensor,
    weights: Tensor,
    integers: Integers,
    some_left: Tensor,
    some_right: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """What arrives at `left`, `right` and `weights`, also where they have no mass."""
    everything = torch.arange(left.shape[1])
    to_result = pad(to_result, (0, 1))  # what is out of range has no gradient
    to_weights, live = torch.zeros_like(weights), integers.live(weights)
    left_part, right_part = left[:, some_left], right[:, some_right]
    at_left = left.new_zeros(len(left), left.shape[1], len(some_right))
    at_right = right.new_zeros(len(left), len(some_left), right.shape[1])
    if not is_nothing(to_order):
        at_left += _spread(to_order, order(everything, some_right))
        at_right += _spread(to_order, order(some_left, everything))
    for name in integers.names:
        column = OPERATIONS.index(name)
        arriving = _gather(to_result, integers.results(name, some_left, some_right))
        to_weights[:, column] = ((left_part[:, None] @ arriving)[:, 0] * right_part).sum(-1)
        if name in live:
            weight = weights[:, column, None, None]
            at_left.addcmul_(_gather(to_result, integers.results(name, everything, some_right)), weight)
            at_right.addcmul_(_gather(to_result, integers.results(name, some_left, everything)), weight)
    return (at_left * right_part[:, None]).sum(2), (at_right * left_part[:, :, None]).sum(1), to_weights


def _gather(values: Float[Tensor, "batch n"], index: Int[Tensor, "left right"]) -> Float[Tensor, "batch left right"]:
    return values.index_select(1, index.flatten()).unflatten(1, index.shape)


def _spread(
    to_order: Float[Tensor, "batch 3"], ordered: Bool[Tensor, "left right 3"]
) -> Float[Tensor, "batch left right"]:
    """What arrives at each pair, by its order."""
    return (to_order @ ordered.to(to_order.dtype).flatten(0, 1).t()).unflatten(1, ordered.shape[:2])
