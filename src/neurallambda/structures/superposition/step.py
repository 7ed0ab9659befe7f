"""One step of the superposition stack, in plain PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional

PUSH, POP, STAY = 0, 1, 2


def pop_columns(pops: int) -> tuple[int, ...]:
    """The columns of an action that pop 1, 2, ..., `pops` items."""
    return (POP, *range(3, 2 + pops))


def shifted(action: Tensor, value: Tensor, cells: Tensor) -> Tensor:
    """One step of the stack.

    Args:
        action: [batch, 2 + pops].
        value: [batch, 1, width], what a push puts on top.
        cells: [batch, capacity, width], top first.

    Returns:
        [batch, capacity, width]: the mixture of the cells pushed down, as they are, and moved up.
    """
    pops = action.shape[1] - 2
    capacity = cells.shape[1]
    around = torch.cat([value, functional.pad(cells, [0, 0, 0, pops])], dim=1)
    weights = action[..., None, None]
    after = weights[:, PUSH] * around[:, :capacity] + weights[:, STAY] * around[:, 1 : capacity + 1]
    for count, column in enumerate(pop_columns(pops), start=1):
        after = after + weights[:, column] * around[:, 1 + count : capacity + 1 + count]
    return after


def mixed(
    action: Tensor, value: Tensor, top: Tensor, rest: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One step of all that a stack is.

    Args:
        action: [batch, 2 + pops].
        value: [batch, width].
        top: [batch, width], the first cell.
        rest: [batch, capacity - 1, width], the cells below it.
        occupied: [batch, capacity].
        overflow: [batch].

    Returns:
        The top, the rest, the occupancy and the overflow after the step.
    """
    cells = shifted(action, value[:, None], torch.cat([top[:, None], rest], dim=1))
    filled = occupied[..., None]
    return (
        cells[:, 0],
        cells[:, 1:],
        shifted(action, torch.ones_like(filled[:, :1]), filled)[..., 0],
        overflow + action[:, PUSH] * occupied[:, -1],
    )
