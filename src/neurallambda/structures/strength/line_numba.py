"""The reads of a line as one sweep on the CPU, compiled by Numba (the `fast` extra).

An item is looked at while it comes, while it is cut, and while it lies within one unit of an edge that is read: time and
memory grow with the length of the sequence, not with its square. The backward pass is the same sweep, which at each
overlap passes the gradient on to the value and to the two positions that bound the overlap. Import this module only
where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import numpy as np
import torch
from torch import Tensor

from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.strength.line import Edge, Line, overlaps

SLIVER = 1e-12
"""Overlaps no longer than this are what rounding leaves of nothing, and count as nothing."""


@compiled
def _sweep(
    first_row, last_row, slots, grows_left, at_left, at_right, positions, values, reads, grads, to_positions, to_values
):
    """Rows first_row..last_row: fill `reads`; or, where `grads` has entries, pass them on to positions and values.

    A row of `positions` holds the edges left, right, left_end and right_end of every step, and then the first items'
    boundaries; an overlap is bounded by two of them.
    """
    backward = grads.shape[0] > 0
    time = (positions.shape[1] - slots - 1) // 4
    width = values.shape[2]
    room = slots + 2 * time
    low, high = np.empty(room, np.int64), np.empty(room, np.int64)
    item = np.empty(room, np.int64)
    narrowed = np.empty(1, values.dtype)
    for row in range(first_row, last_row):
        place, value = positions[row], values[row]
        head, tail = time, time + slots
        for k in range(slots):
            low[time + k], high[time + k], item[time + k] = 4 * time + k, 4 * time + k + 1, k
        for t in range(time):
            left, right, left_end, right_end = t, time + t, 2 * time + t, 3 * time + t
            for edge in (left, left_end):
                while head < tail and place[high[head]] <= place[edge] + SLIVER:
                    head += 1
                if head < tail and place[low[head]] < place[edge]:
                    low[head] = edge
                if edge == left:
                    while head < tail and place[low[tail - 1]] >= place[right] - SLIVER:
                        tail -= 1
                    if head < tail and place[high[tail - 1]] > place[right]:
                        high[tail - 1] = right
                    if head == tail:
                        head, tail = time, time
                    if grows_left and place[left_end] < place[left] - SLIVER:
                        head -= 1
                        low[head], high[head], item[head] = left_end, left, slots + t
                    if place[right_end] > place[right] + SLIVER:
                        low[tail], high[tail] = right, right_end
                        item[tail] = slots + t + (time if grows_left else 0)
                        tail += 1
            for side in range(2):
                if (side == 0 and not at_left) or (side == 1 and not at_right):
                    continue
                column = width if side == 1 and at_left else 0
                if side == 0:
                    near, near_at = left_end, place[left_end]
                    far, far_at = (
                        (left_end, near_at + 1) if near_at + 1 < place[right_end] else (right_end, place[right_end])
                    )
                else:
                    far, far_at = right_end, place[right_end]
                    near, near_at = (
                        (right_end, far_at - 1) if far_at - 1 > place[left_end] else (left_end, place[left_end])
                    )
                k = head if side == 0 else tail - 1
                while head <= k < tail:
                    below, above = low[k], high[k]
                    start = max(near_at, place[below])
                    stop = min(far_at, place[above])
                    if stop - start <= SLIVER:
                        break
                    narrowed[0] = stop - start
                    weight = narrowed[0]
                    content = value[item[k]]
                    if backward:
                        grad, to_value = grads[row, t, column : column + width], to_values[row, item[k]]
                        by_weight = values.dtype.type(0)
                        for j in range(width):
                            by_weight += grad[j] * content[j]
                            to_value[j] += weight * grad[j]
                        to_positions[row, far if place[above] >= far_at else above] += by_weight
                        to_positions[row, near if place[below] <= near_at else below] -= by_weight
                    else:
                        read = reads[row, t, column : column + width]
                        for j in range(width):
                            read[j] += weight * content[j]
                    k += 1 if side == 0 else -1


class _Sweep(torch.autograd.Function):
    """The reads as one differentiable operation; its backward, when itself differentiated, is that of the overlaps."""

    @staticmethod
    def forward(ctx, slots, grows_left, edges, positions, values):
        time = (positions.shape[1] - slots - 1) // 4
        reads = values.new_zeros(values.shape[0], time, len(edges) * values.shape[2])
        ctx.save_for_backward(positions, values)
        ctx.settings = (slots, grows_left, edges)
        none, nowhere = array(values.new_empty(0, 0, 0)), array(positions.new_empty(0, 0))
        sides = (Edge.LEFT in edges, Edge.RIGHT in edges)
        inputs = (array(positions), array(values), reads.numpy(), none, nowhere, none)
        over_rows(_sweep, values.shape[0], slots, grows_left, *sides, *inputs)
        return reads

    @staticmethod
    def backward(ctx, grads):
        positions, values = ctx.saved_tensors
        slots, grows_left, edges = ctx.settings
        if torch.is_grad_enabled():

            def reads(*inputs):
                return overlaps(_line(slots, *inputs).narrowed(), edges)

            return None, None, None, *differentiable_gradients(reads, (positions, values), (grads,))
        gradients = [torch.zeros_like(tensor) for tensor in (positions, values)]
        sides = (Edge.LEFT in edges, Edge.RIGHT in edges)
        none = array(values.new_empty(0, 0, 0))
        outputs = (none, array(grads), *(gradient.numpy() for gradient in gradients))
        over_rows(_sweep, values.shape[0], slots, grows_left, *sides, array(positions), array(values), *outputs)
        return None, None, None, *gradients


def _line(slots: int, positions: Tensor, values: Tensor) -> Line:
    time = (positions.shape[1] - slots - 1) // 4
    left, right, left_end, right_end, first = positions.split([time, time, time, time, slots + 1], dim=1)
    return Line(first=first, left=left, right=right, left_end=left_end, right_end=right_end, values=values)


def swept(line: Line, edges: tuple[Edge, ...]) -> Tensor:
    """As `line.overlaps`, on CPU tensors of float32 or float64."""
    positions = torch.cat([line.left, line.right, line.left_end, line.right_end, line.first], dim=1)
    return _Sweep.apply(line.first.shape[1] - 1, line.grows_left, edges, positions, line.values)
