"""The superposition stack's scan as one fused loop on a GPU, in Triton, with a backward of its own.

One program owns one batch row and a block of columns, and keeps all its cells in registers while it streams over time.
The occupancy is one more column in which every push writes a one. The backward runs each span of steps again from a kept
copy, as on the CPU. Import this module only where Triton is installed; with TRITON_INTERPRET=1 it runs on CPU tensors,
slowly, which is how it is tested without a GPU. The newest thing it asks of Triton is `tl.gather`, of version 3.2.
"""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingImports=false, reportMissingParameterType=false, reportIncompatibleMethodOverride=false, reportArgumentType=false, reportOperatorIssue=false
# ruff: noqa: N803

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.second_gradients import differentiable_gradients
from neurallambda.structures.superposition.chunked.stack import scan_chunked
from neurallambda.structures.superposition.spans import steps_a_copy
from neurallambda.structures.superposition.step import PUSH

COLUMNS = 32
"""Columns a program owns."""


def _kernel(function: Callable[..., object]) -> Any:
    """Compile a function, without any wrappers that an import hook may have put around it."""
    return triton.jit(unwrap(function))


@_kernel
def _shift_down(cells, top, depth):
    """Every cell one deeper, `top` in the first."""
    moved = tl.gather(cells, tl.broadcast_to(tl.maximum(depth - 1, 0), cells.shape), 0)
    return tl.where(depth == 0, top, moved)


@_kernel
def _shift_up(cells, depth, capacity):
    """Every cell one shallower, nothing in the last."""
    moved = tl.gather(cells, tl.broadcast_to(tl.minimum(depth + 1, cells.shape[0] - 1), cells.shape), 0)
    return tl.where(depth < capacity - 1, moved, 0.0)


@_kernel
def _load_action(actions, row, t, time, dtype: tl.constexpr):
    at = actions + (row * time + t) * 3
    return tl.load(at).to(dtype), tl.load(at + 1).to(dtype), tl.load(at + 2).to(dtype)


@_kernel
def _forward(
    actions, values, cells, reads, bottoms, kept, ends, time, width, capacity,
    SPAN: tl.constexpr, DEPTH: tl.constexpr, COLUMNS: tl.constexpr, dtype: tl.constexpr,
):  # fmt: skip
    row, block = tl.program_id(0), tl.program_id(1)
    depth = tl.arange(0, DEPTH)[:, None]
    column = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    tile = depth * width + column
    inside = (depth < capacity) & (column < width)
    size = capacity * width
    held = tl.load(cells + row * size + tile, mask=inside, other=0.0).to(dtype)
    spans = tl.cdiv(time, SPAN)
    for t in range(time):
        push, pop, stay = _load_action(actions, row, t, time, dtype)
        if t % SPAN == 0:
            tl.store(kept + (row * spans + t // SPAN) * size + tile, held, mask=inside)
        line = (row * time + t) * width + column
        value = tl.load(values + line, mask=column < width, other=0.0).to(dtype)
        bottom = tl.sum(tl.where(depth == capacity - 1, held, 0.0), axis=0)[None, :]
        tl.store(bottoms + line, bottom, mask=column < width)
        held = push * _shift_down(held, value, depth) + stay * held + pop * _shift_up(held, depth, capacity)
        held = tl.where(depth < capacity, held, 0.0)
        top = tl.sum(tl.where(depth == 0, held, 0.0), axis=0)[None, :]
        tl.store(reads + line, top, mask=column < width)
    tl.store(ends + row * size + tile, held, mask=inside)


@_kernel
def _backward(
    actions, values, kept, scratch, grad_reads, grad_bottoms, grad_ends, to_actions, to_values, to_cells,
    time, width, capacity,
    SPAN: tl.constexpr, DEPTH: tl.constexpr, COLUMNS: tl.constexpr, dtype: tl.constexpr,
):  # fmt: skip
    row, block = tl.program_id(0), tl.program_id(1)
    depth = tl.arange(0, DEPTH)[:, None]
    column = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    tile = depth * width + column
    inside = (depth < capacity) & (column < width)
    size = capacity * width
    grad = tl.load(grad_ends + row * size + tile, mask=inside, other=0.0).to(dtype)
    spans = tl.cdiv(time, SPAN)
    for back in range(spans):
        span = spans - 1 - back
        start = span * SPAN
        steps = tl.minimum(SPAN, time - start)
        held = tl.load(kept + (row * spans + span) * size + tile, mask=inside, other=0.0).to(dtype)
        for k in range(steps):
            push, pop, stay = _load_action(actions, row, start + k, time, dtype)
            line = (row * time + start + k) * width + column
            value = tl.load(values + line, mask=column < width, other=0.0).to(dtype)
            tl.store(scratch + (row * SPAN + k) * size + tile, held, mask=inside)
            held = push * _shift_down(held, value, depth) + stay * held + pop * _shift_up(held, depth, capacity)
            held = tl.where(depth < capacity, held, 0.0)
        for j in range(steps):
            k = steps - 1 - j
            push, pop, stay = _load_action(actions, row, start + k, time, dtype)
            line = (row * time + start + k) * width + column
            value = tl.load(values + line, mask=column < width, other=0.0).to(dtype)
            old = tl.load(scratch + (row * SPAN + k) * size + tile, mask=inside, other=0.0).to(dtype)
            by_read = tl.load(grad_reads + line, mask=column < width, other=0.0).to(dtype)
            by_bottom = tl.load(grad_bottoms + line, mask=column < width, other=0.0).to(dtype)
            grad += tl.where(depth == 0, by_read, 0.0)
            pushed, popped = _shift_down(old, value, depth), _shift_up(old, depth, capacity)
            partial = to_actions + ((row * tl.num_programs(1) + block) * time + start + k) * 3
            tl.store(partial, tl.sum(grad * pushed))
            tl.store(partial + 1, tl.sum(grad * popped))
            tl.store(partial + 2, tl.sum(grad * old))
            top = tl.sum(tl.where(depth == 0, grad, 0.0), axis=0)[None, :]
            tl.store(to_values + line, push * top, mask=column < width)
            above = tl.where(depth < capacity, _shift_down(grad, tl.zeros_like(value), depth), 0.0)
            grad = push * _shift_up(grad, depth, capacity) + stay * grad + pop * above
            grad += tl.where(depth == capacity - 1, by_bottom, 0.0)
    tl.store(to_cells + row * size + tile, grad, mask=inside)


class _TritonScan(torch.autograd.Function):
    """The scan as one differentiable operation; its backward, when itself differentiated, is the chunked form's."""

    @staticmethod
    def forward(ctx, actions, values, cells, occupied, overflow):
        batch, time, width = values.shape
        capacity = cells.shape[1]
        weights = actions.contiguous()
        content = functional.pad(values, [0, 1], value=1.0).contiguous()
        held = torch.cat([cells, occupied[..., None]], dim=-1).contiguous()
        reads, bottoms, ends = torch.empty_like(content), torch.empty_like(content), torch.empty_like(held)
        exact = torch.float64 if values.dtype == torch.float64 else torch.float32
        span = steps_a_copy(capacity * width, capacity + width)
        kept = held.new_empty(batch, triton.cdiv(time, span), *held.shape[1:], dtype=exact)
        grid = (batch, triton.cdiv(width + 1, COLUMNS))
        ctx.launch = {
            "grid": grid,
            "sizes": (time, width + 1, capacity),
            "SPAN": span,
            "DEPTH": max(2, triton.next_power_of_2(capacity)),
            "dtype": tl.float64 if exact == torch.float64 else tl.float32,
        }
        _launch(_forward, ctx.launch, weights, content, held, reads, bottoms, kept, ends)
        lost = (actions[..., PUSH] * bottoms[..., width]).sum(1)
        ctx.save_for_backward(actions, values, cells, occupied, overflow, bottoms[..., width].clone(), kept)
        return (
            reads[..., :width].contiguous(),
            ends[..., :width].contiguous(),
            ends[..., width].clone(),
            overflow + lost,
        )

    @staticmethod
    def backward(ctx, grad_reads, grad_ends, grad_occupied, grad_overflow):
        actions, values, _, _, _, bottom, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = (grad_reads, grad_ends, grad_occupied, grad_overflow)
            return differentiable_gradients(scan_chunked, ctx.saved_tensors[:5], grads)
        width = values.shape[2]
        content = functional.pad(values, [0, 1], value=1.0).contiguous()
        by_reads = functional.pad(grad_reads, [0, 1]).contiguous()
        by_ends = torch.cat([grad_ends, grad_occupied[..., None]], dim=-1).contiguous()
        by_lost = actions[..., PUSH] * grad_overflow[:, None]
        by_bottoms = functional.pad(by_lost[..., None], [width, 0]).contiguous()
        blocks = ctx.launch["grid"][1]
        to_actions = kept.new_empty(actions.shape[0], blocks, *actions.shape[1:])
        to_values, to_cells = torch.empty_like(content), torch.empty_like(by_ends)
        scratch = kept.new_empty(actions.shape[0], ctx.launch["SPAN"], *by_ends.shape[1:])
        _launch(
            _backward, ctx.launch, actions.contiguous(), content, kept, scratch,
            by_reads, by_bottoms, by_ends, to_actions, to_values, to_cells,
        )  # fmt: skip
        of_actions = to_actions.sum(1)
        of_actions[..., PUSH] += bottom * grad_overflow[:, None]
        of_cells, of_occupied = to_cells[..., :width], to_cells[..., width]
        return of_actions.to(actions.dtype), to_values[..., :width], of_cells, of_occupied, grad_overflow


def _launch(kernel, launch, *tensors) -> None:
    constants = {name: launch[name] for name in ("SPAN", "DEPTH", "dtype")}
    kernel[launch["grid"]](*tensors, *launch["sizes"], COLUMNS=COLUMNS, **constants)


def scan_triton(
    actions: Tensor, values: Tensor, cells: Tensor, occupied: Tensor, overflow: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `scan_chunked`, for one pop a step, on CUDA tensors."""
    return _TritonScan.apply(actions, values, cells, occupied, overflow)
