"""The latch: one bit that is set, reset or held."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.recurrence import gated_sum
from neurallambda.structures.references.latches import PlainLatch

SET, RESET, HOLD = 0, 1, 2


@state
class LatchState(Batched):
    """The probability that the latch is on; nothing is ever lost."""

    on: Float[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class Latch(Structure[LatchState]):
    """One bit: on' = set + hold * on.

    A scan is a first-order recurrence, computed in log2(time) rounds.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (Operand("action", 3, Kind.DISTRIBUTION, ("set", "reset", "hold"), idle=HOLD),)

    @property
    def read_width(self) -> int:
        return 1

    @property
    def forms(self) -> dict[str, Form[LatchState]]:
        return {"closed": Form(run=_closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> LatchState:
        off = torch.zeros(batch, device=device, dtype=dtype)
        return LatchState(on=off, overflow=off)

    def advance(self, state: LatchState, *operands: Tensor) -> LatchState:
        (action,) = operands
        return LatchState(on=action[:, SET] + action[:, HOLD] * state.on, overflow=state.overflow)

    def read(self, state: LatchState) -> Tensor:
        return state.on[:, None]

    def size(self, state: LatchState) -> Tensor:
        return state.on

    def contents(self, state: LatchState) -> Tensor:
        return state.on[:, None, None]

    def reference(self) -> PlainLatch:
        return PlainLatch()


def _closed(state: LatchState, actions: Tensor) -> tuple[LatchState, Tensor]:
    on = gated_sum(actions[..., HOLD], actions[..., SET], state.on)
    return LatchState(on=on[:, -1], overflow=state.overflow), on[..., None]
