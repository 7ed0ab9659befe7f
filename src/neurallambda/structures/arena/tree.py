"""Binary trees: leaf, node, left and right on an append-only arena."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import Batched, state
from neurallambda.structures.arena.arena import appended, followed, is_made, next_slot, valid
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.records import PlainTree

HOLD, LEAF, NODE, LEFT, RIGHT, GO = 0, 1, 2, 3, 4, 5


@state
class TreeState(Batched):
    """Records, and the tree at hand.

    Attributes:
        values: the value at each record.
        leaves: how surely each record is a leaf rather than a node.
        lefts: where the left branch of each record is; what is missing to one is no tree.
        rights: where the right branch of each record is; what is missing to one is no tree.
        made: how many records there are.
        current: where the tree at hand is; what is missing to one is no tree.
        overflow: the mass of leaves and nodes for which there was no room, which left the tree at hand as it was.
    """

    values: Float[Tensor, "batch capacity width"]
    leaves: Float[Tensor, "batch capacity"]
    lefts: Float[Tensor, "batch capacity capacity"]
    rights: Float[Tensor, "batch capacity capacity"]
    made: Int[Tensor, " batch"]
    current: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class Tree(CellStructure[TreeState]):
    """Binary trees that share their branches, with a value at every leaf and node.

    Each step with any weight on leaf or node makes one record; it is a leaf in the proportion of the two weights, and
    how much the tree at hand is that record is their sum. Branches are given by address, and only records made before
    count, so a cycle cannot be made.

    Attributes:
        capacity: how many records can be made.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 6, Kind.DISTRIBUTION, ("hold", "leaf", "node", "left", "right", "go"), idle=HOLD),
            Operand("value", self.width, Kind.VECTOR),
            Operand("left", self.capacity + 1, Kind.DISTRIBUTION),
            Operand("right", self.capacity + 1, Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.width + 2

    @property
    def forms(self) -> dict[str, Form[TreeState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> TreeState:
        capacity = self.capacity
        return TreeState(
            values=torch.zeros(batch, capacity, self.width, device=device, dtype=dtype),
            leaves=torch.zeros(batch, capacity, device=device, dtype=dtype),
            lefts=torch.zeros(batch, capacity, capacity, device=device, dtype=dtype),
            rights=torch.zeros(batch, capacity, capacity, device=device, dtype=dtype),
            made=torch.zeros(batch, device=device, dtype=torch.int64),
            current=torch.zeros(batch, capacity, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: TreeState, *operands: Tensor) -> TreeState:
        action, value, left_address, right_address = operands
        hold, leaf, node, left, right, go = action[..., None].unbind(1)
        making = leaf + node
        slot = torch.where(making > 0, next_slot(state.made, self.capacity, value.dtype), 0.0)
        has_room = slot.sum(1, keepdim=True)
        is_node = node / torch.where(making > 0, making, 1.0)
        left_branch, right_branch = valid(left_address, state.made), valid(right_address, state.made)
        return TreeState(
            values=appended(state.values, slot, value),
            leaves=state.leaves + slot * (1 - is_node),
            lefts=appended(state.lefts, slot, is_node * left_branch),
            rights=appended(state.rights, slot, is_node * right_branch),
            made=state.made + has_room[:, 0].to(state.made.dtype),
            current=making * slot
            + (hold + making * (1 - has_room)) * state.current
            + left * followed(state.current, state.lefts)
            + right * followed(state.current, state.rights)
            + go * left_branch,
            overflow=state.overflow + (making * (1 - has_room))[:, 0],
        )

    def read(self, state: TreeState) -> Tensor:
        """The value of the tree at hand, followed by the probabilities that it is a leaf and that there is none."""
        value = followed(state.current, state.values)
        leaf = followed(state.current, state.leaves[..., None])
        return torch.cat([value, leaf, 1 - state.current.sum(1, keepdim=True)], dim=1)

    def size(self, state: TreeState) -> Tensor:
        """How many records have been made."""
        return state.made.to(state.overflow.dtype)

    def contents(self, state: TreeState) -> Tensor:
        return state.values

    def reference(self) -> PlainTree:
        return PlainTree(capacity=self.capacity, width=self.width)


def mapped(state: TreeState, function: Callable[[Tensor], Tensor]) -> TreeState:
    """The same trees with `function` applied to the value of every leaf and node at once.

    Args:
        state: any trees.
        function: takes and returns [batch, capacity, width].

    Returns:
        The trees with the new values at the same addresses; every pointer into the old trees points into the new.

    Example:
        >>> trees = Tree(capacity=4, width=1).init(1)
        >>> doubled = mapped(trees, lambda values: 2 * values)
    """
    made = is_made(state.made, state.values.shape[1])[..., None]
    return replace(state, values=torch.where(made, function(state.values), 0.0))
