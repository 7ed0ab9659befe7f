"""The superposition queue's scan in plain PyTorch: C + time/C sequential rounds instead of time.

Only getting moves what is in a queue, always by one to the front, so how far anything has moved is how many gets there
have been: a short distribution for each chunk of C steps, from its start and from each of its steps. Where an item comes
in depends on the length of the queue, which grows and shrinks as a stack's does. With both known, reads are weighted
sums of the cells at the chunk's start and of the items put within it, and the chunks are joined as a stack's are.
"""

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.superposition.chunked.blocks import CHUNK, Band
from neurallambda.structures.superposition.chunked.chunks import Transfer, carried, in_chunks
from neurallambda.structures.superposition.chunked.mixture import mixture
from neurallambda.structures.superposition.chunked.transfer import transfer
from neurallambda.structures.superposition.step import shifted

PUT, GET, STAY = 0, 1, 2


def scan_chunked(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The scan of a superposition queue.

    Args:
        actions: [batch, time, 3], weights of (put, get, stay).
        values: [batch, time, width].
        cells: [batch, capacity, width], front first.
        occupied: [batch, capacity], the probability that the queue is longer than each place.
        overflow: [batch].

    Returns:
        The reads [batch, time, width], and cells, occupied and overflow after the last step.
    """
    batch, time, _ = values.shape
    capacity = cells.shape[1]
    by_step, content = in_chunks(actions, values)
    _, starts, held = carried(transfer(by_step, capacity), torch.ones_like(content[..., :1]), occupied[..., None])
    before = _before_steps(by_step, starts)
    puts = by_step[:, PUT, :, None]
    entering = puts * places_of_next(before)
    gets = _gets_since(by_step)
    moves = Band(
        near=gets[:, 0].transpose(0, 1)[..., :capacity],
        between=gets[-1, 0],
        last=gets.new_empty(by_step.shape[2], 0, 0),
        above=0,
        below=CHUNK,
        capacity=capacity,
    )
    items = torch.cat([_fronts_of_items(gets[:, 1:], entering), _moved(entering, gets[-1, 1:])], dim=1)
    reads, _, cells = carried(Transfer(from_cells=moves, from_items=items), content, cells)
    lost = (puts[..., 0] * before[..., -1]).sum(0).unflatten(0, (-1, batch)).sum(0)
    return reads[:, :time], cells, held[..., 0], overflow + lost


def places_of_next(occupied: Tensor) -> Tensor:
    """The probability of each place to be where the next item goes: [..., capacity]."""
    return functional.pad(occupied[..., :-1], [1, 0], value=1.0) - occupied


def _before_steps(by_step: Tensor, occupied: Tensor) -> Tensor:
    """[CHUNK, rows, capacity]: the occupancy before each step, from that before each chunk, [rows, capacity]."""
    occupied = occupied[..., None]
    full = torch.ones_like(occupied[:, :1])
    before = []
    for action in by_step.mT.unbind(0):
        before.append(occupied[..., 0])
        occupied = shifted(action, full, occupied)
    return torch.stack(before)


def _gets_since(by_step: Tensor) -> Tensor:
    """[step, source, rows, count]: the distribution over how many gets there were since each source, up to the step.

    Source 0 is the chunk's start; source s + 1 is the item put at step s. Sources still to come are zeros.
    """
    rows = by_step.shape[2]
    counts = by_step.new_zeros(CHUNK + 1, rows, CHUNK + 1)
    sources = torch.arange(CHUNK + 1, device=by_step.device)[:, None, None]
    none_yet = (torch.arange(CHUNK + 1, device=by_step.device) == 0).to(by_step.dtype)
    counts = torch.where(sources == 0, none_yet, counts)
    by_end = []
    for step, action in enumerate(by_step.unbind(0)):
        put, get, stay = action[..., None].unbind(0)
        counts = (put + stay) * counts + get * functional.pad(counts[..., :-1], [1, 0])
        counts = torch.where(sources == step + 1, none_yet, counts)
        by_end.append(counts)
    return torch.stack(by_end)


def _moved(entering: Tensor, gets: Tensor) -> Tensor:
    """[rows, capacity, CHUNK]: where each item put in the chunk lies at its end."""
    steps, rows, capacity = entering.shape
    everywhere = 0, capacity
    forward = tuple(range(0, -CHUNK - 1, -1))
    ends = mixture(entering.flatten(0, 1).T[None], gets.flatten(0, 1).T, forward, everywhere, everywhere)
    return ends[0].unflatten(1, (steps, rows)).permute(2, 0, 1)


def _fronts_of_items(gets: Tensor, entering: Tensor) -> Tensor:
    """[rows, CHUNK, CHUNK]: how surely each item put in the chunk is at the front after each step."""
    depth = min(CHUNK + 1, entering.shape[2])
    return (gets[..., :depth] * entering[..., :depth]).sum(3).permute(2, 0, 1)
