"""The strength queue: items with a strength, of which a step may get or put any amount."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.checks import check_count
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.line import Edge, Line, flow, in_blocks, remaining, shares, widened
from neurallambda.structures.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.references.queues import PlainStrengthQueue
from neurallambda.structures.strength_state import StrengthState, before, gathered, left_of, nothing, weighted, window


@dataclass(frozen=True)
class StrengthQueue(Structure[StrengthState]):
    """A queue of items with strengths (Grefenstette et al., 2015).

    A step first gets strength u from the front, then puts the value at the back with strength d. A read is the weighted
    sum of the items within one unit of strength of the front. What is put in beyond `capacity` is lost and reported as
    overflow.

    In closed form: E_t is the sum of what was put in, C_t = min(E_{t-1}, C_{t-1} + u_t) what has come out; the weight of
    item i in a read is the overlap of [E_i - d_i, E_i] with [C_t, C_t + 1].

    Attributes:
        capacity: how much strength it holds: how many whole items.
        width: the length of a value.
        slots: how many items, whole or partial, a state carries; by default twice the capacity. Partial items beyond
            that are lost from the back, as overflow. A scan needs slots only between blocks of steps and at its end.
    """

    capacity: int
    width: int
    slots: int = 0

    def __post_init__(self) -> None:
        check_count("capacity", self.capacity)
        check_count("width", self.width)
        object.__setattr__(self, "slots", self.slots or 2 * self.capacity)
        check_count("slots", self.slots, least=self.capacity)

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 2, Kind.STRENGTH, ("get", "put")),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[StrengthState]]:
        return {
            "fused": Form(run=self._fused, available=lambda state, *_: can_run_numba(state.strengths)),
            "closed": Form(run=self._closed, available=anywhere),
        }

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> StrengthState:
        return nothing(batch, self.slots, self.width, device, dtype)

    def advance(self, state: StrengthState, *operands: Tensor) -> StrengthState:
        action, value = operands
        get, put = action.unbind(-1)
        left = left_of(state.strengths, before(state.strengths), get)
        kept = torch.minimum(put, torch.clamp(self.capacity - left.sum(1), min=0))
        grown = StrengthState(
            values=torch.cat([state.values, value[:, None]], dim=1),
            strengths=torch.cat([left, kept[:, None]], dim=1),
            overflow=state.overflow + put - kept,
        )
        return gathered(grown, self.slots, keep_last=False)

    def read(self, state: StrengthState) -> Tensor:
        return weighted(window(state.strengths, before(state.strengths)), state.values)

    def size(self, state: StrengthState) -> Tensor:
        return state.strengths.sum(1)

    def contents(self, state: StrengthState) -> Tensor:
        return state.strengths[..., None] * state.values

    def reference(self) -> PlainStrengthQueue:
        return PlainStrengthQueue(capacity=self.capacity, width=self.width)

    def _fused(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        from neurallambda.structures.line_numba import swept

        line, lost = self._line(state, actions, values)
        return self._ended(state, line, lost), swept(line, (Edge.LEFT,))

    def _closed(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        return in_blocks(self._block, state, actions, values)

    def _block(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        line, lost = self._line(state, actions, values)
        near = line.narrowed()
        ends = torch.cat([near.first[:, 1:], near.right_end], dim=1)
        reads = (
            shares(ends[:, None] - near.left_end[..., None], near.right_end - near.left_end, first=True) @ near.values
        )
        return self._ended(state, line, lost), reads

    def _line(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[Line, Tensor]:
        """The steps on a line whose left edge is the front, and the strength for which there is no room at each."""
        get, put = widened(actions).unbind(-1)
        first = torch.cumsum(functional.pad(widened(state.strengths), [1, 0]), dim=1)
        amount = flow(get, put, first[:, -1], self.capacity)
        front = torch.cumsum(amount.taken, dim=1)
        back = first[:, -1:] + torch.cumsum(amount.kept, dim=1)
        line = Line(
            first=first,
            left=front,
            right=torch.cat([first[:, -1:], back[:, :-1]], dim=1),
            left_end=front,
            right_end=back,
            values=torch.cat([state.values, values], dim=1),
        )
        return line, torch.clamp(put - amount.kept, min=0)

    def _ended(self, state: StrengthState, line: Line, lost: Tensor) -> StrengthState:
        overflow = state.overflow + lost.sum(1).to(state.overflow.dtype)
        grown = StrengthState(values=line.values, strengths=remaining(line), overflow=overflow)
        return gathered(grown, self.slots, keep_last=False)


if __name__ == "__main__":
    from neurallambda.structures.pictures import main

    main("strength_queue")
