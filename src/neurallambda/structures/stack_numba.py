"""The superposition stack's scan as one fused loop on the CPU, compiled by Numba (the `fast` extra).

Each batch row streams over time with its cells in the nearest cache. The backward pass needs every cell at every step;
instead of keeping them it keeps the cells at the beginning of each span of steps and runs the span again, so memory is
time * width + time * capacity, not time * capacity * width; see `spans`. Rows are independent, so they are shared out over
`torch.get_num_threads()` threads. Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import numpy as np
import torch
from torch import Tensor

from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.spans import steps_a_copy
from neurallambda.structures.stack_chunked import scan_chunked

TILE = 64
"""Columns worked on at once in the backward pass, so that a span of cells lies in a near cache."""


@compiled
def _aligned(count, like):
    """`count` zeros of the type of `like`, from the beginning of a cache line on: no vector then lies across two."""
    room = np.zeros(count + 16, like.dtype)
    skipped = -(room.ctypes.data // room.itemsize) % 16
    return room[skipped : skipped + count]


@compiled
def _next_cells(push, pop, stay, before, after, width, deep):
    """One step on rows laid end to end; row 0 of `before` is the value pushed, row `deep` + 1 is zeros."""
    count = deep * width
    above, here, below = before[:count], before[width : width + count], before[2 * width : 2 * width + count]
    new = after[width : width + count]
    for j in range(count):
        new[j] = push * above[j] + stay * here[j] + pop * below[j]


@compiled
def _deepest(cells, occupied):
    """How many rows from the top may hold anything."""
    for i in range(cells.shape[0] - 1, -1, -1):
        if occupied[i] != 0.0:
            return i + 1
        for cell in cells[i]:
            if cell != 0.0:
                return i + 1
    return 0


@compiled
def occupancy_after(push, pop, stay, before, after):
    """One step of the occupancy, above which something always lies and below which nothing does."""
    count = before.shape[0] - 1
    below, after_below = before[1:], after[1:]
    after[0] = push + stay * before[0]
    for i in range(count):
        after_below[i] = push * before[i] + stay * below[i]
    for i in range(count):
        after[i] += pop * below[i]


@compiled
def _forward(first, last, span, actions, values, cells, occupied, reads, ends, history, lost, kept):
    """Rows first..last: fill reads, the last cells, the occupancy after every step, the overflow, and the kept cells."""
    time, width, capacity = actions.shape[1], values.shape[2], cells.shape[1]
    inner = slice(width, (capacity + 1) * width)
    here = _aligned((capacity + 2) * width, values)
    there = _aligned((capacity + 2) * width, values)
    for row in range(first, last):
        here[inner] = cells[row].reshape(-1)
        there[inner] = here[inner]
        deep = _deepest(cells[row], occupied[row])
        history[row, 0] = occupied[row]
        total = lost[row]
        for t in range(time):
            push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
            if t % span == 0:
                _copy(here[inner], kept[row, t // span].reshape(-1))
            deep = min(deep + 1, capacity)
            _copy(values[row, t], here)
            _next_cells(push, pop, stay, here, there, width, deep)
            here, there = there, here
            _copy(here[width : 2 * width], reads[row, t])
            total += push * history[row, t, capacity - 1]
            occupancy_after(push, pop, stay, history[row, t], history[row, t + 1])
        ends[row] = here[inner].reshape(capacity, width)
        lost[row] = total


@compiled
def _before_step(push, pop, stay, grad, earlier, cells, width, deep):
    """Take the gradient of the cells one step back; return the gradients of push, pop and stay."""
    by_push = cells.dtype.type(0)
    by_pop, by_stay = by_push, by_push
    top = grad[width : 2 * width]
    for j in range(width):
        by_push += top[j] * cells[j]
    count = deep * width
    above, here, below = grad[:count], grad[width : width + count], grad[2 * width : 2 * width + count]
    old, new = cells[width : width + count], earlier[width : width + count]
    for j in range(count):
        new[j] = push * below[j] + stay * here[j] + pop * above[j]
        by_push += old[j] * below[j]
        by_stay += old[j] * here[j]
        by_pop += old[j] * above[j]
    return by_push, by_pop, by_stay


@compiled
def _backward(
    first, last, span, reach, actions, values, history, kept,
    grad_reads, grad_ends, grad_occupied, grad_lost, to_actions, to_values, to_cells, to_occupied,
):  # fmt: skip
    """Rows first..last: the gradients of the actions, the values, and the first cells and occupancy.

    `reach` is how many rows from the top may hold anything at first; below that nothing needs a gradient. Columns are
    taken TILE at a time, so that a span of cells stays in the nearest cache.
    """
    time, width, capacity = actions.shape[1], values.shape[2], to_cells.shape[1]
    cells = _aligned(span * (capacity + 2) * TILE, values).reshape(span, -1)
    here = _aligned((capacity + 2) * TILE, values)
    there = _aligned((capacity + 2) * TILE, values)
    for row in range(first, last):
        _occupied_backward(
            actions[row], history[row], grad_occupied[row], grad_lost[row], to_actions[row], to_occupied[row]
        )
        for left in range(0, width, TILE):
            right = min(left + TILE, width)
            tile = right - left
            here[:], there[:], cells[:] = 0.0, 0.0, 0.0
            _take_columns(grad_ends[row], left, right, here)
            deep = _deepest(grad_ends[row], grad_occupied[row])
            for start in range((time - 1) // span * span, -1, -span):
                steps = min(span, time - start)
                _take_columns(kept[row, start // span], left, right, cells[0])
                needed = min(deep + 2 * span, reach + start + steps, capacity)
                for k in range(steps):
                    t = start + k
                    _copy(values[row, t, left:right], cells[k])
                    if k + 1 < steps:
                        push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
                        _next_cells(push, pop, stay, cells[k], cells[k + 1], tile, needed)
                        # Below what is needed lies what an earlier span left there.
                        below = cells[k + 1, (needed + 1) * tile : (needed + 2) * tile]
                        for j in range(tile):
                            below[j] = 0.0
                for k in range(steps - 1, -1, -1):
                    t = start + k
                    push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
                    deep = min(max(deep, 1) + 1, reach + t + 1, capacity)
                    top, by_read, to_value = here[tile:], grad_reads[row, t, left:right], to_values[row, t, left:right]
                    for j in range(tile):
                        top[j] += by_read[j]
                        to_value[j] = push * top[j]
                    by_push, by_pop, by_stay = _before_step(push, pop, stay, here, there, cells[k], tile, deep)
                    here, there = there, here
                    to_actions[row, t, 0] += by_push
                    to_actions[row, t, 1] += by_pop
                    to_actions[row, t, 2] += by_stay
            for i in range(capacity):
                _copy(here[(i + 1) * tile : (i + 2) * tile], to_cells[row, i, left:right])


@compiled
def _take_columns(cells, left, right, tile):
    """Lay the columns left..right of the cells end to end, from row 1 on."""
    width = right - left
    for i in range(cells.shape[0]):
        _copy(cells[i, left:right], tile[(i + 1) * width :])


@compiled
def _copy(numbers, to):
    """Copy the numbers to the beginning of `to`; a loop, because slices are slow where they are short."""
    for j in range(numbers.shape[0]):
        to[j] = numbers[j]


@compiled
def _occupied_backward(actions, history, grad_occupied, grad_lost, to_actions, to_occupied):
    """One row: what the occupancy and the overflow pass on to the actions, and to the first occupancy."""
    time, capacity = actions.shape[0], to_occupied.shape[0]
    here = np.zeros(capacity + 2, history.dtype)
    there = np.zeros(capacity + 2, history.dtype)
    here[1 : capacity + 1] = grad_occupied
    for t in range(time - 1, -1, -1):
        push, pop, stay, old = actions[t, 0], actions[t, 1], actions[t, 2], history[t]
        above, level, below, new = here[:capacity], here[1:], here[2:], there[1:]
        by_push = here[1] + grad_lost * old[capacity - 1]
        by_pop = here.dtype.type(0)
        by_stay = by_pop
        for i in range(capacity):
            new[i] = push * below[i] + stay * level[i] + pop * above[i]
            by_push += old[i] * below[i]
            by_stay += old[i] * level[i]
            by_pop += old[i] * above[i]
        there[capacity] += push * grad_lost
        here, there = there, here
        to_actions[t, 0], to_actions[t, 1], to_actions[t, 2] = by_push, by_pop, by_stay
    to_occupied[:] = here[1 : capacity + 1]


class _FusedScan(torch.autograd.Function):
    """The scan as one differentiable operation; its backward, when itself differentiated, is the chunked form's."""

    @staticmethod
    def forward(ctx, actions, values, cells, occupied, overflow):
        batch, time, width = values.shape
        capacity = cells.shape[1]
        span = steps_a_copy(capacity * width, capacity + width)
        reads, ends = torch.empty_like(values, memory_format=torch.contiguous_format), values.new_empty(cells.shape)
        history, lost = values.new_empty(batch, time + 1, capacity), values.new_zeros(batch)
        kept = values.new_empty(batch, -(-time // span), capacity, width)
        inputs = [array(tensor) for tensor in (actions, values, cells, occupied)]
        outputs = [tensor.numpy() for tensor in (reads, ends, history, lost, kept)]
        over_rows(_forward, batch, span, *inputs, *outputs)
        ctx.span = span
        ctx.save_for_backward(actions, values, cells, occupied, overflow, history, kept)
        return reads, ends, history[:, -1].clone(), overflow + lost

    @staticmethod
    def backward(ctx, grad_reads, grad_ends, grad_occupied, grad_overflow):
        actions, values, cells, occupied, _, history, kept = ctx.saved_tensors
        grads = (grad_reads, grad_ends, grad_occupied, grad_overflow)
        if torch.is_grad_enabled():
            return differentiable_gradients(scan_chunked, ctx.saved_tensors[:5], grads)
        gradients = [
            torch.empty_like(t, memory_format=torch.contiguous_format) for t in (actions, values, cells, occupied)
        ]
        inputs = [array(tensor) for tensor in (actions, values, history, kept, *grads)]
        reach = cells.shape[1] if ctx.needs_input_grad[2] else max(map(_deepest, array(cells), array(occupied)))
        over_rows(_backward, values.shape[0], ctx.span, reach, *inputs, *[gradient.numpy() for gradient in gradients])
        return *gradients, grad_overflow


def scan_fused(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `scan_chunked`, for one pop a step, on CPU tensors of float32 or float64."""
    return _FusedScan.apply(actions, values, cells, occupied, overflow)
