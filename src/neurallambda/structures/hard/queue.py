"""The hard queue: one certain action a step, exact, with gradients to the values."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.hard.stack import bounded_count
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.queues import PlainQueue

PUT, GET, STAY = 0, 1, 2


@state
class HardQueueState(Batched):
    """Cells from the front; those behind the last item are zeros."""

    cells: Float[Tensor, "batch capacity width"]
    length: Int[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class HardQueue(CellStructure[HardQueueState]):
    """A queue that takes the likeliest action of each step.

    It equals the superposition queue at the corners, at the cost of moving pointers instead of cells. No gradient goes
    to the actions.

    In closed form: the length is a sum of +1 and -1 clamped between 0 and the capacity; the item read is the n-th one
    put in, where n is how many have come out, plus one.

    Attributes:
        capacity: how many cells; what is put into a full queue is lost.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("put", "get", "stay"), idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[HardQueueState]]:
        return {"closed": Form(run=self._closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> HardQueueState:
        return HardQueueState(
            cells=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            length=torch.zeros(batch, device=device, dtype=torch.int64),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: HardQueueState, *operands: Tensor) -> HardQueueState:
        action, value = operands
        chosen = action.argmax(1)
        put, got = chosen == PUT, chosen == GET
        full = put & (state.length == self.capacity)
        moved = torch.cat([state.cells[:, 1:], torch.zeros_like(state.cells[:, :1])], dim=1)
        cells = torch.where(got[:, None, None], moved, state.cells)
        place = torch.arange(self.capacity, device=value.device)
        written = (put[:, None] & (place == state.length[:, None]))[..., None]
        return HardQueueState(
            cells=torch.where(written, value[:, None], cells),
            length=torch.clamp(state.length + put.long() - got.long(), min=0, max=self.capacity),
            overflow=state.overflow + full.to(state.overflow.dtype),
        )

    def read(self, state: HardQueueState) -> Tensor:
        return state.cells[:, 0]

    def size(self, state: HardQueueState) -> Tensor:
        return state.length.to(state.overflow.dtype)

    def contents(self, state: HardQueueState) -> Tensor:
        return state.cells

    def reference(self) -> PlainQueue:
        return PlainQueue(capacity=self.capacity, width=self.width)

    def _closed(self, state: HardQueueState, actions: Tensor, values: Tensor) -> tuple[HardQueueState, Tensor]:
        chosen = actions.argmax(-1)
        put = chosen == PUT
        change = put.long() - (chosen == GET).long()
        length, lost = bounded_count(change, state.length, self.capacity)
        place = torch.arange(self.capacity, device=length.device)

        entered = torch.cat([place < state.length[:, None], put & (lost == 0)], dim=1)
        number = torch.cumsum(entered, dim=1)
        out = number[:, self.capacity :] - length
        first = torch.where(length > 0, out + 1, 0)
        last = torch.where(place < length[:, -1:], out[:, -1:] + 1 + place, 0)
        # The n-th to enter is where the running number first reaches n.
        asked = torch.cat([first, last], dim=1)
        source = torch.searchsorted(number, torch.clamp(asked, min=1).contiguous())

        known = torch.cat([state.cells, values, torch.zeros_like(values[:, :1])], dim=1)
        source = torch.where(asked > 0, source, known.shape[1] - 1)
        found = torch.gather(known, 1, source[..., None].expand(-1, -1, self.width))
        time = values.shape[1]
        ended = HardQueueState(
            cells=found[:, time:],
            length=length[:, -1],
            overflow=state.overflow + lost.sum(1).to(state.overflow.dtype),
        )
        return ended, found[:, :time]
