"""The hard stack: one certain action a step, exact, with gradients to the values."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.recurrence import clamped_sum
from neurallambda.structures.references.stacks import PlainStack

PUSH, POP, STAY = 0, 1, 2


@state
class HardStackState(Batched):
    """Cells from the bottom; those above the depth are zeros."""

    cells: Float[Tensor, "batch capacity width"]
    depth: Int[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class HardStack(CellStructure[HardStackState]):
    """A stack that takes the likeliest action of each step.

    It equals the superposition stack at the corners, at the cost of moving pointers instead of cells. No gradient goes
    to the actions.

    In closed form: the depth is a sum of +1 and -1 clamped between 0 and the capacity; a read is the last value pushed
    at the depth where the stack is now, found by sorting pushes by (depth, time).

    Attributes:
        capacity: how many cells; a push on a full stack loses the bottom one.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("push", "pop", "stay"), idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[HardStackState]]:
        return {"closed": Form(run=self._closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> HardStackState:
        return HardStackState(
            cells=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            depth=torch.zeros(batch, device=device, dtype=torch.int64),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: HardStackState, *operands: Tensor) -> HardStackState:
        action, value = operands
        chosen = action.argmax(1)
        pushed, popped = chosen == PUSH, chosen == POP
        full = pushed & (state.depth == self.capacity)
        moved = torch.cat([state.cells[:, 1:], torch.zeros_like(state.cells[:, :1])], dim=1)
        cells = torch.where(full[:, None, None], moved, state.cells)
        depth = torch.clamp(state.depth + pushed.long() - popped.long(), min=0, max=self.capacity)
        level = torch.arange(self.capacity, device=depth.device)
        written = (pushed[:, None] & (level == depth[:, None] - 1))[..., None]
        cells = torch.where(written, value[:, None], cells)
        return HardStackState(
            cells=torch.where((level < depth[:, None])[..., None], cells, 0.0),
            depth=depth,
            overflow=state.overflow + full.to(state.overflow.dtype),
        )

    def read(self, state: HardStackState) -> Tensor:
        top = torch.clamp(state.depth - 1, min=0)[:, None, None]
        return torch.gather(state.cells, 1, top.expand(-1, 1, self.width))[:, 0]

    def size(self, state: HardStackState) -> Tensor:
        return state.depth.to(state.overflow.dtype)

    def contents(self, state: HardStackState) -> Tensor:
        return state.cells

    def reference(self) -> PlainStack:
        return PlainStack(capacity=self.capacity, width=self.width)

    def _closed(self, state: HardStackState, actions: Tensor, values: Tensor) -> tuple[HardStackState, Tensor]:
        chosen = actions.argmax(-1)
        pushed = chosen == PUSH
        change = pushed.long() - (chosen == POP).long()
        depth, lost = bounded_count(change, state.depth, self.capacity)
        floor = torch.cumsum(lost, dim=1)
        cell = torch.arange(self.capacity, device=depth.device)

        held_level = torch.where(cell < state.depth[:, None], cell + 1, 0)
        asked_level = torch.where(depth > 0, depth + floor, 0)
        last_level = torch.where(cell < depth[:, -1:], cell + 1 + floor[:, -1:], 0)
        levels = torch.cat([held_level, asked_level, last_level], dim=1)
        is_source = torch.cat([held_level > 0, pushed, torch.zeros_like(last_level, dtype=torch.bool)], dim=1)
        source = last_before(levels, is_source)[:, self.capacity :]

        known = torch.cat([state.cells, values, torch.zeros_like(values[:, :1])], dim=1)
        source = torch.where(levels[:, self.capacity :] > 0, source, known.shape[1] - 1)
        found = torch.gather(known, 1, source[..., None].expand(-1, -1, self.width))
        time = values.shape[1]
        ended = HardStackState(
            cells=found[:, time:], depth=depth[:, -1], overflow=state.overflow + floor[:, -1].to(state.overflow.dtype)
        )
        return ended, found[:, :time]


def bounded_count(
    change: Int[Tensor, "batch time"], start: Int[Tensor, " batch"], capacity: int
) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]:
    """The sum of +1, 0 and -1 kept between 0 and `capacity`, and where a +1 met a full structure."""
    low, high = torch.zeros_like(change), torch.full_like(change, capacity)
    # Exact: floats hold every whole number up to 16 million.
    count = clamped_sum(change.float(), low.float(), high.float(), start.float()).long()
    earlier = torch.cat([start[:, None], count[:, :-1]], dim=1)
    return count, ((change > 0) & (earlier == capacity)).long()


def last_before(levels: Int[Tensor, "batch events"], is_source: Tensor) -> Int[Tensor, "batch events"]:
    """For each event, the index of the last source at the same level, the event itself included.

    Where a level has no source so far, the answer is some other event.
    """
    order = torch.argsort(levels, dim=1, stable=True)
    index = torch.arange(levels.shape[1], device=levels.device)
    candidates = torch.where(torch.gather(is_source, 1, order), index, 0)
    latest = torch.cummax(candidates, dim=1).values
    source = torch.gather(order, 1, latest)
    return torch.zeros_like(source).scatter(1, order, source)
