"""Single steps of the cells of superposition stacks and queues: kernels compiled by Numba (the `fast` extra).

The cells of one batch row lie end to end, after a row for the value that comes in. Import this module only where Numba
is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false

import numpy as np

from neurallambda.structures.numba_kernels import compiled


@compiled
def aligned(count, like):
    """`count` zeros of the type of `like`, from the beginning of a cache line on: no vector then lies across two."""
    room = np.zeros(count + 16, like.dtype)
    skipped = -(room.ctypes.data // room.itemsize) % 16
    return room[skipped : skipped + count]


@compiled
def copy(numbers, to):
    """Copy the numbers to the beginning of `to`; a loop, because slices are slow where they are short."""
    for j in range(numbers.shape[0]):
        to[j] = numbers[j]


@compiled
def take_columns(cells, left, right, tile):
    """Lay the columns left..right of the cells end to end, from row 1 on."""
    width = right - left
    for i in range(cells.shape[0]):
        copy(cells[i, left:right], tile[(i + 1) * width :])


@compiled
def deepest(cells, occupied):
    """How many rows from the top may hold anything."""
    for i in range(cells.shape[0] - 1, -1, -1):
        if occupied[i] != 0.0:
            return i + 1
        for cell in cells[i]:
            if cell != 0.0:
                return i + 1
    return 0


@compiled
def stack_step(push, pop, stay, before, after, width, deep):
    """One step of a stack's first `deep` rows; row 0 of `before` is the value, row `deep` + 1 is zeros."""
    count = deep * width
    above, here, below = before[:count], before[width : width + count], before[2 * width : 2 * width + count]
    new = after[width : width + count]
    for j in range(count):
        new[j] = push * above[j] + stay * here[j] + pop * below[j]


@compiled
def stack_step_back(push, pop, stay, grad, earlier, cells, width, deep):
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
def queue_step(put, get, stay, occupied, before, after, width, deep):
    """One step of a queue's first `deep` rows; row 0 of `before` is the value, row `deep` + 1 is zeros."""
    keep = put + stay
    value = before[:width]
    longer = before.dtype.type(1)
    for i in range(deep):
        enters = put * (longer - occupied[i])
        longer = occupied[i]
        start = (i + 1) * width
        here, below, new = before[start:], before[start + width :], after[start : start + width]
        for j in range(width):
            new[j] = keep * here[j] + get * below[j] + enters * value[j]


@compiled
def queue_step_back(put, get, stay, grad, earlier, cells, width, deep):
    """Take the gradient of the cells one step back; return the gradients of put, get and stay, but for what came in."""
    keep = put + stay
    by_keep = cells.dtype.type(0)
    by_get = by_keep
    count = deep * width
    front, here = grad[:count], grad[width : width + count]
    old, new = cells[width : width + count], earlier[width : width + count]
    for j in range(count):
        new[j] = keep * here[j] + get * front[j]
        by_keep += old[j] * here[j]
        by_get += old[j] * front[j]
    return by_keep, by_get, by_keep


@compiled
def entering_back(put, occupied, grad, cells, to_value, to_occupied, width, deep):
    """Where a queue's value came in: fill `to_value`, add to `to_occupied`; return the gradient of the put."""
    value = cells[:width]
    for j in range(width):
        to_value[j] = 0.0
    by_put = cells.dtype.type(0)
    longer = cells.dtype.type(1)
    for i in range(deep):
        next_here = longer - occupied[i]
        longer = occupied[i]
        weight = put * next_here
        row = grad[(i + 1) * width : (i + 2) * width]
        along = cells.dtype.type(0)
        for j in range(width):
            along += value[j] * row[j]
            to_value[j] += weight * row[j]
        by_put += next_here * along
        to_occupied[i] -= put * along
        if i > 0:
            to_occupied[i - 1] += put * along
    return by_put
