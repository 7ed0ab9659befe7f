"""The pointer stack: cells that stay where they are, and a pointer to the top that moves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.stacks import PlainPointerStack

PUSH, POP, STAY = 0, 1, 2


@state
class PointerStackState(Batched):
    """Cells and the depth.

    Attributes:
        cells: from the bottom; what lies above the pointer is stale.
        depth: a distribution over how many items there are: 0, 1, ..., capacity.
        overflow: the mass of pushes on a full stack, which are lost.
    """

    cells: Float[Tensor, "batch capacity width"]
    depth: Float[Tensor, "batch levels"]
    overflow: Float[Tensor, " batch"]


def sharpened(weights: Float[Tensor, "batch n"], exponent: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch n"]:
    """The distribution with every probability raised to `exponent`, and normalized: 1 changes nothing, more decides."""
    raised = weights**exponent
    return raised / raised.sum(-1, keepdim=True)


@dataclass(frozen=True)
class PointerStack(CellStructure[PointerStackState]):
    """A stack with fixed cells and a soft pointer, which can be sharpened after each step.

    A push writes where the pointer is and moves it up; a pop moves it down. The pointer never wraps around: a pop of an
    empty stack leaves it empty, a push on a full stack is lost and reported as overflow. The pointer is kept as a
    distribution independent of the cells, so reads are exact while the depth is certain; sharpening keeps it so when
    the actions are nearly certain.

    Attributes:
        capacity: how many cells.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("push", "pop", "stay"), idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
            Operand("sharpness", 1, Kind.STRENGTH),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[PointerStackState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> PointerStackState:
        return PointerStackState(
            cells=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            depth=functional.pad(torch.ones(batch, 1, device=device, dtype=dtype), [0, self.capacity]),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: PointerStackState, *operands: Tensor) -> PointerStackState:
        action, value, sharpness = operands
        push, pop, stay = action[..., None].unbind(1)
        depth = state.depth
        write = (push * depth[:, :-1])[..., None]
        up = functional.pad(depth[:, :-1], [1, 0]) + functional.pad(depth[:, -1:], [self.capacity, 0])
        down = functional.pad(depth[:, 1:], [0, 1]) + functional.pad(depth[:, :1], [0, self.capacity])
        return PointerStackState(
            cells=state.cells + write * (value[:, None] - state.cells),
            depth=sharpened(push * up + pop * down + stay * depth, 1 + sharpness),
            overflow=state.overflow + push[:, 0] * depth[:, -1],
        )

    def read(self, state: PointerStackState) -> Tensor:
        return (state.depth[:, None, 1:] @ state.cells)[:, 0]

    def size(self, state: PointerStackState) -> Tensor:
        levels = torch.arange(self.capacity + 1, device=state.depth.device, dtype=state.depth.dtype)
        return (state.depth * levels).sum(1)

    def contents(self, state: PointerStackState) -> Tensor:
        deeper = state.depth.flip(1).cumsum(1).flip(1)[:, 1:]
        return deeper[..., None] * state.cells

    def reference(self) -> PlainPointerStack:
        return PlainPointerStack(capacity=self.capacity, width=self.width)
