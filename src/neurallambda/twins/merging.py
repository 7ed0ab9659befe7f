"""Adding up the weights of worlds that hold the same."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.twins.weights import NOTHING, is_something


def merge(
    log_weight: Float[Tensor, "batch worlds"],
    numbers: Sequence[Int[Tensor, "batch worlds"]],
    contents: Sequence[Int[Tensor, "batch worlds capacity"]],
) -> Float[Tensor, "batch worlds"]:
    """Give the weight of equal worlds to the first of them.

    Worlds are put in order by a hash, and neighbours are then compared in full, so worlds that differ are never taken for
    equal. Equal ones that another with the same hash comes between would stay apart, which changes no total.

    Args:
        log_weight: the logarithms of the weights.
        numbers: what must agree, numbers of each world.
        contents: what must agree, rows of numbers of each world.

    Returns:
        The weights; `NOTHING` for worlds that were added to another.
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
    """A non-negative number for each world, equal for equal worlds."""
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
