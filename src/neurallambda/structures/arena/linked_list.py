"""Lists: nil, cons, head and tail on an append-only arena."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.arena.arena import appended, followed, next_slot, valid
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.records import PlainList

HOLD, NIL, CONS, TAIL, GO = 0, 1, 2, 3, 4


@state
class ListState(Batched):
    """Records, and the list at hand.

    Attributes:
        heads: the head of each record.
        tails: where the tail of each record is; what is missing to one is nil.
        made: how many records there are.
        current: where the list at hand is; what is missing to one is nil.
        overflow: the mass of conses for which there was no room, which left the list at hand as it was.
    """

    heads: Float[Tensor, "batch capacity width"]
    tails: Float[Tensor, "batch capacity capacity"]
    made: Int[Tensor, " batch"]
    current: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class LinkedList(CellStructure[ListState]):
    """Lists that share their tails.

    Each step with any weight on cons makes one record, whatever the weight: the record is certain, and how much the
    list at hand is that record is the weight. So the arena is never a mixture and what was made never changes.

    Attributes:
        capacity: how many records can be made.
        width: the length of a head.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 5, Kind.DISTRIBUTION, ("hold", "nil", "cons", "tail", "go"), idle=HOLD),
            Operand("value", self.width, Kind.VECTOR),
            Operand("address", self.capacity + 1, Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.width + 1

    @property
    def forms(self) -> dict[str, Form[ListState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> ListState:
        return ListState(
            heads=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            tails=torch.zeros(batch, self.capacity, self.capacity, device=device, dtype=dtype),
            made=torch.zeros(batch, device=device, dtype=torch.int64),
            current=torch.zeros(batch, self.capacity, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: ListState, *operands: Tensor) -> ListState:
        action, value, address = operands
        hold, _, cons, tail, go = action[..., None].unbind(1)
        slot = torch.where(cons > 0, next_slot(state.made, self.capacity, value.dtype), 0.0)
        has_room = slot.sum(1, keepdim=True)
        return ListState(
            heads=appended(state.heads, slot, value),
            tails=appended(state.tails, slot, state.current),
            made=state.made + has_room[:, 0].to(state.made.dtype),
            current=cons * slot
            + (hold + cons * (1 - has_room)) * state.current
            + tail * followed(state.current, state.tails)
            + go * valid(address, state.made),
            overflow=state.overflow + (cons * (1 - has_room))[:, 0],
        )

    def read(self, state: ListState) -> Tensor:
        """The head of the list at hand, followed by the probability that it is nil."""
        head = followed(state.current, state.heads)
        return torch.cat([head, 1 - state.current.sum(1, keepdim=True)], dim=1)

    def size(self, state: ListState) -> Tensor:
        """How many records have been made."""
        return state.made.to(state.overflow.dtype)

    def contents(self, state: ListState) -> Tensor:
        return state.heads

    def reference(self) -> PlainList:
        return PlainList(capacity=self.capacity, width=self.width)
