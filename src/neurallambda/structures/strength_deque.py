"""The strength deque: items with a strength, of which a step may get or put any amount at either end."""

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
    overlap,
    weighted,
    window,
)
from neurallambda.structures.plain import PlainStrengthDeque
from neurallambda.structures.protocol import Form, Kind, Operand, Structure, anywhere


@dataclass(frozen=True)
class StrengthDeque(Structure[StrengthState]):
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
            Operand("action", 4, Kind.STRENGTH, ("get front", "get back", "put front", "put back")),
            Operand("front value", self.width, Kind.VECTOR),
            Operand("back value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return 2 * self.width

    @property
    def forms(self) -> dict[str, Form[StrengthState]]:
        return {"closed": Form(run=self._closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> StrengthState:
        return nothing(batch, self.slots, self.width, device, dtype)

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

    def size(self, state: StrengthState) -> Tensor:
        return state.strengths.sum(1)

    def contents(self, state: StrengthState) -> Tensor:
        return state.strengths[..., None] * state.values

    def reference(self) -> PlainStrengthDeque:
        return PlainStrengthDeque(capacity=self.capacity, width=self.width)

    def _closed(self, state: StrengthState, *operands: Tensor) -> tuple[StrengthState, Tensor]:
        return in_blocks(self._block, state, *operands)

    def _block(
        self, state: StrengthState, actions: Tensor, front_values: Tensor, back_values: Tensor
    ) -> tuple[StrengthState, Tensor]:
        get_front, get_back, put_front, put_back = actions.unbind(-1)
        none = torch.zeros_like(get_front)
        # A step is three moves, each of which first takes and then puts.
        take = torch.stack([get_front, get_back, none], dim=2).flatten(1)
        put = torch.stack([none, put_front, put_back], dim=2).flatten(1)
        start = state.strengths.sum(1)
        moves = flow(take, put, start, self.capacity)
        got_front, got_back, _ = moves.taken.unflatten(1, (-1, 3)).unbind(2)
        _, kept_front, kept_back = moves.kept.unflatten(1, (-1, 3)).unbind(2)

        left_end = torch.cumsum(got_front - kept_front, dim=1)
        left = left_end + kept_front
        right_end = start[:, None] + torch.cumsum(kept_back - got_back, dim=1)
        right = right_end - kept_back

        first_high = torch.cumsum(state.strengths, dim=1)
        first_low = first_high - state.strengths
        low_clip, high_clip = -lowest_since(-left), lowest_since(right)
        first_low_clip, first_high_clip = torch.cummax(left, dim=1).values, torch.cummin(right, dim=1).values
        step = torch.arange(left.shape[1], device=left.device)
        came = (step <= step[:, None]).to(left.dtype)

        low = torch.cat(
            [
                torch.maximum(first_low[:, None], first_low_clip[..., None]),
                torch.maximum(left_end[:, None], low_clip),
                torch.maximum(right[:, None], low_clip),
            ],
            dim=2,
        )
        high = torch.cat(
            [
                torch.minimum(first_high[:, None], first_high_clip[..., None]),
                torch.minimum(left[:, None], high_clip),
                torch.minimum(right_end[:, None], high_clip),
            ],
            dim=2,
        )
        there = torch.cat([torch.ones_like(low[:1, :, : first_low.shape[1]]), came[None], came[None]], dim=2)
        values = torch.cat([state.values, front_values, back_values], dim=1)
        front_edge, back_edge = left_end[..., None], right_end[..., None]
        front = overlap(low, high, front_edge, torch.minimum(front_edge + 1, back_edge)) * there
        back = overlap(low, high, torch.maximum(back_edge - 1, front_edge), back_edge) * there

        slots, time = first_low.shape[1], left.shape[1]
        strengths = torch.clamp(high[:, -1] - low[:, -1], min=0)
        in_line = torch.cat(
            [
                torch.arange(slots + time - 1, slots - 1, -1),
                torch.arange(slots),
                torch.arange(slots + time, slots + 2 * time),
            ]
        ).to(left.device)
        lost = torch.clamp(put - moves.kept, min=0).sum(1)
        ended = replace(
            state,
            values=values[:, in_line],
            strengths=strengths[:, in_line],
            overflow=state.overflow + lost,
        )
        return gathered(ended, self.slots, keep_last=False), torch.cat([front @ values, back @ values], dim=2)
