"""The strength stack: items with a strength, of which a step may take or put any amount."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neurallambda.structures.checks import check_count
from neurallambda.structures.intervals import (
    StrengthState,
    after,
    before,
    flow,
    gathered,
    in_blocks,
    left_of,
    lowest_since,
    nothing,
    shares,
    weighted,
    window,
)
from neurallambda.structures.plain import PlainStrengthStack
from neurallambda.structures.protocol import Form, Kind, Operand, Structure, anywhere


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
        return {"closed": Form(run=self._closed, available=anywhere)}

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

    def _closed(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        return in_blocks(self._block, state, actions, values)

    def _block(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        pop, push = actions.unbind(-1)
        amount = flow(pop, push, state.strengths.sum(1), self.capacity)
        excess = torch.clamp(push - amount.kept, min=0)
        floor = torch.cumsum(excess, dim=1)
        bottom = amount.left + floor - excess
        top = bottom + push

        first_top = torch.cumsum(state.strengths, dim=1)
        lowest = torch.cummin(bottom, dim=1).values
        above_first = torch.minimum(first_top[:, None], lowest[..., None])
        lowest_after = lowest_since(bottom)
        above = torch.cat([top[..., None] - above_first, top[..., None] - lowest_after], dim=2)
        all_values = torch.cat([state.values, values], dim=1)
        # `above` is how much lies above each item; the first item's own far edge is the floor.
        within = torch.cat([amount.held[..., None], above[..., :-1]], dim=2)
        reads = shares(within, amount.held, first=False) @ all_values

        low = torch.cat([first_top - state.strengths, bottom], dim=1)
        high = torch.cat([above_first[:, -1], torch.minimum(top, lowest_after[:, -1])], dim=1)
        ended = replace(
            state,
            values=all_values,
            strengths=torch.clamp(high - torch.maximum(low, floor[:, -1:]), min=0),
            overflow=state.overflow + floor[:, -1],
        )
        return gathered(ended, self.slots, keep_last=True), reads
