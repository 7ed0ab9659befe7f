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

from neurallambda.structures.numba_kernels import LIKE, addresses, array, compiled, fetch, over_rows, pointer_to
from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.superposition.numba.occupancy import occupancy_after
from neurallambda.structures.superposition.step import mixed

BLOCK = 384
"""Numbers worked on between two requests: fewer cost more, and more ask for too much at once."""

AHEAD = 8192
"""Bytes from what is worked on to what is asked for; the states of a sequence together are too large for the caches."""


@compiled
def _mixed(push, pop, stay, above, here, below, to):
    """One step of cells laid end to end, from those above them, themselves, and those below them."""
    for j in range(to.shape[0]):
        to[j] = push * above[j] + stay * here[j] + pop * below[j]


@compiled
def _step_forward(
    first, last, actions, values, tops, rests, occupied, overflow, next_tops, next_rests, next_occupied, next_overflow
):
    """Rows first..last: one step; the cells of a row below its top lie end to end."""
    width = tops.shape[1]
    deep = rests.shape[1] // width
    nothing = np.zeros(width, tops.dtype)
    bottom = (deep - 1) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, top, old, new = values[row, :width], tops[row], rests[row], next_rests[row]
        fetch(value, values.strides[0])
        _mixed(push, pop, stay, value, top, old[:width] if deep > 0 else nothing, next_tops[row])
        if deep > 0:
            _mixed(push, pop, stay, top, old, old[width : 2 * width] if deep > 1 else nothing, new[:width])
        for start in range(width, bottom, BLOCK):
            to = new[start : min(start + BLOCK, bottom)]
            fetch(to, AHEAD)
            _mixed(push, pop, stay, old[start - width :], old[start:], old[start + width :], to)
        if deep > 1:
            _mixed(push, pop, stay, old[bottom - width :], old[bottom:], nothing, new[bottom:])
        next_overflow[row] = overflow[row] + push * occupied[row, deep]
        occupancy_after(push, pop, stay, occupied[row], next_occupied[row])


@compiled
def _mixed_backward(push, pop, stay, cells, above, here, below, to, by):
    """The gradient of cells from those of what came of them; adds the gradients of push, pop and stay to `by`."""
    by_push = cells.dtype.type(0)
    by_pop, by_stay = by_push, by_push
    for j in range(to.shape[0]):
        to[j] = push * below[j] + stay * here[j] + pop * above[j]
        by_push += cells[j] * below[j]
        by_stay += cells[j] * here[j]
        by_pop += cells[j] * above[j]
    by[0] += by_push
    by[1] += by_pop
    by[2] += by_stay


@compiled
def _step_backward(
    first, last, actions, values, tops, rests, grad_tops, grad_rests, to_actions, to_values, to_tops, to_rests
):
    """Rows first..last: the gradients of the action, the value, and the cells before the step."""
    width = tops.shape[1]
    deep = rests.shape[1] // width
    nothing = np.zeros(width, tops.dtype)
    bottom = (deep - 1) * width
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        value, top, old = values[row, :width], tops[row], rests[row]
        of_top, of, to, by = grad_tops[row], grad_rests[row], to_rests[row], to_actions[row]
        by[:] = 0
        fetch(value, values.strides[0])
        _mixed_backward(push, pop, stay, value, nothing, nothing, of_top, to_values[row], by)
        _mixed_backward(push, pop, stay, top, nothing, of_top, of[:width] if deep > 0 else nothing, to_tops[row], by)
        if deep > 0:
            below = of[width : 2 * width] if deep > 1 else nothing
            _mixed_backward(push, pop, stay, old, of_top, of, below, to[:width], by)
        for start in range(width, bottom, BLOCK):
            stop = min(start + BLOCK, bottom)
            cells, above, here, below = old[start:stop], of[start - width :], of[start:], of[start + width :]
            fetch(cells, AHEAD)
            _mixed_backward(push, pop, stay, cells, above, here, below, to[start:stop], by)
        if deep > 1:
            above, here = of[bottom - width :], of[bottom:]
            _mixed_backward(push, pop, stay, old[bottom:], above, here, nothing, to[bottom:], by)


@compiled
def _occupancy_backward(first, last, actions, occupied, grad_occupied, grad_overflow, to_actions, to_occupied):
    """Rows first..last: what the occupancy and the overflow pass on to the action and the occupancy before the step."""
    capacity = occupied.shape[1]
    for row in range(first, last):
        push, pop, stay = actions[row, 0], actions[row, 1], actions[row, 2]
        full, of_full, of_earlier = occupied[row], grad_occupied[row], to_occupied[row]
        full_below, of_full_below, of_earlier_below = full[1:], of_full[1:], of_earlier[1:]
        by_push = grad_overflow[row] * full[capacity - 1] + of_full[0]
        by_pop = occupied.dtype.type(0)
        by_stay = by_pop
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
        to_actions[row, 0] += by_push
        to_actions[row, 1] += by_pop
        to_actions[row, 2] += by_stay


@compiled
def _step_forward_at(first, last, batch, capacity, width, stride, like, places):
    """`_step_forward` on tensors given by their addresses; the values lie `stride` numbers apart."""
    row, cells = (batch, width), (batch, (capacity - 1) * width)
    _step_forward(
        first,
        last,
        carray(pointer_to(places[0], like), (batch, 3)),
        carray(pointer_to(places[1], like), (batch, stride)),
        carray(pointer_to(places[2], like), row),
        carray(pointer_to(places[3], like), cells),
        carray(pointer_to(places[4], like), (batch, capacity)),
        carray(pointer_to(places[5], like), (batch,)),
        carray(pointer_to(places[6], like), row),
        carray(pointer_to(places[7], like), cells),
        carray(pointer_to(places[8], like), (batch, capacity)),
        carray(pointer_to(places[9], like), (batch,)),
    )


@compiled
def _step_backward_at(first, last, batch, capacity, width, stride, like, places):
    """`_step_backward` on tensors given by their addresses; the values lie `stride` numbers apart."""
    row, cells = (batch, width), (batch, (capacity - 1) * width)
    _step_backward(
        first,
        last,
        carray(pointer_to(places[0], like), (batch, 3)),
        carray(pointer_to(places[1], like), (batch, stride)),
        carray(pointer_to(places[2], like), row),
        carray(pointer_to(places[3], like), cells),
        carray(pointer_to(places[4], like), row),
        carray(pointer_to(places[5], like), cells),
        carray(pointer_to(places[6], like), (batch, 3)),
        carray(pointer_to(places[7], like), row),
        carray(pointer_to(places[8], like), row),
        carray(pointer_to(places[9], like), cells),
    )


def _rooms(tensors):
    """Uninitialized tensors of the shapes of contiguous ones."""
    return tuple(map(torch.empty_like, tensors))


def _readable(tensors):
    """The tensors as the kernels take them: end to end, but for the value, whose rows may lie apart."""
    action, value, *state = tensors
    return action.contiguous(), value if value.stride(1) == 1 else value.contiguous(), *map(Tensor.contiguous, state)


def _at_addresses(kernel, inputs, outputs):
    """Run a kernel whose first inputs are the action, the value, the top and the rest."""
    _, value, top, rest, *_ = inputs
    batch, width = top.shape
    sizes = batch, rest.shape[1] + 1, width, value.stride(0)
    over_rows(kernel, batch, *sizes, LIKE[top.dtype], addresses((*inputs, *outputs)))


class _FusedStep(torch.autograd.Function):
    """One step as one differentiable operation; its backward, when itself differentiated, is that of `mixed`."""

    @staticmethod
    def forward(ctx, *before):
        inputs = _readable(before)
        after = _rooms(inputs[2:])
        _at_addresses(_step_forward_at, inputs, after)
        ctx.save_for_backward(*before[:5])
        # Where only reads count, nothing comes back through the occupancy and the overflow, and nothing is computed.
        ctx.set_materialize_grads(False)
        return after

    @staticmethod
    def backward(ctx, *grads):
        saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *differentiable_gradients(_after, saved, grads), grads[3]
        action, value, top, rest, occupied = _readable(saved)
        cells = action, value, top, rest
        of_top, of_rest, of_occupied, of_overflow = grads
        of_top, of_rest = _given(of_top, top), _given(of_rest, rest)
        gradients = torch.empty_like(action), value.new_empty(top.shape), *_rooms((top, rest))
        _at_addresses(_step_backward_at, (*cells, of_top, of_rest), gradients)
        if of_occupied is None and of_overflow is None:
            return *gradients, None, None
        of_occupied = _given(of_occupied, occupied)
        of_overflow = _given(of_overflow, occupied[:, 0])
        earlier = torch.empty_like(occupied)
        parts = action, occupied, of_occupied, of_overflow, gradients[0], earlier
        over_rows(_occupancy_backward, len(action), *map(array, parts))
        return *gradients, earlier, of_overflow


def _given(grad, of):
    """A gradient, end to end; zeros where nothing came back."""
    return torch.zeros_like(of) if grad is None else grad.contiguous()


def _after(action, value, top, rest, occupied):
    """What the gradients go back from; the overflow before the step is only added to."""
    return mixed(action, value, top, rest, occupied, torch.zeros_like(occupied[:, 0]))


def step_fused(
    action: Tensor, value: Tensor, top: Tensor, rest: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `step.mixed`, for one pop a step, on CPU tensors of float32 or float64."""
    return _FusedStep.apply(action, value, top, rest, occupied, overflow)
