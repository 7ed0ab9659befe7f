"""The superposition stack: push, pop and stay at once, each with its weight."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import check_count
from neurallambda.state import Batched, state
from neurallambda.structures.availability import can_fuse, can_use_triton
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.stacks import PlainStack
from neurallambda.structures.superposition.chunked.stack import scan_chunked
from neurallambda.structures.superposition.step import mixed


@state
class SuperpositionStackState(Batched):
    """A mixture of stacks.

    Each cell is the mean of what lies there, zeros where nothing does. The top is apart from the rest because it is all
    that a controller reads: its gradient need not be spread over the whole stack at each step.

    Attributes:
        top: the first cell.
        rest: the cells below it.
        occupied: the probability that the stack is deeper than each cell.
        overflow: the mass of items lost off the bottom.
    """

    top: Float[Tensor, "batch width"]
    rest: Float[Tensor, "batch below width"]
    occupied: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]

    @property
    def cells(self) -> Float[Tensor, "batch capacity width"]:
        """All cells, top first."""
        return torch.cat([self.top[:, None], self.rest], dim=1)


@dataclass(frozen=True)
class SuperpositionStack(CellStructure[SuperpositionStackState]):
    """A stack whose every step is a mixture of push, pop and stay (Joulin and Mikolov, 2015).

    With push p, pop q and stay n, cell i becomes p * cell[i-1] + n * cell[i] + q * cell[i+1], where cell[-1] is the
    value pushed. The state is linear in what it holds and in the action, so it is the exact mean over all the
    sequences of certain actions. A push on a full stack loses the bottom cell and reports its mass as overflow.

    Attributes:
        capacity: how many cells.
        width: the length of a value.
        pops: how many items one step may pop; beyond one, the actions "pop 2", "pop 3", ... follow "stay"
            (Yogatama et al., 2018).
    """

    pops: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("pops", self.pops)

    @property
    def operands(self) -> tuple[Operand, ...]:
        labels = ("push", "pop", "stay", *(f"pop {count}" for count in range(2, self.pops + 1)))
        return (
            Operand("action", len(labels), Kind.DISTRIBUTION, labels, idle=2),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[SuperpositionStackState]]:
        return {
            "fused": Form(run=_fused, available=lambda state, action, _: can_fuse(state.top, action)),
            "triton": Form(run=_triton, available=lambda state, action, _: can_use_triton(state.top, action)),
            "chunked": Form(run=_chunked, available=anywhere),
        }

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> SuperpositionStackState:
        return SuperpositionStackState(
            top=torch.zeros(batch, self.width, device=device, dtype=dtype),
            rest=torch.zeros(batch, self.capacity - 1, self.width, device=device, dtype=dtype),
            occupied=torch.zeros(batch, self.capacity, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: SuperpositionStackState, *operands: Tensor) -> SuperpositionStackState:
        action, value = operands
        step = _step(state.top, action)
        return SuperpositionStackState(*step(action, value, state.top, state.rest, state.occupied, state.overflow))

    def read(self, state: SuperpositionStackState) -> Tensor:
        return state.top

    def size(self, state: SuperpositionStackState) -> Tensor:
        return state.occupied.sum(1)

    def contents(self, state: SuperpositionStackState) -> Tensor:
        return state.cells

    def reference(self) -> PlainStack:
        return PlainStack(capacity=self.capacity, width=self.width)


def _step(top: Tensor, action: Tensor) -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The fastest way to take a step of these tensors."""
    if not can_fuse(top, action):
        return mixed
    from neurallambda.structures.superposition.numba.step import step_fused

    return step_fused


def _chunked(state: SuperpositionStackState, *operands: Tensor) -> tuple[SuperpositionStackState, Tensor]:
    return _with(scan_chunked, state, *operands)


def _fused(state: SuperpositionStackState, *operands: Tensor) -> tuple[SuperpositionStackState, Tensor]:
    from neurallambda.structures.superposition.numba.scan import scan_stack

    return _with(scan_stack, state, *operands)


def _triton(state: SuperpositionStackState, *operands: Tensor) -> tuple[SuperpositionStackState, Tensor]:
    from neurallambda.structures.superposition.triton import scan_triton

    return _with(scan_triton, state, *operands)


def _with(
    scan: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]], state: SuperpositionStackState, *operands: Tensor
) -> tuple[SuperpositionStackState, Tensor]:
    reads, cells, occupied, overflow = scan(*operands, state.cells, state.occupied, state.overflow)
    after = SuperpositionStackState(top=cells[:, 0], rest=cells[:, 1:], occupied=occupied, overflow=overflow)
    return after, reads
