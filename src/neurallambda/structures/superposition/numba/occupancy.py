"""The occupancy of superposition stacks and queues, over time and back: kernels compiled by Numba (the `fast` extra).

Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false

import numpy as np

from neurallambda.structures.numba_kernels import compiled


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
def occupancy_before(actions, history, through, grad_occupied, grad_lost, to_actions, to_occupied):
    """One row: what the occupancy and the overflow pass on to the actions, and to the first occupancy.

    Args:
        actions: [time, 3].
        history: [time + 1, capacity], the occupancy before each step and after the last.
        through: [time, capacity], what else depends on the occupancy before each step; or [time, 0], where nothing does.
        grad_occupied: [capacity], the gradient of the last occupancy.
        grad_lost: that of the overflow.
        to_actions: [time, 3], to which the gradient of the actions is added.
        to_occupied: [capacity], which the gradient of the first occupancy fills.
    """
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
        for i in range(through.shape[1]):
            new[i] += through[t, i]
        there[capacity] += push * grad_lost
        here, there = there, here
        to_actions[t, 0] += by_push
        to_actions[t, 1] += by_pop
        to_actions[t, 2] += by_stay
    to_occupied[:] = here[1 : capacity + 1]
