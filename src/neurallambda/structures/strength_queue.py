"""The strength queue: items with a strength, of which a step may get or put any amount."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neurallambda.structures.checks import check_count
from neurallambda.structures.intervals import (
    StrengthState,
    before,
    flow,
    gathered,
    in_blocks,
    left_of,
    nothing,
    shares,
    weighted,
    window,
)
from neurallambda.structures.plain import PlainStrengthQueue
from neurallambda.structures.protocol import Form, Kind, Operand, Structure, anywhere


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
        return {"closed": Form(run=self._closed, available=anywhere)}

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

    def _closed(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        return in_blocks(self._block, state, actions, values)

    def _block(self, state: StrengthState, actions: Tensor, values: Tensor) -> tuple[StrengthState, Tensor]:
        get, put = actions.unbind(-1)
        amount = flow(get, put, state.strengths.sum(1), self.capacity)
        strengths = torch.cat([state.strengths, amount.kept], dim=1)
        end = torch.cumsum(strengths, dim=1)
        out = torch.cumsum(amount.taken, dim=1)
        all_values = torch.cat([state.values, values], dim=1)
        reads = shares(end[:, None] - out[..., None], amount.held, first=True) @ all_values
        ended = replace(
            state,
            values=all_values,
            strengths=left_of(strengths, end - strengths, out[:, -1]),
            overflow=state.overflow + torch.clamp(put - amount.kept, min=0).sum(1),
        )
        return gathered(ended, self.slots, keep_last=False), reads
