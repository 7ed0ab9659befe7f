"""The scan of superposition stacks and queues as one fused loop on the CPU, compiled by Numba (the `fast` extra).

A queue differs from a stack in where a value comes in, and so in a single step of the cells; their lengths change in the
same way. Each batch row streams over time with its cells in the nearest cache. The backward pass needs every cell at every
step; instead of keeping them it keeps the cells at the beginning of each span of steps and runs the span again, so memory
is time * width + time * capacity, not time * capacity * width; see `spans`. Rows are independent, so they are shared out
over `torch.get_num_threads()` threads. Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import numpy as np
import torch
from torch import Tensor

from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.superposition.chunked import queue, stack
from neurallambda.structures.superposition.numba.cells import (
    aligned,
    copy,
    deepest,
    entering_back,
    queue_step,
    queue_step_back,
    stack_step,
    stack_step_back,
    take_columns,
)
from neurallambda.structures.superposition.numba.occupancy import occupancy_after, occupancy_before
from neurallambda.structures.superposition.spans import steps_a_copy

TILE = 64
"""Columns worked on at once in the backward pass, so that a span of cells lies in a near cache."""

ON_TOP, BEHIND = None, True
"""Where a value comes in: on top of a stack, or behind the last item of a queue.

One is None because Numba compiles only what an argument of None leaves: each has a kernel of its own, without branches.
"""


@compiled
def _forward(first, last, behind, span, actions, values, cells, occupied, reads, ends, history, lost, kept):
    """Rows first..last: fill reads, the last cells, the occupancy after every step, the overflow, and the kept cells."""
    time, width, capacity = actions.shape[1], values.shape[2], cells.shape[1]
    inner = slice(width, (capacity + 1) * width)
    here = aligned((capacity + 2) * width, values)
    there = aligned((capacity + 2) * width, values)
    for row in range(first, last):
        here[inner] = cells[row].reshape(-1)
        there[inner] = here[inner]
        deep = deepest(cells[row], occupied[row])
        history[row, 0] = occupied[row]
        total = lost[row]
        for t in range(time):
            push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
            if t % span == 0:
                copy(here[inner], kept[row, t // span].reshape(-1))
            deep = min(deep + 1, capacity)
            copy(values[row, t], here)
            if behind is None:
                stack_step(push, pop, stay, here, there, width, deep)
            else:
                queue_step(push, pop, stay, history[row, t], here, there, width, deep)
            here, there = there, here
            copy(here[width : 2 * width], reads[row, t])
            total += push * history[row, t, capacity - 1]
            occupancy_after(push, pop, stay, history[row, t], history[row, t + 1])
        ends[row] = here[inner].reshape(capacity, width)
        lost[row] = total


@compiled
def _backward(
    first, last, behind, span, reach, actions, values, history, kept,
    grad_reads, grad_ends, grad_occupied, grad_lost, to_actions, to_values, to_cells, to_occupied,
):  # fmt: skip
    """Rows first..last: the gradients of the actions, the values, and the first cells and occupancy.

    `reach` is how many rows from the first may hold anything at first; below that nothing needs a gradient. Columns are
    taken TILE at a time, so that a span of cells stays in the nearest cache.
    """
    time, width, capacity = actions.shape[1], values.shape[2], to_cells.shape[1]
    cells = aligned(span * (capacity + 2) * TILE, values).reshape(span, -1)
    here = aligned((capacity + 2) * TILE, values)
    there = aligned((capacity + 2) * TILE, values)
    through = np.zeros((time, 0 if behind is None else capacity), values.dtype)
    for row in range(first, last):
        through[:], to_actions[row] = 0.0, 0.0
        for left in range(0, width, TILE):
            right = min(left + TILE, width)
            tile = right - left
            here[:], there[:], cells[:] = 0.0, 0.0, 0.0
            take_columns(grad_ends[row], left, right, here)
            deep = deepest(grad_ends[row], grad_occupied[row])
            for start in range((time - 1) // span * span, -1, -span):
                steps = min(span, time - start)
                take_columns(kept[row, start // span], left, right, cells[0])
                needed = min(deep + 2 * span, reach + start + steps, capacity)
                for k in range(steps):
                    t = start + k
                    copy(values[row, t, left:right], cells[k])
                    if k + 1 < steps:
                        push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
                        if behind is None:
                            stack_step(push, pop, stay, cells[k], cells[k + 1], tile, needed)
                        else:
                            queue_step(push, pop, stay, history[row, t], cells[k], cells[k + 1], tile, needed)
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
                    if behind is None:
                        for j in range(tile):
                            to_value[j] = push * top[j]
                        by_push, by_pop, by_stay = stack_step_back(push, pop, stay, here, there, cells[k], tile, deep)
                    else:
                        to_actions[row, t, 0] += entering_back(
                            push, history[row, t], here, cells[k], to_value, through[t], tile, deep
                        )
                        by_push, by_pop, by_stay = queue_step_back(push, pop, stay, here, there, cells[k], tile, deep)
                    here, there = there, here
                    to_actions[row, t, 0] += by_push
                    to_actions[row, t, 1] += by_pop
                    to_actions[row, t, 2] += by_stay
            for i in range(capacity):
                copy(here[(i + 1) * tile : (i + 2) * tile], to_cells[row, i, left:right])
        occupancy_before(
            actions[row], history[row], through, grad_occupied[row], grad_lost[row], to_actions[row], to_occupied[row]
        )


class _FusedScan(torch.autograd.Function):
    """The scan as one differentiable operation; its backward, when itself differentiated, is the chunked form's."""

    @staticmethod
    def forward(ctx, behind, actions, values, cells, occupied, overflow):
        batch, time, width = values.shape
        capacity = cells.shape[1]
        span = steps_a_copy(capacity * width, capacity + width)
        reads, ends = torch.empty_like(values, memory_format=torch.contiguous_format), values.new_empty(cells.shape)
        history, lost = values.new_empty(batch, time + 1, capacity), values.new_zeros(batch)
        kept = values.new_empty(batch, -(-time // span), capacity, width)
        inputs = [array(tensor) for tensor in (actions, values, cells, occupied)]
        outputs = [tensor.numpy() for tensor in (reads, ends, history, lost, kept)]
        over_rows(_forward, batch, behind, span, *inputs, *outputs)
        ctx.behind, ctx.span = behind, span
        ctx.save_for_backward(actions, values, cells, occupied, overflow, history, kept)
        return reads, ends, history[:, -1].clone(), overflow + lost

    @staticmethod
    def backward(ctx, *grads):
        *inputs, history, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            chunked = queue.scan_chunked if ctx.behind else stack.scan_chunked
            return None, *differentiable_gradients(chunked, inputs, grads)
        actions, values, cells, occupied, _ = inputs
        found = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (actions, values, cells, occupied)]
        given = [array(tensor) for tensor in (actions, values, history, kept, *grads)]
        *_, to_cells, to_occupied, _ = ctx.needs_input_grad
        everywhere = to_cells or to_occupied
        reach = cells.shape[1] if everywhere else max(map(deepest, array(cells), array(occupied)))
        settings = (ctx.behind, ctx.span, reach)
        over_rows(_backward, values.shape[0], *settings, *given, *[tensor.numpy() for tensor in found])
        return None, *found, grads[3]


def scan_stack(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `chunked.stack.scan_chunked`, for one pop a step, on CPU tensors of float32 or float64."""
    return _FusedScan.apply(ON_TOP, actions, values, cells, occupied, overflow)


def scan_queue(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `chunked.queue.scan_chunked`, on CPU tensors of float32 or float64."""
    return _FusedScan.apply(BEHIND, actions, values, cells, occupied, overflow)
