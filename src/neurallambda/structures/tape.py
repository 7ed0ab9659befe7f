"""The tape: cells, a head, and moves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.tape import PlainTape

STAY, LEFT, RIGHT, JUMP = 0, 1, 2, 3


@state
class TapeState(Batched):
    """A tape and where its head is.

    Attributes:
        cells: what is written, zeros at first.
        head: a distribution over the cells.
        overflow: the mass of moves beyond an end, which left the head where it was.
    """

    cells: Float[Tensor, "batch capacity width"]
    head: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class Tape(CellStructure[TapeState]):
    """A tape as in the Tape-RNN of Delétang et al. (2023), with moves to the left, to the right, or to an address.

    A step first writes the value under the head, as strongly as `write` says, then moves. The head is kept as a
    distribution independent of the cells, so reads are exact whenever the head or the writing is certain.

    Attributes:
        capacity: how many cells; the head starts on the first.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 4, Kind.DISTRIBUTION, ("stay", "left", "right", "jump"), idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
            Operand("write", 1, Kind.STRENGTH),
            Operand("address", self.capacity, Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[TapeState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> TapeState:
        head = torch.zeros(batch, self.capacity, device=device, dtype=dtype)
        return TapeState(
            cells=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            head=functional.pad(head[:, 1:], [1, 0], value=1.0),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: TapeState, *operands: Tensor) -> TapeState:
        action, value, write, address = operands
        here = (write * state.head)[..., None]
        stay, left, right, jump = action[..., None].unbind(1)
        beyond = left[:, 0] * state.head[:, 0] + right[:, 0] * state.head[:, -1]
        to_left = functional.pad(state.head[:, 1:], [0, 1])
        to_left = to_left + functional.pad(state.head[:, :1], [0, self.capacity - 1])
        to_right = functional.pad(state.head[:, :-1], [1, 0])
        to_right = to_right + functional.pad(state.head[:, -1:], [self.capacity - 1, 0])
        return TapeState(
            cells=state.cells + here * (value[:, None] - state.cells),
            head=stay * state.head + left * to_left + right * to_right + jump * address,
            overflow=state.overflow + beyond,
        )

    def read(self, state: TapeState) -> Tensor:
        return (state.head[:, None] @ state.cells)[:, 0]

    def size(self, state: TapeState) -> Tensor:
        return torch.full_like(state.overflow, self.capacity)

    def contents(self, state: TapeState) -> Tensor:
        return state.cells

    def reference(self) -> PlainTape:
        return PlainTape(capacity=self.capacity, width=self.width)
