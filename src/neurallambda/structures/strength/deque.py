"""The strength deque: items with a strength, of which a step may get or put any amount at either end."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.queues import PlainStrengthDeque
from neurallambda.structures.strength.items import (
    StrengthState,
    after,
    before,
    gathered,
    left_of,
    weighted,
    window,
)
from neurallambda.structures.strength.line import Edge, Line, flow, overlaps, widened
from neurallambda.structures.strength.structure import StrengthStructure


@checked
@dataclass(frozen=True)
class StrengthDeque(StrengthStructure):
    """A queue with two ends, of items with strengths (Grefenstette et al., 2015).

    A step gets strengths from the front and then from the back, and then puts one value at the front and one at the
    back. A read is the weighted sum of the items within one unit of strength of the front, followed by that of the
    back. What is put in beyond `capacity` is lost and reported as overflow.

    In closed form: the deque is the stretch between a left and a right edge. An item is the interval between an edge
    before and after it was put; it is clipped below by the highest left edge since, and above by the lowest right edge
    since; its weights in a read are its overlaps with one unit at either edge.

    Attributes:
        capacity: how much strength it holds: how many whole items.
        width: the length of a value.
        slots: how many items, whole or partial, a state carries; by default twice the capacity. Partial items beyond
            that are lost from the back, as overflow. A scan needs slots only between blocks of steps and at its end.
    """

    edges: ClassVar = (Edge.LEFT, Edge.RIGHT)
    keep_last: ClassVar = False

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 4, Kind.STRENGTH, ("get front", "get back", "put front", "put back")),
            Operand("front value", self.width, Kind.VECTOR),
            Operand("back value", self.width, Kind.VECTOR),
        )

    def advance(self, state: StrengthState, *operands: Tensor) -> StrengthState:
        action, front_value, back_value = operands
        get_front, get_back, put_front, put_back = action.unbind(1)
        left = left_of(state.strengths, before(state.strengths), get_front)
        left = left_of(left, after(left), get_back)
        kept_front = torch.minimum(put_front, torch.clamp(self.capacity - left.sum(1), min=0))
        kept_back = torch.minimum(put_back, torch.clamp(self.capacity - left.sum(1) - kept_front, min=0))
        grown = StrengthState(
            values=torch.cat([front_value[:, None], state.values, back_value[:, None]], dim=1),
            strengths=torch.cat([kept_front[:, None], left, kept_back[:, None]], dim=1),
            overflow=state.overflow + (put_front - kept_front) + (put_back - kept_back),
        )
        return gathered(grown, self.slots, keep_last=False)

    def read(self, state: StrengthState) -> Tensor:
        front = weighted(window(state.strengths, before(state.strengths)), state.values)
        back = weighted(window(state.strengths, after(state.strengths)), state.values)
        return torch.cat([front, back], dim=1)

    def reference(self) -> PlainStrengthDeque:
        return PlainStrengthDeque(capacity=self.capacity, width=self.width)

    def reads_of(self, line: Line) -> Tensor:
        return overlaps(line, self.edges)

    def line(self, state: StrengthState, *operands: Tensor) -> tuple[Line, Tensor]:
        """The steps on a line whose left edge is the front, and the strength for which there is no room at each."""
        actions, front_values, back_values = operands
        get_front, get_back, put_front, put_back = widened(actions).unbind(-1)
        none = torch.zeros_like(get_front)
        # A step is three moves, each of which first takes and then puts.
        take = torch.stack([get_front, get_back, none], dim=2).flatten(1)
        put = torch.stack([none, put_front, put_back], dim=2).flatten(1)
        first = torch.cumsum(functional.pad(widened(state.strengths), [1, 0]), dim=1)
        moves = flow(take, put, first[:, -1], self.capacity)
        got_front, got_back, _ = moves.taken.unflatten(1, (-1, 3)).unbind(2)
        _, kept_front, kept_back = moves.kept.unflatten(1, (-1, 3)).unbind(2)
        left_end = torch.cumsum(got_front - kept_front, dim=1)
        right_end = first[:, -1:] + torch.cumsum(kept_back - got_back, dim=1)
        line = Line(
            first=first,
            left=left_end + kept_front,
            right=right_end - kept_back,
            left_end=left_end,
            right_end=right_end,
            values=torch.cat([state.values, front_values, back_values], dim=1),
        )
        return line, torch.clamp(put - moves.kept, min=0)
