"""Recurrences over time without a loop over time: log2(T) rounds, in each of which every moment looks twice as far back.

A recurrence whose steps compose into a step of the same form can be computed by doubling: after round k, entry t holds
the composition of the 2^k steps that end at t.
"""

import torch
from torch import Tensor
from torch.nn import functional


def gated_sum(gate: Tensor, increment: Tensor, start: Tensor) -> Tensor:
    """x_t = gate_t * x_{t-1} + increment_t, for all t at once.

    Args:
        gate: [batch, time, ...], broadcastable to `increment`.
        increment: [batch, time, ...].
        start: [batch, ...], the value before the first step.

    Returns:
        [batch, time, ...]: x after each step.
    """
    time = increment.shape[1]
    reach = 1
    while reach < time:
        increment = increment + gate * _earlier(increment, reach, 0.0)
        gate = gate * _earlier(gate, reach, 1.0)
        reach *= 2
    return increment + gate * start[:, None]


def clamped_sum(change: Tensor, low: Tensor, high: Tensor, start: Tensor) -> Tensor:
    """x_t = min(high_t, max(low_t, x_{t-1} + change_t)), for all t at once.

    Maps of the form x -> min(high, max(low, x + change)) are closed under composition, which is what makes this work.

    Args:
        change: [batch, time].
        low: [batch, time], at most `high`.
        high: [batch, time].
        start: [batch], the value before the first step.

    Returns:
        [batch, time]: x after each step.
    """
    time = change.shape[1]
    reach = 1
    while reach < time:
        earlier_low, earlier_high = _earlier(low, reach, -torch.inf), _earlier(high, reach, torch.inf)
        low, high = (
            torch.minimum(high, torch.maximum(low, earlier_low + change)),
            torch.minimum(high, torch.maximum(low, earlier_high + change)),
        )
        change = change + _earlier(change, reach, 0.0)
        reach *= 2
    return torch.minimum(high, torch.maximum(low, start[:, None] + change))


def _earlier(series: Tensor, reach: int, before: float) -> Tensor:
    """`series` moved `reach` steps later; `before` stands where it had not begun."""
    padding = [0, 0] * (series.ndim - 2) + [reach, 0]
    return functional.pad(series, padding, value=before)[:, : series.shape[1]]
