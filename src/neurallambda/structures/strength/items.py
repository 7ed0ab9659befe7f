"""What the strength structures carry from step to step: items in order, each with what is left of its strength."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.state import Batched, state


@state
class StrengthState(Batched):
    """Items in order, each with what is left of its strength.

    Attributes:
        values: the items, from the bottom or the front; empty slots come last.
        strengths: what is left of each; zero in an empty slot.
        overflow: the strength lost because there was no room.
    """

    values: Float[Tensor, "batch slots width"]
    strengths: Float[Tensor, "batch slots"]
    overflow: Float[Tensor, " batch"]


def nothing(batch: int, slots: int, width: int, device: torch.device | str | None, dtype: torch.dtype) -> StrengthState:
    """The state without items."""
    return StrengthState(
        values=torch.zeros(batch, slots, width, device=device, dtype=dtype),
        strengths=torch.zeros(batch, slots, device=device, dtype=dtype),
        overflow=torch.zeros(batch, device=device, dtype=dtype),
    )


def before(strengths: Float[Tensor, "batch items"]) -> Float[Tensor, "batch items"]:
    """How much lies before each item."""
    return torch.cumsum(strengths, dim=1) - strengths


def after(strengths: Float[Tensor, "batch items"]) -> Float[Tensor, "batch items"]:
    """How much lies after each item."""
    return before(strengths.flip(1)).flip(1)


def left_of(
    strengths: Float[Tensor, "batch items"], nearer: Float[Tensor, "batch items"], amount: Float[Tensor, " batch"]
) -> Float[Tensor, "batch items"]:
    """What is left when `amount` is cut off at an end; `nearer` is how much lies between each item and that end."""
    return torch.clamp(strengths - torch.clamp(amount[:, None] - nearer, min=0), min=0)


def window(
    strengths: Float[Tensor, "batch items"], nearer: Float[Tensor, "batch items"]
) -> Float[Tensor, "batch items"]:
    """How much of each item lies within one unit of the end from which `nearer` is measured: the weights of a read."""
    return torch.minimum(strengths, torch.clamp(1 - nearer, min=0))


def weighted(weights: Float[Tensor, "batch items"], values: Float[Tensor, "batch items width"]) -> Tensor:
    """[batch, width]: the sum of the values, each times its weight."""
    return (weights[:, None] @ values)[:, 0]


def gathered(state: StrengthState, slots: int, *, keep_last: bool) -> StrengthState:
    """Move the items that are left together, without changing their order, into `slots` slots.

    Args:
        state: any number of items.
        slots: how many to keep.
        keep_last: whether the last items are kept, rather than the first, where there are more than slots.

    Returns:
        The state with `slots` slots; the strength of items for which there was none is added to the overflow.
    """
    # What rounding leaves of an item that is gone must not take a slot.
    alive = state.strengths > 4 * torch.finfo(state.strengths.dtype).eps
    device = alive.device
    order = torch.argsort(alive.to(torch.int8), dim=1, descending=True, stable=True)
    count = alive.sum(1, keepdim=True)
    skipped = torch.clamp(count - slots, min=0) * keep_last
    place = torch.arange(slots, device=device) + skipped
    filled = place < count
    index = torch.gather(order, 1, torch.clamp(place, max=alive.shape[1] - 1))
    values = torch.gather(state.values, 1, index[..., None].expand(-1, -1, state.values.shape[2]))
    strengths = torch.where(filled, torch.gather(state.strengths, 1, index), 0.0)
    return StrengthState(
        values=torch.where(filled[..., None], values, 0.0),
        strengths=strengths,
        overflow=state.overflow + torch.where(count[:, 0] > slots, state.strengths.sum(1) - strengths.sum(1), 0.0),
    )
