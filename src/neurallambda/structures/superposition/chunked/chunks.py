"""Scans of what is linear in its cells and items, in plain PyTorch: C + time/C sequential rounds instead of time.

What a chunk of C steps shows, and leaves for the next chunk, is a weighted sum of the cells that it finds and the items
that are put in. Each structure says what the weights are, for all chunks at once; here the cells are carried from chunk
to chunk, by one product each. Where there are many cells, spans of chunks are run again in the backward pass instead of
keeping what they need: then memory is in proportion to time * (width + capacity).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from neurallambda.structures.instruction.checks import inside_transform
from neurallambda.structures.superposition.chunked.blocks import CHUNK, Band, Blocks
from neurallambda.structures.superposition.spans import steps_a_copy
from neurallambda.structures.superposition.step import STAY


@dataclass(frozen=True)
class Transfer:
    """What each chunk does, in weights; a row is one chunk of one batch row.

    Attributes:
        from_cells: for each place that is asked for, how surely it holds what lay in each cell when the chunk began.
        from_items: [rows, near, CHUNK], the same of the items pushed in the chunk; only the first `near` of the places
            asked for can hold any.
    """

    from_cells: Band
    from_items: Tensor


def in_chunks(actions: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """Cut a sequence into chunks of CHUNK steps, the last one filled up with steps that change nothing.

    Args:
        actions: [batch, time, actions], where the action STAY changes nothing.
        content: [batch, time, width].

    Returns:
        The actions [CHUNK, actions, rows], where a row is one chunk of one batch row, batch innermost, and the content
        [rows, CHUNK, width].
    """
    batch, time, count = actions.shape
    missing = -time % CHUNK
    if missing:
        idle = (torch.arange(count, device=actions.device) == STAY).to(actions.dtype)
        actions = torch.cat([actions, idle.expand(batch, missing, count)], dim=1)
        content = functional.pad(content, [0, 0, 0, missing])
    by_step = actions.unflatten(1, (-1, CHUNK)).permute(2, 3, 1, 0).flatten(2)
    return by_step, content.unflatten(1, (-1, CHUNK)).transpose(0, 1).flatten(0, 1)


def carried(weights: Transfer, content: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Carry cells from chunk to chunk.

    Args:
        weights: of what is shown after each of the CHUNK steps, and then of the cells at the chunk's end.
        content: [rows, CHUNK, width], the items.
        cells: [batch, capacity, width], before the first chunk.

    Returns:
        What is shown, [batch, chunks * CHUNK, width]; the last column of the cells before each chunk,
        [rows, capacity]; and the cells after the last chunk.
    """
    band = weights.from_cells
    blocks = Blocks.of(band)

    def span(cells: Tensor, near: Tensor, between: Tensor, last: Tensor, from_items: Tensor, content: Tensor):
        part = replace(band, near=near, between=between, last=last)
        return _joined(blocks, blocks.matrices(part), from_items @ content, cells)

    over_time = (band.near, band.between, band.last, weights.from_items, content)
    # One block keeps at most LONGEST times what the steps bring: running it again would save little.
    if blocks.count == 1 or not torch.is_grad_enabled() or inside_transform():
        return span(cells, *over_time)
    batch, capacity, width = cells.shape
    chunks = -(-steps_a_copy(capacity * width, capacity + width) // CHUNK)
    shown, starts = [], []
    for parts in zip(*(tensor.split(chunks * batch) for tensor in over_time), strict=True):
        reads, before, cells = checkpoint(span, cells, *parts, use_reentrant=False, preserve_rng_state=False)
        shown.append(reads)
        starts.append(before)
    return torch.cat(shown, dim=1), torch.cat(starts), cells


def _joined(blocks: Blocks, matrices: Tensor, items: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`carried`, from the weights of the cells in blocks, and what came of the items, [rows, near, width]."""
    batch, capacity, width = cells.shape
    room = blocks.count * blocks.places
    shown, starts = [], []
    for moves, landed in zip(*(rows.unflatten(0, (-1, batch)).unbind(0) for rows in (matrices, items)), strict=True):
        starts.append(cells[..., -1])
        landed = functional.pad(landed, [0, 0, 0, room - landed.shape[1]])
        moves, landed = (rows.reshape(-1, blocks.places, rows.shape[2]) for rows in (moves, landed))
        after = torch.baddbmm(landed, moves, blocks.windows(cells)).view(batch, room, width)
        reads, cells, _ = after.split([CHUNK, capacity, room - CHUNK - capacity], dim=1)
        shown.append(reads)
    return torch.cat(shown, dim=1), torch.cat(starts), cells
