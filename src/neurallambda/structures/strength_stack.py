"""The strength stack: items with a strength, of which a step may take or put any amount."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.checks import check_count
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.line import Edge, Line, flow, in_blocks, lowest_since, remaining, shares, widened
from neurallambda.structures.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.references.stacks import PlainStrengthStack
from neurallambda.structures.strength_state import (
    StrengthState,
    after,
    before,
    gathered,
    left_of,
    nothing,
    weighted,
    window,
)


@dataclass(frozen=True)
class StrengthStack(Structure[StrengthState]):
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
            Operand("action", 2, Kind.STRENGTH, ("pop", "push")),
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

    def size(self, state: StrengthState) -> Tensor:
        return state.strengths.sum(1)

    def contents(self, state: StrengthState) -> Tensor:
        return state.strengths[..., None] * state.values

    def reference(self) -> PlainStrengthStack:
        return PlainStrengthStack(capacity=self.capacity, width=self.width)

    def _fused(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        from neurallambda.structures.line_numba import swept

        line, excess = self._line(state, actions, values)
        return self._ended(state, line, excess), swept(line, (Edge.RIGHT,))

    def _closed(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        return in_blocks(self._block, state, actions, values)

    def _block(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        line, excess = self._line(state, actions, values)
        near = line.narrowed()
        top, held = near.right_end[..., None], near.right_end - near.left_end
        lowest = torch.cummin(near.right, dim=1).values[..., None]
        above = torch.cat([top - torch.minimum(near.first[:, None], lowest), top - lowest_since(near.right)], dim=2)
        # What lies above the beginning of an item is what lies above the end of the one before.
        reads = shares(torch.cat([held[..., None], above[..., 1:-1]], dim=2), held, first=False) @ near.values
        return self._ended(state, line, excess), reads

    def _line(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[Line, Tensor]:
        """The steps on a line whose right edge is the top, and the strength that falls off the bottom at each."""
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

    def _ended(self, state: StrengthState, line: Line, excess: Tensor) -> StrengthState:
        overflow = state.overflow + excess.sum(1).to(state.overflow.dtype)
        grown = StrengthState(values=line.values, strengths=remaining(line), overflow=overflow)
        return gathered(grown, self.slots, keep_last=True)


if __name__ == "__main__":
    from neurallambda.structures.pictures import main

    main("strength_stack")
