"""The superposition deque's scan as one fused loop on the CPU, compiled by Numba (the `fast` extra).

The cells of each length lie end to end, with a place more at either end for what is about to come in; then every action
is a shift along a line, from the line of a neighbouring length. The backward pass keeps the cells at the beginning of
each span of steps and runs the span again; see `spans`. Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.superposition.spans import steps_a_copy

Scan = Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]


@compiled
def _enter(value, lengths, lines):
    """Lay the value, weighted by each length, at either end of the line of that length."""
    width = value.shape[0]
    for n in range(lines.shape[0]):
        line = lines[n]
        for j in range(width):
            line[j] = lengths[n] * value[j]
            line[(n + 1) * width + j] = line[j]


@compiled
def _lengths_after(put, get, stay, before, after):
    """One step of the probability of each length."""
    last = before.shape[0] - 1
    for n in range(last + 1):
        after[n] = stay * before[n]
    for n in range(last):
        after[n + 1] += put * before[n]
        after[n] += get * before[n + 1]
    after[0] += get * before[0]
    after[last] += put * before[last]


@compiled
def _step(action, old, new, width):
    """One step of the lines, which hold what enters at their ends; those of length n from n - 1, n and n + 1."""
    capacity = old.shape[0] - 1
    put_front, put_back, get_front, get_back, stay = action[0], action[1], action[2], action[3], action[4]
    for n in range(1, capacity + 1):
        count = n * width
        to, here, shorter = new[n, width : width + count], old[n, width:], old[n - 1]
        shorter_on = shorter[width:]
        if n < capacity:
            longer = old[n + 1, width:]
            longer_on = longer[width:]
            for j in range(count):
                to[j] = (
                    put_front * shorter[j]
                    + put_back * shorter_on[j]
                    + get_front * longer_on[j]
                    + get_back * longer[j]
                    + stay * here[j]
                )
        else:
            stays = stay + put_front + put_back
            for j in range(count):
                to[j] = put_front * shorter[j] + put_back * shorter_on[j] + stays * here[j]


@compiled
def _forward(first, last, span, actions, values, cells, lengths, reads, ends, history, lost, kept):
    """Rows first..last: fill reads, the last cells, the lengths after every step, the overflow, and the kept cells."""
    time, width, capacity = actions.shape[1], values.shape[2], cells.shape[2]
    old = np.zeros((capacity + 1, (capacity + 2) * width), values.dtype)
    new = np.zeros((capacity + 1, (capacity + 2) * width), values.dtype)
    for row in range(first, last):
        for n in range(capacity + 1):
            old[n, width : (n + 1) * width] = cells[row, n, :n].reshape(-1)
        history[row, 0] = lengths[row]
        for t in range(time):
            action = actions[row, t]
            put, get = action[0] + action[1], action[2] + action[3]
            if t % span == 0:
                kept[row, t // span] = old
            _enter(values[row, t], history[row, t], old)
            _step(action, old, new, width)
            lost[row] += put * history[row, t, capacity]
            _lengths_after(put, get, action[4], history[row, t], history[row, t + 1])
            old, new = new, old
            front, back = reads[row, t, :width], reads[row, t, width:]
            front[:], back[:] = 0, 0
            for n in range(1, capacity + 1):
                for j in range(width):
                    front[j] += old[n, width + j]
                    back[j] += old[n, n * width + j]
        for n in range(capacity + 1):
            ends[row, n, :n] = old[n, width : (n + 1) * width].reshape(n, width)
            ends[row, n, n:] = 0


@compiled
def _step_back(action, old, grad, earlier, by, width):
    """The gradients of the lines before a step, from those after it; adds those of the action to `by`."""
    capacity = old.shape[0] - 1
    put_front, put_back, get_front, get_back, stay = action[0], action[1], action[2], action[3], action[4]
    for n in range(1, capacity + 1):
        count = n * width
        of, here, shorter = grad[n, width : width + count], old[n, width:], old[n - 1]
        shorter_on = shorter[width:]
        to, of_shorter = earlier[n, width:], grad[n - 1]
        of_shorter_on = of_shorter[width:]
        by_put_front = old.dtype.type(0)
        by_put_back, by_get_front, by_get_back, by_stay = by_put_front, by_put_front, by_put_front, by_put_front
        if n < capacity:
            longer, of_longer = old[n + 1, width:], grad[n + 1, width:]
            longer_on, of_longer_on = longer[width:], of_longer[width:]
            for j in range(count):
                to[j] = (
                    put_front * of_longer_on[j]
                    + put_back * of_longer[j]
                    + get_front * of_shorter[j]
                    + get_back * of_shorter_on[j]
                    + stay * of[j]
                )
                by_put_front += of[j] * shorter[j]
                by_put_back += of[j] * shorter_on[j]
                by_get_front += of[j] * longer_on[j]
                by_get_back += of[j] * longer[j]
                by_stay += of[j] * here[j]
        else:
            stays = stay + put_front + put_back
            for j in range(count):
                to[j] = get_front * of_shorter[j] + get_back * of_shorter_on[j] + stays * of[j]
                by_put_front += of[j] * (shorter[j] + here[j])
                by_put_back += of[j] * (shorter_on[j] + here[j])
                by_stay += of[j] * here[j]
        by[0] += by_put_front
        by[1] += by_put_back
        by[2] += by_get_front
        by[3] += by_get_back
        by[4] += by_stay


@compiled
def _lengths_before(action, lengths, of_lost, grad, earlier, by):
    """The gradients of the lengths before a step, from those after it; adds those of the action to `by`."""
    last = lengths.shape[0] - 1
    put, get, stay = action[0] + action[1], action[2] + action[3], action[4]
    by_put = lengths[last] * (grad[last] + of_lost)
    by_get = lengths[0] * grad[0]
    by_stay = lengths[last] * grad[last]
    earlier[last] = stay * grad[last] + put * (grad[last] + of_lost)
    for n in range(last):
        by_put += lengths[n] * grad[n + 1]
        by_get += lengths[n + 1] * grad[n]
        by_stay += lengths[n] * grad[n]
        earlier[n] = stay * grad[n] + put * grad[n + 1]
    for n in range(last):
        earlier[n + 1] += get * grad[n]
    earlier[0] += get * grad[0]
    by[0] += by_put
    by[1] += by_put
    by[2] += by_get
    by[3] += by_get
    by[4] += by_stay


@compiled
def _backward(
    first, last, span, actions, values, history, kept, grad_reads, grad_ends, grad_lengths, grad_lost,
    to_actions, to_values, to_cells, to_lengths,
):  # fmt: skip
    """Rows first..last: the gradients of the actions, the values, and the first cells and lengths."""
    time, width, capacity = actions.shape[1], values.shape[2], to_cells.shape[2]
    lines = np.zeros((min(span, time), capacity + 1, (capacity + 2) * width), values.dtype)
    for row in range(first, last):
        grad = np.zeros((capacity + 1, (capacity + 2) * width), values.dtype)
        earlier = np.zeros((capacity + 1, (capacity + 2) * width), values.dtype)
        of_lengths, of_earlier = grad_lengths[row].copy(), np.zeros(capacity + 1, values.dtype)
        for n in range(capacity + 1):
            grad[n, width : (n + 1) * width] = grad_ends[row, n, :n].reshape(-1)
        for start in range((time - 1) // span * span, -1, -span):
            steps = min(span, time - start)
            lines[0] = kept[row, start // span]
            for k in range(steps):
                _enter(values[row, start + k], history[row, start + k], lines[k])
                if k + 1 < steps:
                    _step(actions[row, start + k], lines[k], lines[k + 1], width)
            for k in range(steps - 1, -1, -1):
                t = start + k
                action, by, value, to_value = actions[row, t], to_actions[row, t], values[row, t], to_values[row, t]
                by[:], to_value[:] = 0, 0
                for n in range(1, capacity + 1):
                    for j in range(width):
                        grad[n, width + j] += grad_reads[row, t, j]
                        grad[n, n * width + j] += grad_reads[row, t, width + j]
                _step_back(action, lines[k], grad, earlier, by, width)
                _lengths_before(action, history[row, t], grad_lost[row], of_lengths, of_earlier, by)
                for n in range(capacity):
                    through = values.dtype.type(0)
                    for j in range(width):
                        entering = action[0] * grad[n + 1, width + j] + action[1] * grad[n + 1, (n + 1) * width + j]
                        to_value[j] += history[row, t, n] * entering
                        through += value[j] * entering
                    of_earlier[n] += through
                grad, earlier = earlier, grad
                of_lengths, of_earlier = of_earlier, of_lengths
        for n in range(capacity + 1):
            to_cells[row, n, :n] = grad[n, width : (n + 1) * width].reshape(n, width)
            to_cells[row, n, n:] = 0
        to_lengths[row] = of_lengths


class _FusedScan(torch.autograd.Function):
    """The scan as one differentiable operation; its backward, when itself differentiated, is that of `by_steps`."""

    @staticmethod
    def forward(ctx, by_steps, actions, values, cells, lengths, overflow):
        batch, time, width = values.shape
        capacity = cells.shape[2]
        reads, ends = values.new_empty(batch, time, 2 * width), values.new_empty(cells.shape)
        history, lost = values.new_empty(batch, time + 1, capacity + 1), values.new_zeros(batch)
        span = steps_a_copy((capacity + 1) * (capacity + 2) * width, capacity + width)
        kept = values.new_empty(batch, -(-time // span), capacity + 1, (capacity + 2) * width)
        inputs = [array(tensor) for tensor in (actions, values, cells, lengths)]
        over_rows(_forward, batch, span, *inputs, *[tensor.numpy() for tensor in (reads, ends, history, lost, kept)])
        ctx.by_steps, ctx.span = by_steps, span
        ctx.save_for_backward(actions, values, cells, lengths, overflow, history, kept)
        return reads, ends, history[:, -1].clone(), overflow + lost

    @staticmethod
    def backward(ctx, *grads):
        *inputs, history, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            return None, *differentiable_gradients(ctx.by_steps, inputs, grads)
        actions, values, cells, lengths, _ = inputs
        found = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (actions, values, cells, lengths)]
        given = [array(tensor) for tensor in (actions, values, history, kept, *grads)]
        over_rows(_backward, values.shape[0], ctx.span, *given, *[tensor.numpy() for tensor in found])
        return None, *found, grads[3]


def scan_fused(
    by_steps: Scan, actions: Tensor, values: Tensor, cells: Tensor, lengths: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The scan of a superposition deque, on CPU tensors of float32 or float64.

    Args:
        by_steps: the same scan in PyTorch, for second derivatives: of the other arguments, with the same results.
        actions: [batch, time, 5], weights of (put front, put back, get front, get back, stay).
        values: [batch, time, width].
        cells: [batch, capacity + 1, capacity, width], by length and place.
        lengths: [batch, capacity + 1].
        overflow: [batch].

    Returns:
        The reads [batch, time, 2 * width], and cells, lengths and overflow after the last step.
    """
    return _FusedScan.apply(by_steps, actions, values, cells, lengths, overflow)
