"""The data latch: one vector that is set, reset or held."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import check_count
from neurallambda.state import Batched, state
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.latch import HOLD, SET
from neurallambda.structures.protocol import Structure
from neurallambda.structures.recurrence import gated_sum
from neurallambda.structures.references.latches import PlainDataLatch


@state
class DataLatchState(Batched):
    """The vector held.

    Attributes:
        data: the mean of the vector, zeros where there is none.
        filled: the probability that there is one.
        overflow: always zero; what is set takes the place of what was there.
    """

    data: Float[Tensor, "batch width"]
    filled: Float[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class DataLatch(Structure[DataLatchState]):
    """One vector: data' = set * value + hold * data.

    A scan is a first-order recurrence, computed in log2(time) rounds.

    Attributes:
        width: the length of the vector.
    """

    width: int

    def __post_init__(self) -> None:
        check_count("width", self.width)

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("set", "reset", "hold"), idle=HOLD),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[DataLatchState]]:
        return {"closed": Form(run=_closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> DataLatchState:
        nothing = torch.zeros(batch, device=device, dtype=dtype)
        data = torch.zeros(batch, self.width, device=device, dtype=dtype)
        return DataLatchState(data=data, filled=nothing, overflow=nothing)

    def advance(self, state: DataLatchState, *operands: Tensor) -> DataLatchState:
        action, value = operands
        return DataLatchState(
            data=action[:, SET, None] * value + action[:, HOLD, None] * state.data,
            filled=action[:, SET] + action[:, HOLD] * state.filled,
            overflow=state.overflow,
        )

    def read(self, state: DataLatchState) -> Tensor:
        return state.data

    def size(self, state: DataLatchState) -> Tensor:
        return state.filled

    def contents(self, state: DataLatchState) -> Tensor:
        return state.data[:, None]

    def reference(self) -> PlainDataLatch:
        return PlainDataLatch(width=self.width)


def _closed(state: DataLatchState, actions: Tensor, values: Tensor) -> tuple[DataLatchState, Tensor]:
    setting, holding = actions[..., SET], actions[..., HOLD]
    data = gated_sum(holding[..., None], setting[..., None] * values, state.data)
    filled = gated_sum(holding, setting, state.filled)
    return DataLatchState(data=data[:, -1], filled=filled[:, -1], overflow=state.overflow), data
