"""The superposition queue: put, get and stay at once, each with its weight."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.state import Batched, state
from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.queues import PlainQueue
from neurallambda.structures.superposition.chunked.queue import PUT, STAY, places_of_next, scan_chunked


@state
class SuperpositionQueueState(Batched):
    """A mixture of queues.

    Attributes:
        cells: front first; each cell is the mean of what lies there, zeros where nothing does.
        occupied: the probability that the queue is longer than each place.
        overflow: the mass of items for which there was no room.
    """

    cells: Float[Tensor, "batch capacity width"]
    occupied: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class SuperpositionQueue(CellStructure[SuperpositionQueueState]):
    """A queue whose every step is a mixture of put, get and stay.

    A get moves every cell one to the front; a put adds the value to the cell behind the last item, which is cell i with
    the probability that the queue is i long. Both are linear in the state, so it is the exact mean over all the
    sequences of certain actions. What is put into a full queue is lost and reported as overflow.

    Attributes:
        capacity: how many cells.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("put", "get", "stay"), idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[SuperpositionQueueState]]:
        return {
            "fused": Form(run=_fused, available=lambda state, *_: can_run_numba(state.cells)),
            "chunked": Form(run=_chunked, available=anywhere),
        }

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> SuperpositionQueueState:
        return SuperpositionQueueState(
            cells=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            occupied=torch.zeros(batch, self.capacity, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: SuperpositionQueueState, *operands: Tensor) -> SuperpositionQueueState:
        action, value = operands
        put, get, stay = action[..., None].unbind(1)
        occupied = state.occupied
        longer, shorter = functional.pad(occupied[:, :-1], [1, 0], value=1.0), functional.pad(occupied[:, 1:], [0, 1])
        moved = functional.pad(state.cells[:, 1:], [0, 0, 0, 1])
        entering = (put * places_of_next(occupied))[..., None] * value[:, None]
        return SuperpositionQueueState(
            cells=(put + stay)[..., None] * state.cells + get[..., None] * moved + entering,
            occupied=put * longer + get * shorter + stay * occupied,
            overflow=state.overflow + action[:, PUT] * occupied[:, -1],
        )

    def read(self, state: SuperpositionQueueState) -> Tensor:
        return state.cells[:, 0]

    def size(self, state: SuperpositionQueueState) -> Tensor:
        return state.occupied.sum(1)

    def contents(self, state: SuperpositionQueueState) -> Tensor:
        return state.cells

    def reference(self) -> PlainQueue:
        return PlainQueue(capacity=self.capacity, width=self.width)


def _chunked(state: SuperpositionQueueState, *operands: Tensor) -> tuple[SuperpositionQueueState, Tensor]:
    return _with(scan_chunked, state, *operands)


def _fused(state: SuperpositionQueueState, *operands: Tensor) -> tuple[SuperpositionQueueState, Tensor]:
    from neurallambda.structures.superposition.numba.scan import scan_queue

    return _with(scan_queue, state, *operands)


def _with(
    scan: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]], state: SuperpositionQueueState, *operands: Tensor
) -> tuple[SuperpositionQueueState, Tensor]:
    reads, *after = scan(*operands, state.cells, state.occupied, state.overflow)
    return SuperpositionQueueState(*after), reads
