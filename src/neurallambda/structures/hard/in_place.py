"""Stacks and queues of certain actions that write where they stand: for running what was learned, without gradients.

A structure of this library never changes a state that it was given, so a step of it costs as much as its whole memory. A
network whose choices are hard (see `neurallambda.nn.harden`) moves one item a step, and once it only runs nobody looks at
the states that it left. These two take a step in a time that does not depend on how much they hold. They are not public:
`Augmented.in_place` uses them, and equals the network with the structures that it stands for.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.superposition.queue import SuperpositionQueue
from neurallambda.structures.superposition.stack import SuperpositionStack

PUT, TAKE = 0, 1
"""The actions of stacks and queues in the order of their distributions; any other action is to stay."""


@state
class InPlaceState(Batched):
    """Cells that are written in place, and where the content begins and ends.

    Attributes:
        cells: the first is what an empty structure shows, zeros; the last takes what is not kept; items are between.
        first: the place of a queue's front; a stack does not use it.
        last: the place of the item that was put in last.
        overflow: zeros: there is room for an item a step.
    """

    cells: Float[Tensor, "batch places width"]
    first: Int[Tensor, " batch"]
    last: Int[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


def _empty(
    batch: int, capacity: int, width: int, device: torch.device | str | None, dtype: torch.dtype
) -> InPlaceState:
    return InPlaceState(
        cells=torch.zeros(batch, capacity + 2, width, device=device, dtype=dtype),
        first=torch.ones(batch, device=device, dtype=torch.int64),
        last=torch.zeros(batch, device=device, dtype=torch.int64),
        overflow=torch.zeros(batch, device=device, dtype=dtype),
    )


def _write(state: InPlaceState, is_put: Tensor, place: Tensor, value: Tensor) -> None:
    cells = state.cells
    place = torch.where(is_put, place, cells.shape[1] - 1)
    cells.view(-1, cells.shape[2])[_rows(state) + place] = value


def _rows(state: InPlaceState) -> Tensor:
    """Where each row begins, all cells one after the other."""
    batch, places, _ = state.cells.shape
    return torch.arange(0, batch * places, places, device=state.cells.device)


@dataclass(frozen=True, kw_only=True)
class InPlaceStack:
    """A stack with room for `capacity` steps."""

    capacity: int
    width: int

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> InPlaceState:
        """The state that holds nothing."""
        return _empty(batch, self.capacity, self.width, device, dtype)

    def advance(self, state: InPlaceState, *operands: Tensor) -> InPlaceState:
        """The state after one instruction, in the cells of the one before."""
        action, value = operands
        chosen = action.argmax(1)
        is_put = chosen == PUT
        last = (state.last + is_put.long() - (chosen == TAKE).long()).clamp_(min=0)
        _write(state, is_put, last, value)
        return InPlaceState(cells=state.cells, first=state.first, last=last, overflow=state.overflow)

    def read(self, state: InPlaceState) -> Tensor:
        """The item on top: [batch, width]."""
        return state.cells.view(-1, self.width)[_rows(state) + state.last]


@dataclass(frozen=True, kw_only=True)
class InPlaceQueue:
    """A queue with room for `capacity` steps."""

    capacity: int
    width: int

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> InPlaceState:
        """The state that holds nothing."""
        return _empty(batch, self.capacity, self.width, device, dtype)

    def advance(self, state: InPlaceState, *operands: Tensor) -> InPlaceState:
        """The state after one instruction, in the cells of the one before."""
        action, value = operands
        chosen = action.argmax(1)
        is_put = chosen == PUT
        last = state.last + is_put.long()
        first = torch.minimum(state.first + (chosen == TAKE).long(), last + 1)
        _write(state, is_put, last, value)
        return InPlaceState(cells=state.cells, first=first, last=last, overflow=state.overflow)

    def read(self, state: InPlaceState) -> Tensor:
        """The item in front: [batch, width]."""
        place = torch.where(state.first <= state.last, state.first, 0)
        return state.cells.view(-1, self.width)[_rows(state) + place]


def in_place(structure: object, steps: int) -> InPlaceStack | InPlaceQueue | None:
    """What runs in a structure's stead for so many steps without gradients; None where there is nothing faster."""
    if type(structure) is SuperpositionStack:
        return InPlaceStack(capacity=steps, width=structure.width)
    if type(structure) is SuperpositionQueue:
        return InPlaceQueue(capacity=steps, width=structure.width)
    return None
