"""The superposition stack's scan in plain PyTorch: C + time/C sequential rounds instead of time; see `chunks`."""

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.superposition.chunked.blocks import CHUNK
from neurallambda.structures.superposition.chunked.chunks import carried, in_chunks
from neurallambda.structures.superposition.chunked.transfer import transfer
from neurallambda.structures.superposition.step import PUSH, shifted


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
    time = actions.shape[1]
    # The occupancy is one more column, in which every push writes a one.
    by_step, content = in_chunks(actions, functional.pad(values, [0, 1], value=1.0))
    held = torch.cat([cells, occupied[..., None]], dim=2)
    shown, starts, held = carried(transfer(by_step, cells.shape[1]), content, held)
    lost = _lost(by_step, starts).unflatten(0, (-1, len(cells))).sum(0)
    return shown[:, :time, :-1], held[..., :-1], held[..., -1], overflow + lost


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
