"""The superposition stack's scan as one fused loop on the CPU, compiled by Numba (the `fast` extra).

Each batch row streams over time with its cells in the nearest cache. The backward pass needs every cell at every step;
instead of keeping them it keeps the cells at every SPAN-th step and runs each span again, so memory is
time * width + time * capacity, not time * capacity * width. Rows are independent, so they are shared out over
`torch.get_num_threads()` threads. Import this module only where Numba is installed.
"""

import numpy as np
import torch
from torch import Tensor

from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.stack_chunked import mixed, scan_chunked

SPAN = 16
"""Steps between two kept copies of the cells, at least; wide stacks keep fewer."""


def span_of(width: int) -> int:
    """Steps between two kept copies: so many that the copies take room in proportion to time * capacity, whatever the width."""
    return max(SPAN, width // 4)


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
def _next_occupied(push, pop, stay, before, after):
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
    here = np.zeros((capacity + 2) * width, values.dtype)
    there = np.zeros((capacity + 2) * width, values.dtype)
    for row in range(first, last):
        here[inner] = cells[row].reshape(-1)
        there[inner] = here[inner]
        deep = _deepest(cells[row], occupied[row])
        history[row, 0] = occupied[row]
        total = lost[row]
        for t in range(time):
            push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
            if t % span == 0:
                kept[row, t // span] = here[inner]
            deep = min(deep + 1, capacity)
            here[:width] = values[row, t]
            _next_cells(push, pop, stay, here, there, width, deep)
            here, there = there, here
            reads[row, t] = here[width : 2 * width]
            total += push * history[row, t, capacity - 1]
            _next_occupied(push, pop, stay, history[row, t], history[row, t + 1])
        ends[row] = here[inner].reshape(capacity, width)
        lost[row] = total


@compiled
def _before_step(push, pop, stay, grad, earlier, cells, width, deep):
    """Take the gradient of the cells one step back; return the gradients of push, pop and stay."""
    by_push = push * 0
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
    first,
    last,
    span,
    reach,
    actions,
    values,
    history,
    kept,
    grad_reads,
    grad_ends,
    grad_occupied,
    grad_lost,
    to_actions,
    to_values,
    to_cells,
    to_occupied,
):
    """Rows first..last: the gradients of the actions, the values, and the first cells and occupancy.

    `reach` is how many rows from the top may hold anything at first; below that nothing needs a gradient.
    """
    time, width, capacity = actions.shape[1], values.shape[2], to_cells.shape[1]
    inner = slice(width, (capacity + 1) * width)
    cells = np.zeros((span, (capacity + 2) * width), values.dtype)
    here = np.zeros((capacity + 2) * width, values.dtype)
    there = np.zeros((capacity + 2) * width, values.dtype)
    of_here = np.zeros(capacity + 2, values.dtype)
    of_there = np.zeros(capacity + 2, values.dtype)
    for row in range(first, last):
        here[inner] = grad_ends[row].reshape(-1)
        there[inner] = 0.0
        of_here[1 : capacity + 1] = grad_occupied[row]
        deep = _deepest(grad_ends[row], grad_occupied[row])
        for start in range((time - 1) // span * span, -1, -span):
            steps = min(span, time - start)
            cells[0, inner] = kept[row, start // span]
            needed = min(deep + 2 * span, reach + start + steps, capacity)
            for k in range(steps):
                t = start + k
                cells[k, :width] = values[row, t]
                if k + 1 < steps:
                    push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
                    _next_cells(push, pop, stay, cells[k], cells[k + 1], width, needed)
                    # Below what is needed lies what an earlier span left there.
                    cells[k + 1, (needed + 1) * width : (needed + 2) * width] = 0.0
            for k in range(steps - 1, -1, -1):
                t = start + k
                push, pop, stay = actions[row, t, 0], actions[row, t, 1], actions[row, t, 2]
                deep = min(max(deep, 1) + 1, reach + t + 1, capacity)
                here[width : 2 * width] += grad_reads[row, t]
                to_values[row, t] = push * here[width : 2 * width]
                by_push, by_pop, by_stay = _before_step(push, pop, stay, here, there, cells[k], width, deep)
                here, there = there, here
                old = history[row, t]
                by_push += of_here[1] + grad_lost[row] * old[capacity - 1]
                above, level, below, new = of_here[:capacity], of_here[1:], of_here[2:], of_there[1:]
                for i in range(capacity):
                    new[i] = push * below[i] + stay * level[i] + pop * above[i]
                    by_push += old[i] * below[i]
                    by_stay += old[i] * level[i]
                    by_pop += old[i] * above[i]
                of_there[capacity] += push * grad_lost[row]
                of_here, of_there = of_there, of_here
                to_actions[row, t, 0], to_actions[row, t, 1], to_actions[row, t, 2] = by_push, by_pop, by_stay
        to_cells[row] = here[inner].reshape(capacity, width)
        to_occupied[row] = of_here[1 : capacity + 1]


@compiled
def _step_forward(first, last, actions, values, cells, occupied, next_cells, next_occupied, lost):
    """Rows first..last: one step."""
    capacity, width = cells.shape[1:]
    count = (capacity - 1) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, old, new = values[row], cells[row].reshape(-1), next_cells[row].reshape(-1)
        old_below, new_below = old[width:], new[width:]
        for j in range(width):
            new[j] = push * value[j] + stay * old[j]
        for j in range(count):
            new_below[j] = push * old[j] + stay * old_below[j]
        for j in range(count):
            new[j] += pop * old_below[j]
        lost[row] = push * occupied[row, capacity - 1]
        _next_occupied(push, pop, stay, occupied[row], next_occupied[row])


@compiled
def _step_backward(
    first,
    last,
    actions,
    values,
    cells,
    occupied,
    grad_cells,
    grad_occupied,
    grad_lost,
    to_actions,
    to_values,
    to_cells,
    to_occupied,
):
    """Rows first..last: the gradients of the action, the value, the cells and the occupancy before the step."""
    capacity, width = cells.shape[1:]
    count = (capacity - 1) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, old, grad, earlier = (
            values[row],
            cells[row].reshape(-1),
            grad_cells[row].reshape(-1),
            to_cells[row].reshape(-1),
        )
        old_below, grad_below, earlier_below = old[width:], grad[width:], earlier[width:]
        by_push = grad_lost[row] * occupied[row, capacity - 1]
        by_pop = by_push * 0
        by_stay = by_pop
        for j in range(width):
            by_push += value[j] * grad[j]
            to_values[row, j] = push * grad[j]
        for j in range(count):
            by_push += old[j] * grad_below[j]
            earlier[j] = push * grad_below[j] + stay * grad[j]
        for j in range(count, count + width):
            earlier[j] = stay * grad[j]
        for j in range(count + width):
            by_stay += old[j] * grad[j]
        for j in range(count):
            by_pop += old_below[j] * grad[j]
            earlier_below[j] += pop * grad[j]
        full, of_full, of_earlier = occupied[row], grad_occupied[row], to_occupied[row]
        full_below, of_full_below, of_earlier_below = full[1:], of_full[1:], of_earlier[1:]
        by_push += of_full[0]
        for i in range(capacity):
            by_stay += full[i] * of_full[i]
            of_earlier[i] = stay * of_full[i]
        for i in range(capacity - 1):
            by_push += full[i] * of_full_below[i]
            by_pop += full_below[i] * of_full[i]
            of_earlier[i] += push * of_full_below[i]
        for i in range(capacity - 1):
            of_earlier_below[i] += pop * of_full[i]
        of_earlier[capacity - 1] += push * grad_lost[row]
        to_actions[row, 0], to_actions[row, 1], to_actions[row, 2] = by_push, by_pop, by_stay


class _FusedScan(torch.autograd.Function):
    """The scan as one differentiable operation; its backward, when itself differentiated, is the chunked form's."""

    @staticmethod
    def forward(ctx, actions, values, cells, occupied, overflow):
        batch, time, width = values.shape
        capacity, span = cells.shape[1], span_of(width)
        reads, ends = torch.empty_like(values, memory_format=torch.contiguous_format), values.new_empty(cells.shape)
        history, lost = values.new_empty(batch, time + 1, capacity), values.new_zeros(batch)
        kept = values.new_empty(batch, -(-time // span), capacity * width)
        inputs = [array(tensor) for tensor in (actions, values, cells, occupied)]
        outputs = [tensor.numpy() for tensor in (reads, ends, history, lost, kept)]
        over_rows(_forward, batch, span, *inputs, *outputs)
        ctx.save_for_backward(actions, values, cells, occupied, overflow, history, kept)
        return reads, ends, history[:, -1].clone(), overflow + lost

    @staticmethod
    def backward(ctx, grad_reads, grad_ends, grad_occupied, grad_overflow):
        actions, values, cells, occupied, overflow, history, kept = ctx.saved_tensors
        grads = (grad_reads, grad_ends, grad_occupied, grad_overflow)
        if torch.is_grad_enabled():
            inputs = tuple(t if t.requires_grad else t.detach().requires_grad_() for t in ctx.saved_tensors[:5])
            outputs = scan_chunked(*inputs)
            return torch.autograd.grad(outputs, inputs, grads, create_graph=True)
        batch, span = values.shape[0], span_of(values.shape[2])
        gradients = [
            torch.empty_like(t, memory_format=torch.contiguous_format) for t in (actions, values, cells, occupied)
        ]
        inputs = [array(tensor) for tensor in (actions, values, history, kept, *grads)]
        reach = cells.shape[1] if ctx.needs_input_grad[2] else max(map(_deepest, array(cells), array(occupied)))
        over_rows(_backward, batch, span, reach, *inputs, *[gradient.numpy() for gradient in gradients])
        return *gradients, grad_overflow


class _FusedStep(torch.autograd.Function):
    """One step as one differentiable operation."""

    @staticmethod
    def forward(ctx, action, value, cells, occupied, overflow):
        after = [torch.empty_like(tensor) for tensor in (cells, occupied, overflow)]
        inputs = [array(tensor) for tensor in (action, value, cells, occupied)]
        over_rows(_step_forward, len(action), *inputs, *[tensor.numpy() for tensor in after])
        ctx.save_for_backward(action, value, cells, occupied)
        return after[0], after[1], overflow + after[2]

    @staticmethod
    def backward(ctx, *grads):
        saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            inputs = tuple(t if t.requires_grad else t.detach().requires_grad_() for t in saved)
            return *torch.autograd.grad(mixed(*inputs), inputs, grads, create_graph=True), grads[2]
        gradients = [torch.empty_like(tensor) for tensor in saved]
        over_rows(
            _step_backward, len(saved[0]), *[array(t) for t in (*saved, *grads)], *[g.numpy() for g in gradients]
        )
        return *gradients, grads[2]


def scan_fused(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `scan_chunked`, for one pop a step, on CPU tensors of float32 or float64."""
    return _FusedScan.apply(actions, values, cells, occupied, overflow)


def step_fused(
    action: Tensor, value: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step: `stack_chunked.mixed` with the overflow added up, for one pop a step, on CPU tensors of float32 or
    float64.
    """
    return _FusedStep.apply(action, value, cells, occupied, overflow)
