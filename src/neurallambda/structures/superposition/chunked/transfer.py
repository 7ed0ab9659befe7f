"""What a chunk of C steps does to a stack, in weights: for all chunks of a sequence at once.

A stack is linear in what it holds, so C steps are a matrix. Its rows are found by following each of them back in time,
as a distribution over the cells that it came from: a push came from one cell above, a pop of k from k cells below. From
the first cell, the way up leads to the item that was pushed. In C steps a row comes from at most C cells above
and C * pops below, so only the rows near the top and near the bottom differ; all between are one row, moved along.
"""

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.superposition.chunked.blocks import CHUNK, Band
from neurallambda.structures.superposition.chunked.chunks import Transfer
from neurallambda.structures.superposition.chunked.mixture import mixture
from neurallambda.structures.superposition.step import PUSH, pop_columns


def transfer(by_step: Tensor, capacity: int) -> Transfer:
    """What every chunk does to a stack; what is shown is the top after each of its steps.

    Args:
        by_step: [CHUNK, actions, rows], as from `in_chunks`.
        capacity: of the stack.

    Returns:
        The weights of what is asked for.
    """
    near = min(CHUNK, capacity)
    top, items = _followed(by_step, 0, near, capacity, reading=True)
    below = CHUNK * (by_step.shape[1] - 2)
    # One row more than can feel the bottom: it stands for all those that feel neither end.
    first = max(near, capacity - below - 1)
    last = _followed(by_step, first, capacity, capacity, reading=False)[0] if first < capacity else top[:, :0]
    between = last[:, :1, : CHUNK + 1 + below].flatten(1)
    return Transfer(
        from_cells=Band(near=top, between=between, last=last, above=CHUNK, below=below, capacity=capacity),
        from_items=items,
    )


def _followed(by_step: Tensor, first: int, last: int, capacity: int, *, reading: bool) -> tuple[Tensor, Tensor]:
    """Follow cells at a chunk's end, and the tops after each of its steps if asked for, back to its start.

    Args:
        by_step: [CHUNK, actions, rows].
        first: the first of the cells.
        last: the one after the last of them.
        capacity: of the stack.
        reading: whether the tops are followed, too.

    Returns:
        How surely each holds what lay in each cell that it may have come from, [rows, followed, seen], and what was
        pushed at each step, [rows, followed, CHUNK]; the latter only where `first` is 0. The tops come first.
    """
    _, actions, rows = by_step.shape
    pops = actions - 2
    back = _shifts_back(pops)
    # Rows are innermost while they are followed: what is cut off or moved are then long stretches.
    weights = torch.eye(last - first, dtype=by_step.dtype, device=by_step.device)[..., None].expand(-1, -1, rows)
    window = first, last
    items = []
    for step, action in reversed(list(enumerate(by_step.unbind(0)))):
        if reading:
            top = (torch.arange(window[1], device=by_step.device) == 0).to(by_step.dtype)
            weights = torch.cat([top[None, :, None].expand(1, -1, rows), weights])
        reach = window[0] - 1, min(window[1] + pops, capacity)
        weights, window = mixture(weights, action, back, window, reach), reach
        if window[0] < 0:
            item, weights = weights.split([1, window[1]], dim=1)
            items.append(functional.pad(item, [0, 0, 0, 0, step if reading else 0, 0]))
            window = 0, window[1]
    pushed = torch.cat(items[::-1], dim=1) if items else weights[:, :0]
    return _rows_first(weights), _rows_first(pushed)


def _shifts_back(pops: int) -> tuple[int, ...]:
    """For each column of an action, how many cells deeper lay what it moved."""
    deeper = [0] * (2 + pops)
    deeper[PUSH] = -1
    for count, column in enumerate(pop_columns(pops), start=1):
        deeper[column] = count
    return tuple(deeper)


def _rows_first(weights: Tensor) -> Tensor:
    """[rows, followed, places] from [followed, places, rows]."""
    return weights.flatten(0, 1).T.contiguous().unflatten(1, weights.shape[:2])
