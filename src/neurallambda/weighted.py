"""Weights as logarithms: added up, compared, and merged where what they weigh is the same.

The logarithm of nothing is a number that no gradient trips over.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

NOTHING = -1e30
"""The logarithm of no weight at all: `exp` of it is 0, and ten million of them still add up to a finite number."""


def is_something(log_weights: Float[Tensor, "*shape"]) -> Tensor:
    """Where there is any weight, however small."""
    return log_weights > NOTHING / 2


def safe_log(weights: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The logarithm, `NOTHING` at zero; gradients there are zero."""
    some = weights > 0
    return torch.where(some, torch.where(some, weights, 1.0).log(), NOTHING)


def add(one: Float[Tensor, "*shape"], other: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The logarithm of the sum of two weights; what is nothing adds nothing."""
    return torch.logaddexp(one, other)


def total(log_weights: Float[Tensor, "batch worlds"]) -> Float[Tensor, " batch"]:
    """The logarithm of the sum of the weights in each row; of one weight that is itself, and costs nothing."""
    return log_weights[:, 0] if log_weights.shape[1] == 1 else torch.logsumexp(log_weights, -1)


def share(part: Float[Tensor, "*shape"], whole: Float[Tensor, "*whole"]) -> Float[Tensor, "*shape"]:
    """`part / whole`, zeros where the whole is next to nothing, so that no gradient is larger than numbers can be."""
    some = whole > 1e-12
    return torch.where(some, part / torch.where(some, whole, 1.0), 0.0)


def merge(
    log_weight: Float[Tensor, "batch worlds"],
    numbers: Sequence[Int[Tensor, "batch worlds"]],
    contents: Sequence[Int[Tensor, "batch worlds capacity"]],
) -> Float[Tensor, "batch worlds"]:
    """Give the weight of equal configurations to the first of them.

    They are put in order by a hash, and neighbours are then compared in full, so those that differ are never taken for
    equal. Equal ones that another with the same hash comes between would stay apart, which changes no total.

    Args:
        log_weight: the logarithms of the weights.
        numbers: what must agree, numbers of each configuration.
        contents: what must agree, rows of numbers of each configuration.

    Returns:
        The weights; `NOTHING` for those that were added to another.
    """
    there = is_something(log_weight)
    key = torch.where(there, _hash(numbers, contents), -1)
    order = torch.sort(key, dim=1, stable=True).indices
    same = there.gather(1, order)[:, 1:] & there.gather(1, order)[:, :-1]
    for one in numbers:
        sorted_one = one.gather(1, order)
        same = same & (sorted_one[:, 1:] == sorted_one[:, :-1])
    for content in contents:
        sorted_content = content.gather(1, order[..., None].expand_as(content))
        same = same & (sorted_content[:, 1:] == sorted_content[:, :-1]).all(-1)
    is_first = torch.cat([torch.ones_like(same[:, :1]), ~same], 1)
    group = is_first.cumsum(1) - 1
    weights = log_weight.gather(1, order)
    most = torch.full_like(weights, NOTHING).scatter_reduce(1, group, weights.detach(), "amax")
    share = (weights - most.gather(1, group)).exp()
    total = torch.zeros_like(weights).scatter_add(1, group, share)
    summed = most.gather(1, group) + total.gather(1, group).log()
    return torch.zeros_like(weights).scatter(1, order, torch.where(is_first, summed, NOTHING))


def _hash(
    numbers: Sequence[Int[Tensor, "batch worlds"]], contents: Sequence[Int[Tensor, "batch worlds capacity"]]
) -> Int[Tensor, "batch worlds"]:
    """A non-negative number for each configuration, equal for equal ones."""
    key = torch.zeros_like(numbers[0])
    for one in numbers:
        key = (key + one) * _FACTOR
    for content in contents:
        places = torch.arange(1, content.shape[-1] + 1, device=content.device) * _FACTOR
        mixed = (content.long() + 1) * (places * places)
        key = (key + (mixed ^ (mixed >> 29)).sum(-1)) * _FACTOR
    return (key ^ (key >> 31)) & (2**62 - 1)


_FACTOR = 0x9E3779B97F4A7C1 | 1
"""An odd number with its bits well mixed; products wrap around."""
