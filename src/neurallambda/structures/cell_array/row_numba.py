"""The first cell of a row without an end as one sweep on the CPU, compiled by Numba (the `fast` extra).

Where symbols are certain, a cell needs one entry of the table for its pair of symbols, and not the chances of all pairs:
`states^3` multiplications instead of `symbols² states^3`. The backward pass goes through the kept states from the last step
to the first; without gradients one row of states is all that is kept. Import this module only where Numba is installed.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import numpy as np
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.structures.cell_array.array import CellArray, certain
from neurallambda.structures.numba_kernels import array, compiled, over_rows
from neurallambda.structures.second_gradients import differentiable_gradients


@compiled
def _only(chances):
    """The one place that is not zero; -1 where there are more."""
    found = -1
    for place in range(len(chances)):
        if chances[place] != 0:
            if found >= 0:
                return -1
            found = place
    return found


@compiled
def _next(own, right, rule, near, after):
    """Fill the next state of a cell from its state and its neighbour's; return the sum by which it was divided."""
    count = len(own)
    one, other = _only(own), _only(right)
    if one >= 0 and other >= 0:  # certain states: one entry of the rule is all there is
        for c in range(count):
            after[c] = right[other] * (own[one] * rule[one, other * count + c])
    else:
        near[:] = 0
        for a in range(count):
            if own[a] != 0:
                weight, line = own[a], rule[a]
                for k in range(count * count):
                    near[k] += weight * line[k]
        after[:] = 0
        for b in range(count):
            weight = right[b]
            for c in range(count):
                after[c] += weight * near[b * count + c]
    total = near.dtype.type(0)
    for c in range(count):
        total += after[c]
    for c in range(count):
        after[c] /= total
    return total


@compiled
def _read(first, last, table, kinds, seen, reads):
    """Seeds first..last: fill the states of the first cell [seed, row, time, state]; the arguments are as in `_forward`.

    A cell looks at itself and to the right, so that one row, overwritten from left to right, is enough.
    """
    symbols, time = int(np.sqrt(table.shape[1])), seen.shape[2]
    count = table.shape[2]
    near = np.empty(count * count, table.dtype)
    after = np.empty(count, table.dtype)
    for seed in range(first, last):
        for row in range(kinds.shape[1]):
            states = np.zeros((time + 1, count), table.dtype)
            states[:, 0] = 1
            for t in range(time):
                for cell in range(time - t):
                    kind = kinds[seed, row, cell] if cell < kinds.shape[2] else symbols - 1
                    rule = table[seed, kind * symbols + seen[seed, row, t]]
                    _next(states[cell], states[cell + 1], rule, near, after)
                    states[cell] = after
                reads[seed, row, t] = states[0]


@compiled
def _forward(first, last, table, kinds, seen, states, totals):
    """Seeds first..last: fill the states [seed, row, time, cell, state] and the sums by which they were divided.

    The table is [seed, pair of symbols, state, right state and next state]. Of time t the cells 0..time-t are computed.
    """
    symbols, time = int(np.sqrt(table.shape[1])), seen.shape[2]
    count = table.shape[2]
    near = np.empty(count * count, table.dtype)
    for seed in range(first, last):
        for row in range(kinds.shape[1]):
            for cell in range(time + 1):
                states[seed, row, 0, cell, 0] = 1
            for t in range(time):
                for cell in range(time - t):
                    kind = kinds[seed, row, cell] if cell < kinds.shape[2] else symbols - 1
                    rule = table[seed, kind * symbols + seen[seed, row, t]]
                    own, right = states[seed, row, t, cell], states[seed, row, t, cell + 1]
                    after = states[seed, row, t + 1, cell]
                    total = _next(own, right, rule, near, after)
                    totals[seed, row, t, cell] = total


@compiled
def _backward(first, last, table, kinds, seen, states, totals, grads, to_table):
    """Seeds first..last: the gradient of the table, from that of the first cell's states."""
    symbols, time = int(np.sqrt(table.shape[1])), seen.shape[2]
    count = table.shape[2]
    near = np.empty(count * count, table.dtype)
    by_near = np.empty(count * count, table.dtype)
    by_after = np.empty(count, table.dtype)
    for seed in range(first, last):
        for row in range(kinds.shape[1]):
            later = np.zeros((time + 1, count), table.dtype)
            for t in range(time - 1, -1, -1):
                for c in range(count):
                    later[0, c] += grads[seed, row, t, c]
                earlier = np.zeros((time + 1, count), table.dtype)
                for cell in range(time - t):
                    kind = kinds[seed, row, cell] if cell < kinds.shape[2] else symbols - 1
                    pair = kind * symbols + seen[seed, row, t]
                    rule, to_rule = table[seed, pair], to_table[seed, pair]
                    own, right = states[seed, row, t, cell], states[seed, row, t, cell + 1]
                    after = states[seed, row, t + 1, cell]
                    mean = table.dtype.type(0)
                    for c in range(count):
                        mean += later[cell, c] * after[c]
                    for c in range(count):
                        by_after[c] = (later[cell, c] - mean) / totals[seed, row, t, cell]
                    near[:] = 0
                    for a in range(count):
                        weight, line = own[a], rule[a]
                        for k in range(count * count):
                            near[k] += weight * line[k]
                    for b in range(count):
                        weight, by_right = right[b], table.dtype.type(0)
                        for c in range(count):
                            by_near[b * count + c] = weight * by_after[c]
                            by_right += near[b * count + c] * by_after[c]
                        earlier[cell + 1, b] += by_right
                    for a in range(count):
                        weight, line, to_line, by_own = own[a], rule[a], to_rule[a], table.dtype.type(0)
                        for k in range(count * count):
                            by_own += line[k] * by_near[k]
                            to_line[k] += weight * by_near[k]
                        earlier[cell, a] += by_own
                later = earlier


class _Sweep(torch.autograd.Function):
    """The states of the first cell, of tables [seeds, ...], symbols [seeds, batch, cells] and [seeds, batch, time].

    It also gives the states of all cells, and what they were divided by, for the way back; they have no gradient.
    """

    @staticmethod
    def forward(table, kinds, seen):
        seeds, count, (batch, time) = table.shape[0], table.shape[-1], seen.shape[1:]
        states = table.new_zeros(seeds, batch, time + 1, time + 1, count)
        totals = table.new_zeros(seeds, batch, time, max(time, 1))
        over_rows(_forward, seeds, *_arrays(table, kinds, seen), states.numpy(), totals.numpy())
        return states[:, :, 1:, 0].clone(), states, totals

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, *output[1:])
        ctx.mark_non_differentiable(*output[1:])

    @staticmethod
    def backward(ctx, grads, *_):
        table, kinds, seen, states, totals = ctx.saved_tensors
        if torch.is_grad_enabled():
            to_table = differentiable_gradients(lambda table: _plain(table, kinds, seen), (table,), (grads,))[0]
        else:
            to_table = _Back.apply(table, kinds, seen, states, totals, grads)
        return to_table, None, None

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return _beside(_Sweep, 3, info, in_dims, *inputs)


class _Read(torch.autograd.Function):
    """As `_Sweep`, the states of the first cell alone, where no gradients are wanted."""

    @staticmethod
    def forward(table, kinds, seen):
        reads = table.new_zeros(*seen.shape, table.shape[-1])
        over_rows(_read, len(table), *_arrays(table, kinds, seen), reads.numpy())
        return reads

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return _beside(_Read, 1, info, in_dims, *inputs)


class _Back(torch.autograd.Function):
    """The gradient of the tables."""

    @staticmethod
    def forward(table, kinds, seen, states, totals, grads):
        seeds, symbols, count = table.shape[0], table.shape[1], table.shape[-1]
        to_table = torch.zeros_like(table, memory_format=torch.contiguous_format)
        rules = (array(part).reshape(seeds, symbols * symbols, count, count * count) for part in (table, to_table))
        one, other = rules
        numbers = (array(kinds), array(seen), array(states), array(totals), array(grads))
        over_rows(_backward, seeds, one, *numbers, other)
        return to_table

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return _beside(_Back, 1, info, in_dims, *inputs)


def _arrays(table, kinds, seen):
    """What the kernels take: the table by pairs of symbols, and numbers that are symbols."""
    seeds, symbols, count = table.shape[0], table.shape[1], table.shape[-1]
    for name, numbers in (("symbols", kinds), ("seen", seen)):
        if numbers.numel() and not 0 <= int(numbers.min()) <= int(numbers.max()) < symbols:
            raise ArgumentError(f"{name}: got a number that is no symbol, expected 0 to {symbols - 1}")
    return array(table).reshape(seeds, symbols * symbols, count, count * count), array(kinds), array(seen)


def _beside(function, outputs, info, in_dims, *inputs):
    """Run a function whose inputs have an axis of seeds once more for each entry of a further axis: they are seeds too."""
    moved = [
        tensor.movedim(dim, 0) if dim is not None else tensor.expand(info.batch_size, *tensor.shape)
        for tensor, dim in zip(inputs, in_dims, strict=True)
    ]
    found = function.apply(*(tensor.flatten(0, 1) for tensor in moved))
    if outputs == 1:
        return found.unflatten(0, (info.batch_size, -1)), 0
    return tuple(tensor.unflatten(0, (info.batch_size, -1)) for tensor in found), (0,) * outputs


def _plain(table, kinds, seen):
    """The same in PyTorch, seed by seed."""
    array = CellArray(states=table.shape[-1], symbols=table.shape[1])
    one, other = (certain(numbers, array.symbols, table.dtype) for numbers in (kinds, seen))
    return torch.stack([array.first_cell(*parts) for parts in zip(table, one, other, strict=True)])


def swept(table: Tensor, kinds: Tensor, seen: Tensor) -> Tensor:
    """As `CellArray.first_cell` of an array that looks to the right, for symbols that are certain.

    Args:
        table: the chances of the next state, on a CPU, of float32 or float64.
        kinds: the numbers of the symbols in the cells, [batch, cells].
        seen: those of the symbols seen, [batch, time].

    Returns:
        The states of the first cell after each step, [batch, time, states].
    """
    inputs = table[None], kinds[None], seen[None]
    return _Sweep.apply(*inputs)[0][0] if torch.is_grad_enabled() else _Read.apply(*inputs)[0]
