"""What the strength structures share: items are intervals on a line, and reading is measuring overlaps.

Lay everything that is put in end to end on a line. A structure holds the stretch between two edges; an item is the part
of the line that it was given, less what the edges have cut off since. What is read is the overlap with a window of
length one at an edge. All of this is closed form: the amount held follows a recurrence that only adds and clamps, and
the rest are running sums, minima and overlaps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.state import state
from neurallambda.structures.recurrence import clamped_sum

BLOCK = 128
"""Steps worked on at once; the tiles of overlaps are BLOCK * (BLOCK + slots), whatever the length of a sequence."""


@state
class StrengthState:
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


@dataclass(frozen=True)
class Flow:
    """What goes in and out of a structure that holds at most so much, at each step of a sequence.

    Attributes:
        taken: how much really came out: no more than there was.
        left: how much there was when it had come out.
        kept: how much of what was put in found room.
        held: how much there is after the step.
    """

    taken: Float[Tensor, "batch time"]
    left: Float[Tensor, "batch time"]
    kept: Float[Tensor, "batch time"]
    held: Float[Tensor, "batch time"]


def flow(
    take: Float[Tensor, "batch time"],
    put: Float[Tensor, "batch time"],
    start: Float[Tensor, " batch"],
    capacity: int,
) -> Flow:
    """The amount held when each step first takes, then puts.

    Args:
        take: how much to take out.
        put: how much to put in afterwards.
        start: how much there is before the first step.
        capacity: how much there may be.

    Returns:
        The flow.
    """
    room = torch.full_like(take, capacity)
    held = clamped_sum(put - take, torch.minimum(put, room), room, start)
    earlier = torch.cat([start[:, None], held[:, :-1]], dim=1)
    left = torch.clamp(earlier - take, min=0)
    return Flow(taken=earlier - left, left=left, kept=held - left, held=held)


def lowest_since(levels: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time time"]:
    """At (t, i), the minimum of `levels` over the steps after i, up to t; infinite where i is t or later."""
    step = torch.arange(levels.shape[1], device=levels.device)
    later = step[:, None] > step
    return torch.cummin(torch.where(later, levels[:, :, None], torch.inf), dim=1).values


def shares(within: Float[Tensor, "batch time items"], held: Float[Tensor, "batch time"], *, first: bool) -> Tensor:
    """The weights of reads, from how far each item's far edge is from the edge that is read.

    Args:
        within: the distance from the edge that is read to the far edge of each item, in order along the line.
        held: how much there is.
        first: whether the edge that is read is before the first item rather than after the last.

    Returns:
        [batch, time, items]: how much of each item lies within one unit of the edge.
    """
    covered = torch.minimum(torch.clamp(within, min=0), torch.clamp(held, max=1)[..., None])
    return (
        torch.diff(covered, dim=2, prepend=torch.zeros_like(covered[..., :1]))
        if first
        else torch.diff(-covered, dim=2, append=torch.zeros_like(covered[..., :1]))
    )


def overlap(low: Tensor, high: Tensor, window_low: Tensor, window_high: Tensor) -> Tensor:
    """The length of the overlap of the intervals [low, high] with the windows; all are broadcast together."""
    return torch.clamp(torch.minimum(high, window_high) - torch.maximum(low, window_low), min=0)


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


def in_blocks(
    block: Callable[..., tuple[StrengthState, Tensor]], state: StrengthState, *operands: Tensor
) -> tuple[StrengthState, Tensor]:
    """Scan BLOCK steps at a time, so that memory grows with time and not with its square."""
    reads = []
    for part in zip(*(operand.split(BLOCK, dim=1) for operand in operands), strict=True):
        state, read = block(state, *part)
        reads.append(read)
    return state, torch.cat(reads, dim=1)
