"""One step of the superposition stack as one fused operation on the CPU, compiled by Numba (the `fast` extra).

A controller that reads before it acts takes steps one at a time, each so short that what surrounds the arithmetic
counts: tensors are handed over by their addresses. Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import numpy as np
import torch
from numba import carray  # pyright: ignore[reportPrivateImportUsage]
from torch import Tensor

from neurallambda.structures.numba_kernels import addresses, compiled, contiguous, over_rows, pointer_to
from neurallambda.structures.stack_chunked import mixed
from neurallambda.structures.stack_numba import occupancy_after


@compiled
def _step_forward(
    first, last, actions, values, tops, rests, occupied, overflow, next_tops, next_rests, next_occupied, next_overflow
):
    """Rows first..last: one step."""
    capacity, width = occupied.shape[1], values.shape[1]
    count = max(capacity - 2, 0) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, top, new_top = values[row], tops[row], next_tops[row]
        for j in range(width):
            new_top[j] = push * value[j] + stay * top[j]
        if capacity > 1:
            old, new = rests[row].reshape(-1), next_rests[row].reshape(-1)
            old_below, new_below = old[width:], new[width:]
            for j in range(width):
                new_top[j] += pop * old[j]
                new[j] = push * top[j] + stay * old[j]
            for j in range(count):
                new_below[j] = push * old[j] + stay * old_below[j]
            for j in range(count):
                new[j] += pop * old_below[j]
        next_overflow[row] = overflow[row] + push * occupied[row, capacity - 1]
        occupancy_after(push, pop, stay, occupied[row], next_occupied[row])


@compiled
def _step_backward(
    first, last, actions, values, tops, rests, occupied, grad_tops, grad_rests, grad_occupied, grad_overflow,
    to_actions, to_values, to_tops, to_rests, to_occupied,
):  # fmt: skip
    """Rows first..last: the gradients of the action, the value, and the state before the step."""
    capacity, width = occupied.shape[1], values.shape[1]
    count = max(capacity - 2, 0) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, top, grad_top, to_value, to_top = values[row], tops[row], grad_tops[row], to_values[row], to_tops[row]
        by_push = grad_overflow[row] * occupied[row, capacity - 1]
        by_pop = by_push * 0
        by_stay = by_pop
        for j in range(width):
            by_push += value[j] * grad_top[j]
            by_stay += top[j] * grad_top[j]
            to_value[j] = push * grad_top[j]
            to_top[j] = stay * grad_top[j]
        if capacity > 1:
            old, grad, earlier = rests[row].reshape(-1), grad_rests[row].reshape(-1), to_rests[row].reshape(-1)
            old_below, grad_below, earlier_below = old[width:], grad[width:], earlier[width:]
            for j in range(width):
                by_push += top[j] * grad[j]
                by_pop += old[j] * grad_top[j]
                to_top[j] += push * grad[j]
            for j in range(count):
                by_push += old[j] * grad_below[j]
                earlier[j] = push * grad_below[j] + stay * grad[j]
            for j in range(count, count + width):
                earlier[j] = stay * grad[j]
            for j in range(width):
                earlier[j] += pop * grad_top[j]
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
        of_earlier[capacity - 1] += push * grad_overflow[row]
        to_actions[row, 0], to_actions[row, 1], to_actions[row, 2] = by_push, by_pop, by_stay


@compiled
def _step_forward_at(first, last, batch, capacity, width, like, places):
    """`_step_forward` on tensors given by their addresses."""
    row, cell = (batch, width), (batch, capacity - 1, width)
    _step_forward(
        first,
        last,
        carray(pointer_to(places[0], like), (batch, 3)),
        carray(pointer_to(places[1], like), row),
        carray(pointer_to(places[2], like), row),
        carray(pointer_to(places[3], like), cell),
        carray(pointer_to(places[4], like), (batch, capacity)),
        carray(pointer_to(places[5], like), (batch,)),
        carray(pointer_to(places[6], like), row),
        carray(pointer_to(places[7], like), cell),
        carray(pointer_to(places[8], like), (batch, capacity)),
        carray(pointer_to(places[9], like), (batch,)),
    )


@compiled
def _step_backward_at(first, last, batch, capacity, width, like, places):
    """`_step_backward` on tensors given by their addresses."""
    row, cell = (batch, width), (batch, capacity - 1, width)
    _step_backward(
        first,
        last,
        carray(pointer_to(places[0], like), (batch, 3)),
        carray(pointer_to(places[1], like), row),
        carray(pointer_to(places[2], like), row),
        carray(pointer_to(places[3], like), cell),
        carray(pointer_to(places[4], like), (batch, capacity)),
        carray(pointer_to(places[5], like), row),
        carray(pointer_to(places[6], like), cell),
        carray(pointer_to(places[7], like), (batch, capacity)),
        carray(pointer_to(places[8], like), (batch,)),
        carray(pointer_to(places[9], like), (batch, 3)),
        carray(pointer_to(places[10], like), row),
        carray(pointer_to(places[11], like), row),
        carray(pointer_to(places[12], like), cell),
        carray(pointer_to(places[13], like), (batch, capacity)),
    )


_LIKE = {torch.float32: np.empty(0, np.float32), torch.float64: np.empty(0, np.float64)}


def _rooms(tensors):
    """Uninitialized tensors of the shapes of contiguous ones."""
    return tuple(map(torch.empty_like, tensors))


def _at_addresses(kernel, inputs, outputs):
    batch, width = inputs[1].shape
    places = tuple(addresses((*inputs, *outputs)))
    over_rows(kernel, batch, batch, inputs[4].shape[1], width, _LIKE[inputs[1].dtype], places)


class _FusedStep(torch.autograd.Function):
    """One step as one differentiable operation; its backward, when itself differentiated, is that of `mixed`."""

    @staticmethod
    def forward(ctx, *before):
        inputs = contiguous(before)
        after = _rooms(inputs[2:])
        _at_addresses(_step_forward_at, inputs, after)
        ctx.save_for_backward(*before[:5])
        return after

    @staticmethod
    def backward(ctx, *grads):
        saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            inputs = tuple(t if t.requires_grad else t.detach().requires_grad_() for t in saved)
            action, value, top, rest, occupied = inputs
            after = mixed(action, value, top, rest, occupied, torch.zeros_like(grads[3]))
            return *torch.autograd.grad(after, inputs, grads, create_graph=True), grads[3]
        inputs = contiguous((*saved, *grads))
        gradients = _rooms(inputs[:5])
        _at_addresses(_step_backward_at, inputs, gradients)
        return *gradients, grads[3]


def step_fused(
    action: Tensor, value: Tensor, top: Tensor, rest: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `stack_chunked.mixed`, for one pop a step, on CPU tensors of float32 or float64."""
    return _FusedStep.apply(action, value, top, rest, occupied, overflow)
