"""The superposition queue's scan in plain PyTorch: C + time/C sequential rounds instead of time.

Only getting moves what is in a queue, always by one to the front, so how far anything has moved is how many gets there
have been: a short distribution for each chunk of C steps, from its start and from each of its steps. Where an item comes
in depends on the length of the queue, which grows and shrinks as a stack's does. With both known, reads are weighted
sums of the cells at the chunk's start and of the items put within it, and the chunks are joined as a stack's are.
"""

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.stack_chunked import CHUNK, in_chunks, occupancy_in_chunks

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
    chunks = content.shape[0]
    before, occupied = occupancy_in_chunks(by_step, occupied)
    puts = by_step[:, PUT, :, None]
    entering = puts * places_of_next(before)

    reach = min(CHUNK, capacity - 1) + 1
    gets = _gets_since(by_step)
    from_items = _moved(entering, gets[-1, 1:])
    tops = torch.stack([_fronts(gets[step], entering, step + 1, reach) for step in range(CHUNK)], dim=1)
    from_cells = _shifts(gets[-1, 0], capacity).unflatten(0, (chunks, batch))

    items = (from_items @ content.flatten(0, 1)).unflatten(0, (chunks, batch))
    starts = []
    for moves, landed in zip(from_cells.unbind(0), items.unbind(0), strict=True):
        starts.append(cells)
        cells = torch.baddbmm(landed, moves, cells)
    sources = torch.cat([torch.stack(starts)[:, :, :reach], content], dim=2).flatten(0, 1)
    reads = (tops @ sources).unflatten(0, (chunks, batch)).transpose(0, 1).flatten(1, 2)
    lost = (puts[..., 0] * before[..., -1]).sum(0).unflatten(0, (chunks, batch)).sum(0)
    return reads[:, :time], cells, occupied, overflow + lost


def places_of_next(occupied: Tensor) -> Tensor:
    """The probability of each place to be where the next item goes: [..., capacity]."""
    return functional.pad(occupied[..., :-1], [1, 0], value=1.0) - occupied


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
    capacity = entering.shape[2]
    ends = torch.zeros_like(entering)
    for count in range(min(CHUNK, capacity)):
        ends = ends + gets[..., count, None] * functional.pad(entering[..., count:], [0, count])
    return ends.permute(1, 2, 0)


def _fronts(gets: Tensor, entering: Tensor, steps: int, reach: int) -> Tensor:
    """[rows, reach + CHUNK]: how surely each cell of the start and each item put so far is at the front after a step."""
    depth = min(CHUNK + 1, entering.shape[2])
    items = (gets[1 : steps + 1, :, :depth] * entering[:steps, :, :depth]).sum(2)
    items = functional.pad(items, [0, 0, 0, CHUNK - steps])
    return torch.cat([gets[0, :, :reach], items.T], dim=1)


def _shifts(gets: Tensor, capacity: int) -> Tensor:
    """[rows, capacity, capacity]: the matrix that moves every cell to the front by the number of gets."""
    place = torch.arange(capacity, device=gets.device)
    count = place - place[:, None]
    index = torch.where((count >= 0) & (count <= CHUNK), count, CHUNK + 1)
    return functional.pad(gets, [0, 1]).index_select(1, index.flatten()).unflatten(1, (capacity, capacity))
