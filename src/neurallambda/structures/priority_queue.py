"""The priority queue: insert with a priority, look at the least, take the least away."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.checks import check_positive
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.priority_queue import PlainPriorityQueue

INSERT, POP, HOLD = 0, 1, 2


@state
class PriorityQueueState(Batched):
    """Items in slots.

    Attributes:
        values: the items.
        priorities: the priority of each; the least leaves first.
        presence: the probability that each is there.
        age: when each came, to let equal priorities leave in that order.
        clock: how many items have come.
        overflow: the mass of items for which there was no room.
    """

    values: Float[Tensor, "batch capacity width"]
    priorities: Float[Tensor, "batch capacity"]
    presence: Float[Tensor, "batch capacity"]
    age: Int[Tensor, "batch capacity"]
    clock: Int[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


@checked
@dataclass(frozen=True)
class PriorityQueue(CellStructure[PriorityQueueState]):
    """A queue whose least item leaves first.

    The probability that an item is the least is that it is there and that none which precedes it is. Precedence is a
    ramp: an item precedes another fully when its priority is lower by `softness` or more, and among equal priorities
    when it came first; in between it precedes in part, which is where priorities get their gradient. Certain items
    whose priorities are equal or at least `softness` apart are therefore ordered exactly.

    An item goes to the slot most likely to be free. In as far as that slot is taken, the item is lost and its mass
    reported as overflow; what remains shares the slot with the old item in proportion to their masses.

    Attributes:
        capacity: how many slots.
        width: the length of a value.
        softness: over which difference of priorities an item comes to precede another.
    """

    softness: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("softness", self.softness)

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("insert", "pop", "hold"), idle=HOLD),
            Operand("value", self.width, Kind.VECTOR),
            Operand("priority", 1, Kind.REAL),
        )

    @property
    def read_width(self) -> int:
        return self.width + 1

    @property
    def forms(self) -> dict[str, Form[PriorityQueueState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> PriorityQueueState:
        row = torch.zeros(batch, self.capacity, device=device, dtype=dtype)
        return PriorityQueueState(
            values=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            priorities=row,
            presence=row,
            age=torch.zeros(batch, self.capacity, device=device, dtype=torch.int64),
            clock=torch.zeros(batch, device=device, dtype=torch.int64),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: PriorityQueueState, *operands: Tensor) -> PriorityQueueState:
        action, value, priority = operands
        insert, pop, _ = action[..., None].unbind(1)
        left = torch.clamp(state.presence - pop * self.least(state), min=0)
        free = torch.arange(self.capacity, device=left.device) == torch.argmin(state.presence, dim=1, keepdim=True)
        taken = torch.gather(state.presence, 1, torch.argmin(state.presence, dim=1, keepdim=True))
        arriving = torch.where(free, insert * (1 - taken), 0.0)
        presence = left + arriving
        share = arriving / torch.where(presence > 0, presence, 1.0)
        came = arriving > 0
        return PriorityQueueState(
            values=state.values + share[..., None] * (value[:, None] - state.values),
            priorities=state.priorities + share * (priority - state.priorities),
            presence=presence,
            age=torch.where(came, state.clock[:, None], state.age),
            clock=state.clock + came.any(1).to(state.clock.dtype),
            overflow=state.overflow + (insert * taken)[:, 0],
        )

    def least(self, state: PriorityQueueState) -> Float[Tensor, "batch capacity"]:
        """The probability that each item is there and precedes all others; it sums to that of any being there."""
        priorities, presence = state.priorities, state.presence
        older = state.age[:, None] < state.age[:, :, None]
        difference = (priorities[:, :, None] - priorities[:, None]) / self.softness
        precedes = torch.clamp(torch.where(older, 1 + difference, difference), min=0, max=1)
        others = ~torch.eye(self.capacity, dtype=torch.bool, device=presence.device)
        first = presence * torch.where(others, 1 - presence[:, None] * precedes, 1.0).prod(2)
        total = first.sum(1, keepdim=True)
        any_there = 1 - (1 - presence).prod(1, keepdim=True)
        return first * any_there / torch.where(total > 0, total, 1.0)

    def read(self, state: PriorityQueueState) -> Tensor:
        """The least item, followed by its priority."""
        items = torch.cat([state.values, state.priorities[..., None]], dim=2)
        return (self.least(state)[:, None] @ items)[:, 0]

    def size(self, state: PriorityQueueState) -> Tensor:
        return state.presence.sum(1)

    def contents(self, state: PriorityQueueState) -> Tensor:
        return state.presence[..., None] * state.values

    def reference(self) -> PlainPriorityQueue:
        return PlainPriorityQueue(capacity=self.capacity, width=self.width)
