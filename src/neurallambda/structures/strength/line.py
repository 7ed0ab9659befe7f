"""The line on which the closed forms of the strength structures work: items are intervals, reading is measuring overlaps.

Lay everything that is put in end to end on a line. A structure holds the stretch between two edges; an item is the part
of the line that it was given, less what the edges have cut off since. What is read is the overlap with a window of
length one at an edge. How much is held follows a recurrence that only adds and clamps; the rest are running sums, minima
and overlaps.
"""

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.recurrence import clamped_sum

SLIVER = 64
"""Overlaps of no more than so many units of rounding are what rounding leaves of nothing, and count as nothing."""


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


class Edge(Enum):
    """The edge of the line at which a read looks."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Line:
    """A sequence of steps, laid out on a line.

    Attributes:
        first: where the items that are there at the start begin, and where the last of them ends.
        left: the left edge after each step has taken.
        right: the right edge after each step has taken.
        left_end: the left edge after each step. Where it is further left, an item was put in between.
        right_end: the right edge after each step. Where it is further right, an item was put in between.
        values: the items: those of the start, those put at the left (if any ever are), those put at the right.
    """

    first: Float[Tensor, "batch boundaries"]
    left: Float[Tensor, "batch time"]
    right: Float[Tensor, "batch time"]
    left_end: Float[Tensor, "batch time"]
    right_end: Float[Tensor, "batch time"]
    values: Float[Tensor, "batch items width"]

    def narrowed(self) -> "Line":
        """The line with narrower positions, for the tiles, where they are many and never far apart.

        Of the type of the values, but in single precision at least: in half precision what rounding leaves of nothing
        would be as large as a whole item.
        """
        dtype = torch.promote_types(self.values.dtype, torch.float32)
        positions = (self.first, self.left, self.right, self.left_end, self.right_end)
        return Line(*(position.to(dtype) for position in positions), values=self.values)

    @property
    def grows_left(self) -> bool:
        """Whether items are put at the left too."""
        return self.values.shape[1] == self.first.shape[1] - 1 + 2 * self.left.shape[1]

    def by_item(self, of_first: Tensor, of_left: Tensor, of_right: Tensor) -> Tensor:
        """One tensor for all items, in the order of `values`, from its parts; items are the last axis."""
        return torch.cat([of_first, *([of_left] if self.grows_left else []), of_right], dim=-1)


def widened(strengths: Tensor) -> Tensor:
    """Strengths in the widest type of their device: sums of them over a long sequence must not lose the small ones."""
    return strengths if strengths.device.type == "mps" else strengths.double()


def remaining(line: Line) -> Float[Tensor, "batch items"]:
    """What is left of each item after the last step."""
    highest_left, lowest_right = -_lowest_after(-line.left), _lowest_after(line.right)
    low = line.by_item(
        torch.maximum(line.first[:, :-1], line.left.amax(1, keepdim=True)),
        torch.maximum(line.left_end, highest_left),
        torch.maximum(line.right, highest_left),
    )
    high = line.by_item(
        torch.minimum(line.first[:, 1:], line.right.amin(1, keepdim=True)),
        torch.minimum(line.left, lowest_right),
        torch.minimum(line.right_end, lowest_right),
    )
    low = torch.maximum(low, line.left_end[:, -1:])
    left_over = torch.clamp(torch.minimum(high, line.right_end[:, -1:]) - low, min=0)
    return left_over.to(line.values.dtype)


def items_left(line: Line) -> tuple[Tensor, Tensor]:
    """The items after the last step, from left to right, and what is left of each: [batch, items, width] and [batch, items]."""
    slots, time = line.first.shape[1] - 1, line.left.shape[1]
    strengths = remaining(line)
    if not line.grows_left:
        return line.values, strengths
    items = torch.arange(slots + 2 * time, device=strengths.device)
    in_order = torch.cat([items[slots : slots + time].flip(0), items[:slots], items[slots + time :]])
    return line.values[:, in_order], strengths[:, in_order]


def _lowest_after(levels: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """The lowest level after each step; infinite after the last."""
    later = torch.cat([levels[:, 1:], torch.full_like(levels[:, :1], torch.inf)], dim=1)
    return torch.cummin(later.flip(1), dim=1).values.flip(1)


def overlaps(line: Line, edges: tuple[Edge, ...]) -> Float[Tensor, "batch time read_width"]:
    """The reads at `edges`, side by side, for any line.

    The weight of an item is the overlap of what the edges have left of it with one unit at the edge that is read.
    """
    step = torch.arange(line.left.shape[1], device=line.left.device)
    low_clip, high_clip = -lowest_since(-line.left), lowest_since(line.right)
    low = line.by_item(
        torch.maximum(line.first[:, None, :-1], torch.cummax(line.left, dim=1).values[..., None]),
        torch.maximum(line.left_end[:, None], low_clip),
        torch.maximum(line.right[:, None], low_clip),
    )
    high = line.by_item(
        torch.minimum(line.first[:, None, 1:], torch.cummin(line.right, dim=1).values[..., None]),
        torch.minimum(line.left[:, None], high_clip),
        torch.minimum(line.right_end[:, None], high_clip),
    )
    came = step <= step[:, None]
    there = line.by_item(torch.ones_like(came[:, :1]).expand(-1, line.first.shape[1] - 1), came, came)
    left_end, right_end = line.left_end[..., None], line.right_end[..., None]
    reads = []
    for edge in edges:
        nearest = torch.maximum(left_end, right_end - 1) if edge is Edge.RIGHT else left_end
        furthest = torch.minimum(left_end + 1, right_end) if edge is Edge.LEFT else right_end
        weights = torch.clamp(torch.minimum(high, furthest) - torch.maximum(low, nearest), min=0)
        certain = functional.threshold(weights, SLIVER * torch.finfo(weights.dtype).eps, 0.0)
        reads.append(torch.where(there, certain, 0.0).to(line.values.dtype) @ line.values)
    return torch.cat(reads, dim=2)
