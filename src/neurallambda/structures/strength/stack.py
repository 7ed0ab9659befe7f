"""The strength stack: items with a strength, of which a step may take or put any amount."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.stacks import PlainStrengthStack
from neurallambda.structures.strength.items import (
    StrengthState,
    after,
    before,
    gathered,
    left_of,
    weighted,
    window,
)
from neurallambda.structures.strength.line import Edge, Line, flow, lowest_since, shares, widened
from neurallambda.structures.strength.structure import StrengthStructure


@checked
@dataclass(frozen=True)
class StrengthStack(StrengthStructure):
    """A stack of items with strengths (Grefenstette et al., 2015).

    A step first pops strength u from the top, then pushes the value with strength d. A read is the weighted sum of the
    items within one unit of strength of the top. When the strengths exceed `capacity`, the bottom is lost and reported
    as overflow.

    In closed form: B_t = max(0, H_{t-1} - u_t) and H_t = B_t + d_t. Item i is the interval [B_i, H_i], clipped above by
    the lowest B since; its weight in a read is its overlap with [H_t - 1, H_t].

    Attributes:
        capacity: how much strength it holds: how many whole items.
        width: the length of a value.
        slots: how many items, whole or partial, a state carries; by default twice the capacity. Partial items beyond
            that are lost from the bottom, as overflow. A scan needs slots only between blocks of steps and at its end.
    """

    edges: ClassVar = (Edge.RIGHT,)
    keep_last: ClassVar = True

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 2, Kind.STRENGTH, ("pop", "push")),
            Operand("value", self.width, Kind.VECTOR),
        )

    def advance(self, state: StrengthState, *operands: Tensor) -> StrengthState:
        action, value = operands
        left = left_of(state.strengths, after(state.strengths), action[:, 0])
        strengths = torch.cat([left, action[:, 1:]], dim=1)
        excess = torch.clamp(strengths.sum(1) - self.capacity, min=0)
        grown = StrengthState(
            values=torch.cat([state.values, value[:, None]], dim=1),
            strengths=left_of(strengths, before(strengths), excess),
            overflow=state.overflow + excess,
        )
        return gathered(grown, self.slots, keep_last=True)

    def read(self, state: StrengthState) -> Tensor:
        return weighted(window(state.strengths, after(state.strengths)), state.values)

    def reference(self) -> PlainStrengthStack:
        return PlainStrengthStack(capacity=self.capacity, width=self.width)

    def reads_of(self, line: Line) -> Tensor:
        top, held = line.right_end[..., None], line.right_end - line.left_end
        lowest = torch.cummin(line.right, dim=1).values[..., None]
        above = torch.cat([top - torch.minimum(line.first[:, None], lowest), top - lowest_since(line.right)], dim=2)
        # What lies above the beginning of an item is what lies above the end of the one before.
        weights = shares(torch.cat([held[..., None], above[..., 1:-1]], dim=2), held, first=False)
        return weights.to(line.values.dtype) @ line.values

    def line(self, state: StrengthState, *operands: Tensor) -> tuple[Line, Tensor]:
        """The steps on a line whose right edge is the top, and the strength that falls off the bottom at each."""
        actions, values = operands
        pop, push = widened(actions).unbind(-1)
        first = torch.cumsum(functional.pad(widened(state.strengths), [1, 0]), dim=1)
        amount = flow(pop, push, first[:, -1], self.capacity)
        excess = torch.clamp(push - amount.kept, min=0)
        floor = torch.cumsum(excess, dim=1)
        right = amount.left + floor - excess
        line = Line(
            first=first,
            left=floor - excess,
            right=right,
            left_end=floor,
            right_end=right + push,
            values=torch.cat([state.values, values], dim=1),
        )
        return line, excess
