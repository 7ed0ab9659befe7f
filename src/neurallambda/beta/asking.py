"""What there is at all. A case of no weight does nothing, so it need not be computed where that can be known for free."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from neurallambda.structures.instruction.checks import values_can_be_read

Key = TypeVar("Key", bound=Hashable)


def may_ask(weights: Tensor) -> bool:
    """Whether looking at weights costs nothing and changes nothing: on a CPU, where nothing is compiled or differentiated.

    What has no weight may still have a derivative, so where weights have one, all cases are computed.
    """
    is_constant = not weights.requires_grad and forward_ad._current_level < 0  # pyright: ignore[reportPrivateUsage]
    return is_constant and values_can_be_read(weights)


def present(weights: Float[Tensor, "batch n"]) -> list[bool]:
    """Which of some weights there are in any program of a batch; all of them, where it is not known."""
    return weights.any(0).tolist() if may_ask(weights) else [True] * weights.shape[1]


def is_present(weight: Float[Tensor, "..."]) -> bool:
    """Whether there is a weight in any program of a batch, or it is not known."""
    return not may_ask(weight) or bool(weight.any())


def add(weights: dict[Key, Tensor], more: Mapping[Key, Tensor]) -> None:
    """Add to some of the weights; those that are not there have been none."""
    for key, weight in more.items():
        weights[key] = weights[key] + weight if key in weights else weight


def stacked(
    weights: Mapping[Key, Tensor], keys: Sequence[Key], nothing: Float[Tensor, " batch"]
) -> Float[Tensor, "batch keys"]:
    """The weights in an order, with nothing in the place of those that are not there."""
    return torch.stack([weights.get(key, nothing) for key in keys], dim=-1)
