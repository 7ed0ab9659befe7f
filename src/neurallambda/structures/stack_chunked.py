"""The superposition stack's scan in plain PyTorch: C + time/C sequential rounds instead of time; see `chunks`."""

import torch
from torch import Tensor

from neurallambda.structures.chunks import CHUNK, Transfer, in_chunks, joined, occupancy
from neurallambda.structures.stack_step import PUSH, shifted
from neurallambda.structures.stack_transfer import transfer


def scan_chunked(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The scan of a superposition stack.

    Args:
        actions: [batch, time, 2 + pops], weights of (push, pop, stay, pop 2, pop 3, ...).
        values: [batch, time, width].
        cells: [batch, capacity, width], top first.
        occupied: [batch, capacity], the probability that the stack is deeper than each cell.
        overflow: [batch].

    Returns:
        The reads [batch, time, width], and cells, occupied and overflow after the last step.
    """
    time, capacity = actions.shape[1], cells.shape[1]
    by_step, content = in_chunks(actions, values)
    weights = transfer(by_step, capacity, reading=True)
    reads, cells = joined(weights, content, cells, time)
    at_end = Transfer(from_cells=weights.from_cells[:, CHUNK:], from_items=weights.from_items[:, CHUNK:])
    starts, occupied = occupancy(at_end, occupied)
    return reads, cells, occupied, overflow + _lost(by_step, starts).unflatten(0, (len(cells), -1)).sum(1)


def _lost(by_step: Tensor, starts: Tensor) -> Tensor:
    """[rows]: the mass that falls off the bottom within each chunk, from the occupancy before it, [rows, capacity]."""
    # What comes to the last cell within a chunk has been among the last CHUNK cells all the time.
    occupied = starts[:, -CHUNK:, None]
    full = torch.ones_like(occupied[:, :1])
    lost = torch.zeros_like(occupied[:, 0, 0])
    for action in by_step.mT.unbind(0):
        lost = torch.addcmul(lost, action[:, PUSH], occupied[:, -1, 0])
        occupied = shifted(action, full, occupied)
    return lost
