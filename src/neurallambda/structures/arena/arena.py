"""An append-only arena: records at addresses, each of which may point only to records made before it.

So structure is shared for free and a cycle cannot be made. A pointer is a distribution over addresses; what it lacks of
summing to one is the probability that it points nowhere.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Pointer = Float[Tensor, "batch capacity"]


def next_slot(made: Int[Tensor, " batch"], capacity: int, dtype: torch.dtype) -> Pointer:
    """The address of the next record, one-hot; all zeros where the arena is full."""
    return (torch.arange(capacity, device=made.device) == made[:, None]).to(dtype)


def is_made(made: Int[Tensor, " batch"], capacity: int) -> Bool[Tensor, "batch capacity"]:
    """Which addresses hold a record."""
    return torch.arange(capacity, device=made.device) < made[:, None]


def valid(address: Float[Tensor, "batch addresses"], made: Int[Tensor, " batch"]) -> Pointer:
    """The pointer to `address`, whose entry 0 is nowhere: addresses without a record point nowhere too."""
    return torch.where(is_made(made, address.shape[1] - 1), address[:, 1:], 0.0)


def followed(pointer: Pointer, field: Float[Tensor, "batch capacity target"]) -> Float[Tensor, "batch target"]:
    """What a field of the records holds, where `pointer` points."""
    return (pointer[:, None] @ field)[:, 0]


def appended(
    field: Float[Tensor, "batch capacity target"], slot: Pointer, content: Float[Tensor, "batch target"]
) -> Float[Tensor, "batch capacity target"]:
    """The field of the records with `content` at `slot`, which was empty."""
    return field + slot[..., None] * content[:, None]
