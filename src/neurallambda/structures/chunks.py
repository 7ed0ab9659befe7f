"""Scans of what is linear in its cells and items, in plain PyTorch: C + time/C sequential rounds instead of time.

What a chunk of C steps shows, and leaves for the next chunk, is a weighted sum of the cells that it finds and the items
that are put in. Each structure says what the weights are, for all chunks at once; here the cells are carried from chunk
to chunk, by one product each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.stack_step import STAY

CHUNK = 8
"""Steps a chunk: the weights cost time * CHUNK, joining the chunks time / CHUNK."""


@dataclass(frozen=True)
class Transfer:
    """What each chunk does, in weights; a row is one chunk of one batch row.

    Attributes:
        from_cells: [rows, asked, capacity], for each place that is asked for, how surely it holds what lay in each cell
            when the chunk began.
        from_items: [rows, near, CHUNK], the same of the items pushed in the chunk; only the first `near` of the places
            asked for can hold any.
    """

    from_cells: Tensor
    from_items: Tensor


def in_chunks(actions: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """Cut a sequence into chunks of CHUNK steps, the last one filled up with steps that change nothing.

    Args:
        actions: [batch, time, actions], where the action STAY changes nothing.
        content: [batch, time, width].

    Returns:
        The actions [CHUNK, actions, rows], where a row is one chunk of one batch row, chunks innermost, and the content
        [rows, CHUNK, width].
    """
    batch, time, count = actions.shape
    missing = -time % CHUNK
    if missing:
        idle = (torch.arange(count, device=actions.device) == STAY).to(actions.dtype)
        actions = torch.cat([actions, idle.expand(batch, missing, count)], dim=1)
        content = functional.pad(content, [0, 0, 0, missing])
    by_step = actions.reshape(-1, CHUNK, count).permute(1, 2, 0).contiguous()
    return by_step, content.reshape(-1, CHUNK, content.shape[2])


def joined(weights: Transfer, content: Tensor, cells: Tensor, time: int) -> tuple[Tensor, Tensor]:
    """Carry cells from chunk to chunk.

    Args:
        weights: of what is shown after each of the CHUNK steps, and then of the cells at the chunk's end.
        content: [rows, CHUNK, width], the items.
        cells: [batch, capacity, width], before the first chunk.
        time: the steps asked for; the last chunk may have more.

    Returns:
        What is shown, [batch, time, width], and the cells after the last chunk.
    """
    batch, capacity, _ = cells.shape
    near = weights.from_items.shape[1]
    shown = []
    for moves, items in _chunks(batch, weights.from_cells, weights.from_items @ content):
        landed = functional.pad(items, [0, 0, 0, CHUNK + capacity - near])
        reads, cells = torch.baddbmm(landed, moves, cells).split([CHUNK, capacity], dim=1)
        shown.append(reads)
    reads = torch.cat(shown, dim=1)
    return reads if reads.shape[1] == time else reads[:, :time], cells


def occupancy(weights: Transfer, occupied: Tensor) -> tuple[Tensor, Tensor]:
    """The occupancy of a stack, or of anything else that grows and shrinks as one does.

    Args:
        weights: of the cells at each chunk's end.
        occupied: [batch, capacity], before the first chunk.

    Returns:
        The occupancy before each chunk, [rows, capacity], and after the last one, [batch, capacity].
    """
    batch, capacity = occupied.shape
    pushed = weights.from_items.sum(2, keepdim=True)
    landed = functional.pad(pushed, [0, 0, 0, capacity - pushed.shape[1]])
    now = occupied[..., None]
    starts = []
    for moves, items in _chunks(batch, weights.from_cells, landed):
        starts.append(now)
        now = torch.baddbmm(items, moves, now)
    return torch.cat(starts, dim=2).mT.flatten(0, 1), now[..., 0]


def _chunks(batch: int, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """For each chunk, in order, what belongs to it: tensors [batch, ...] from tensors [rows, ...]."""
    return zip(*(tensor.unflatten(0, (batch, -1)).unbind(1) for tensor in rows), strict=True)
