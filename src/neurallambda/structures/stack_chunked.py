"""The superposition stack's scan in plain PyTorch: C + time/C sequential rounds instead of time.

The stack is linear in what it holds, so what C steps do to it is a matrix. All chunks of C steps are worked on at once:

1. *Walk.* Follow each source (a cell of the stack at the chunk's start, or an item pushed within it) as a distribution
   over how far it has moved: one deeper for each push, k shallower for a pop of k. It leaves at either end. In C steps
   it moves at most C down and C * pops up, so the distribution is a narrow band; and all the cells that cannot
   reach an end within the chunk move alike, so one source stands for them. Which source is on top at each step are the
   weights of the reads.
2. *Join.* Carry the cells from chunk to chunk, one small matrix product each.
3. *Read.* Weights times (cells at the chunk's start, items pushed within it), all chunks at once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 8
"""Steps a chunk: the walk costs time * CHUNK, the joins time / CHUNK."""

PUSH, POP, STAY = 0, 1, 2


def pop_columns(pops: int) -> tuple[int, ...]:
    """The columns of an action that pop 1, 2, ..., `pops` items."""
    return (POP, *range(3, 2 + pops))


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
    batch, time, _ = actions.shape
    capacity, width = cells.shape[1:]
    by_step, content = in_chunks(actions, torch.cat([values, torch.ones_like(values[..., :1])], dim=-1))
    chunks = content.shape[0]

    tops, from_cells, from_items = walk_chunks(by_step, capacity)
    landed = from_items @ content.flatten(0, 1)
    landed = functional.pad(landed, [0, 0, 0, capacity - landed.shape[1]]).unflatten(0, (chunks, batch))
    held = torch.cat([cells, occupied[..., None]], dim=-1)
    starts = []
    for moves, items in zip(from_cells.unflatten(0, (chunks, batch)).unbind(0), landed.unbind(0), strict=True):
        starts.append(held)
        held = torch.baddbmm(items, moves, held)

    start = torch.stack(starts)
    reachable = tops.shape[1] - CHUNK
    sources = torch.cat([start[:, :, :reachable, :width], content[..., :width]], dim=2).flatten(0, 1)
    weights = tops.permute(2, 0, 1).contiguous()
    reads = (weights @ sources).unflatten(0, (chunks, batch)).transpose(0, 1).flatten(1, 2)
    lost = _lost(by_step, start[..., width].flatten(0, 1)).unflatten(0, (chunks, batch)).sum(0)
    return reads[:, :time], held[..., :width], held[..., width], overflow + lost


def in_chunks(actions: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """Cut a sequence into chunks of CHUNK steps, the last one filled up with steps that change nothing.

    Args:
        actions: [batch, time, actions], where the action STAY changes nothing.
        content: [batch, time, width].

    Returns:
        The actions [CHUNK, actions, rows], where a row is one chunk of one batch row, chunks outermost, and the content
        [chunks, batch, CHUNK, width].
    """
    batch, time, count = actions.shape
    chunks = -(-time // CHUNK)
    padding = chunks * CHUNK - time
    idle = (torch.arange(count, device=actions.device) == STAY).to(actions.dtype)
    actions = torch.cat([actions, idle.expand(batch, padding, count)], dim=1)
    content = functional.pad(content, [0, 0, 0, padding]).reshape(batch, chunks, CHUNK, -1).transpose(0, 1)
    return actions.reshape(batch, chunks, CHUNK, count).permute(2, 3, 1, 0).flatten(2), content


def occupancy_in_chunks(by_step: Tensor, occupied: Tensor) -> tuple[Tensor, Tensor]:
    """The occupancy of a stack, or of anything else that grows and shrinks as one does.

    Args:
        by_step: the actions, as from `in_chunks`.
        occupied: [batch, capacity], before the first step.

    Returns:
        The occupancy before each step, [CHUNK, rows, capacity], and after the last one, [batch, capacity].
    """
    batch, capacity = occupied.shape
    _, from_cells, from_items = walk_chunks(by_step, capacity)
    pushed = from_items.sum(2)
    pushed = functional.pad(pushed, [0, capacity - pushed.shape[1]]).unflatten(0, (-1, batch))
    starts = []
    for moves, items in zip(from_cells.unflatten(0, (-1, batch)).unbind(0), pushed.unbind(0), strict=True):
        starts.append(occupied)
        occupied = items + (moves @ occupied[..., None])[..., 0]
    now = torch.cat(starts)
    before = []
    for action in by_step.unbind(0):
        before.append(now)
        now = shifted(action.T, torch.ones_like(now[:, :1, None]), now[..., None])[..., 0]
    return torch.stack(before), occupied


@dataclass(frozen=True)
class Sources:
    """What is followed through a chunk.

    Attributes:
        starts: where each followed cell starts; the first `reachable` may come to the top within the chunk.
        reachable: how many cells may come to the top.
        standing_for: for each cell of the stack, the index in `starts` of the source that moves like it.
    """

    starts: tuple[int, ...]
    reachable: int
    standing_for: tuple[int, ...]


def sources_of(capacity: int, pops: int) -> Sources:
    """The cells to follow: those near the top, those near the bottom, and one for all between."""
    reachable = min(capacity, CHUNK * pops + 1)
    first_of_bottom = max(reachable, capacity - CHUNK)
    middle = (reachable,) if first_of_bottom > reachable else ()
    starts = (*range(reachable), *middle, *range(first_of_bottom, capacity))
    standing_for = tuple(
        start if start < reachable else reachable if start < first_of_bottom else starts.index(start)
        for start in range(capacity)
    )
    return Sources(starts=starts, reachable=reachable, standing_for=standing_for)


def walk_chunks(by_step: Tensor, capacity: int) -> tuple[Tensor, Tensor, Tensor]:
    """Follow all sources through all chunks.

    Args:
        by_step: [CHUNK, actions, rows], where a row is one chunk of one batch row.
        capacity: of the stack.

    Returns:
        tops: [CHUNK, reachable + CHUNK, rows], how surely each source is on top after each step.
        from_cells: [rows, capacity, capacity], how surely what lay in each cell lies in each cell after the chunk.
        from_items: [rows, min(capacity, CHUNK), CHUNK], the same of the items pushed within the chunk.
    """
    pops = by_step.shape[1] - 2
    device, rows = by_step.device, by_step.shape[2]
    sources = sources_of(capacity, pops)
    followed = len(sources.starts)
    start = torch.tensor((*sources.starts, *[0] * CHUNK), device=device)

    walk = by_step.new_ones(1, followed, rows)
    tops = []
    for step, action in enumerate(by_step.unbind(0), start=1):
        width = walk.shape[0] + pops + 1
        room = functional.pad(walk, [0, 0, 0, 1, pops + 1, pops + 1])
        # The item offered at this step waits above the top: only a push brings it in.
        room[pops * step, -1] = 1.0
        weight = action.unbind(0)
        walk = weight[PUSH] * room[:width] + weight[STAY] * room[1 : width + 1]
        for count, column in enumerate(pop_columns(pops), start=1):
            walk = walk + weight[column] * room[1 + count : width + 1 + count]
        place = torch.arange(-pops * step, step + 1, device=device)[:, None] + start[: followed + step]
        walk = torch.where(((place >= 0) & (place < capacity))[..., None], walk, 0.0)
        tops.append(_on_top(walk, sources, pops * step))
    items_start, items = (0,) * CHUNK, tuple(range(followed, followed + CHUNK))
    return (
        torch.stack(tops),
        _in_cells(walk, tuple(range(capacity)), sources.standing_for, capacity, pops * CHUNK),
        _in_cells(walk, items_start, items, min(capacity, CHUNK), pops * CHUNK),
    )


def _on_top(walk: Tensor, sources: Sources, zero: int) -> Tensor:
    """[reachable + CHUNK, rows]: how surely each source is on top; `zero` is the row of `walk` that has not moved."""
    columns = walk.shape[1]
    nearest = min(sources.reachable, zero + 1)
    cells = [(zero - start) * columns + start for start in range(nearest)]
    items = [zero * columns + column for column in range(len(sources.starts), columns)]
    picked = walk.flatten(0, 1).index_select(0, torch.tensor(cells + items, device=walk.device))
    unreached = picked.new_zeros(sources.reachable - nearest, walk.shape[2])
    unpushed = picked.new_zeros(CHUNK - len(items), walk.shape[2])
    return torch.cat([picked[:nearest], unreached, picked[nearest:], unpushed])


def _in_cells(walk: Tensor, starts: tuple[int, ...], columns: tuple[int, ...], cells: int, zero: int) -> Tensor:
    """How surely sources lie in the cells after the last step.

    Args:
        walk: [moves, followed, rows].
        starts: where each source started.
        columns: the column of `walk` that moves like it.
        cells: how many cells to look at, from the top.
        zero: the row of `walk` that has not moved.

    Returns:
        [rows, cells, sources].
    """
    device = walk.device
    moved = torch.arange(cells, device=device)[:, None] - torch.tensor(starts, device=device) + zero
    near = (moved >= 0) & (moved < walk.shape[0])
    nowhere = walk.shape[0] * walk.shape[1]
    index = torch.where(near, moved * walk.shape[1] + torch.tensor(columns, device=device), nowhere)
    flat = functional.pad(walk.flatten(0, 1), [0, 0, 0, 1])
    return flat.index_select(0, index.flatten()).T.contiguous().unflatten(1, (cells, len(starts)))


def _lost(by_step: Tensor, occupied: Tensor) -> Tensor:
    """[rows]: the mass that falls off the bottom within each chunk, from `occupied` [rows, capacity] at its start."""
    lost = torch.zeros_like(occupied[:, 0])
    for action in by_step.unbind(0):
        lost = lost + action[PUSH] * occupied[:, -1]
        occupied = shifted(action.T, torch.ones_like(occupied[:, :1, None]), occupied[..., None])[..., 0]
    return lost


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
