"""The strength queue: items with a strength, of which a step may get or put any amount."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.queues import PlainStrengthQueue
from neurallambda.structures.strength.items import StrengthState, before, gathered, left_of, weighted, window
from neurallambda.structures.strength.line import Edge, Line, flow, shares, widened
from neurallambda.structures.strength.structure import StrengthStructure


@checked
@dataclass(frozen=True)
class StrengthQueue(StrengthStructure):
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

    edges: ClassVar = (Edge.LEFT,)
    keep_last: ClassVar = False

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 2, Kind.STRENGTH, ("get", "put")),
            Operand("value", self.width, Kind.VECTOR),
        )

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

    def reference(self) -> PlainStrengthQueue:
        return PlainStrengthQueue(capacity=self.capacity, width=self.width)

    def reads_of(self, line: Line) -> Tensor:
        ends = torch.cat([line.first[:, 1:], line.right_end], dim=1)
        weights = shares(ends[:, None] - line.left_end[..., None], line.right_end - line.left_end, first=True)
        return weights.to(line.values.dtype) @ line.values

    def line(self, state: StrengthState, *operands: Tensor) -> tuple[Line, Tensor]:
        """The steps on a line whose left edge is the front, and the strength for which there is no room at each."""
        actions, values = operands
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
