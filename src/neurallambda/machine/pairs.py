"""Sums over pairs: the distribution of f(a, b) where f is a table.

`out[v] = sum of left[a] * right[b] over the pairs (a, b) with f(a, b) = v`. Multiplication within 512 integers has 6,867
such pairs of 262,144, so the table is a list of pairs and not a matrix. Each direction, forward and backward, is two
gathers, a product and one sparse matrix of ones; nothing is approximated, so one-hot operands give a one-hot result.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class PairTable:
    """The pairs on which a function stays in range, with the order that groups them by each of their three indices."""

    left: Int[Tensor, " pairs"]
    right: Int[Tensor, " pairs"]
    result: Int[Tensor, " pairs"]
    by_left: tuple[Tensor, Tensor]
    by_right: tuple[Tensor, Tensor]
    by_result: tuple[Tensor, Tensor]

    @staticmethod
    def build(integers: range, function: Callable[[Tensor, Tensor], Tensor], device: torch.device) -> "PairTable":
        """Tabulate an integer function over a range; pairs with a zero divisor must be out of range in `function`."""
        values = torch.arange(integers.start, integers.stop)
        results = function(values[:, None], values[None, :]).flatten() - integers.start
        pairs = ((results >= 0) & (results < len(integers))).nonzero().squeeze(1)
        left, right, result = pairs // len(integers), pairs % len(integers), results[pairs]
        order = torch.argsort(result, stable=True)
        left, right, result = left[order].to(device), right[order].to(device), result[order].to(device)
        grouped = [_grouped(index, len(integers)) for index in (left, right, result)]
        return PairTable(left, right, result, *grouped)


def _grouped(index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The order that sorts `index`, and where each of its `size` values starts in it."""
    counts = torch.bincount(index, minlength=size)
    return torch.argsort(index, stable=True), torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def pair_sum(
    left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], table: PairTable
) -> Float[Tensor, "batch n"]:
    """The distribution of the table's function of two independent integers, as far as it stays in range."""
    # An autograd function would do, but a custom operator is one node for torch.compile, which has no sparse matrices.
    return _pair_sum(
        left, right, table.left, table.right, table.result, *table.by_left, *table.by_right, *table.by_result
    )


@torch.library.custom_op("neurallambda::pair_sum", mutates_args=())
def _pair_sum(
    left: Tensor,
    right: Tensor,
    left_index: Tensor,
    right_index: Tensor,
    result_index: Tensor,
    left_order: Tensor,
    left_starts: Tensor,
    right_order: Tensor,
    right_starts: Tensor,
    result_order: Tensor,
    result_starts: Tensor,
) -> Tensor:
    joint = _rows(left, left_index) * _rows(right, right_index)
    return _sum_groups(joint, result_order, result_starts)


@_pair_sum.register_fake
def _(left: Tensor, right: Tensor, *tables: Tensor) -> Tensor:
    return torch.empty_like(left, memory_format=torch.contiguous_format)


def _save(ctx, inputs, output) -> None:  # noqa: ANN001
    ctx.save_for_backward(*inputs[:9])


def _backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
    return (*_pair_sum_backward(gradient, *ctx.saved_tensors), *(None,) * 9)


@torch.library.custom_op("neurallambda::pair_sum_backward", mutates_args=())
def _pair_sum_backward(
    gradient: Tensor,
    left: Tensor,
    right: Tensor,
    left_index: Tensor,
    right_index: Tensor,
    result_index: Tensor,
    left_order: Tensor,
    left_starts: Tensor,
    right_order: Tensor,
    right_starts: Tensor,
) -> tuple[Tensor, Tensor]:
    joint = _rows(gradient, result_index)
    left_gradient = _sum_groups(joint * _rows(right, right_index), left_order, left_starts)
    right_gradient = _sum_groups(joint * _rows(left, left_index), right_order, right_starts)
    return left_gradient, right_gradient


@_pair_sum_backward.register_fake
def _(gradient: Tensor, left: Tensor, right: Tensor, *tables: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(left), torch.empty_like(right)


_pair_sum.register_autograd(_backward, setup_context=_save)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Gather along the last axis, pairs first: whole rows of the batch are copied at a time."""
    return values.t().contiguous().index_select(0, index)


def _sum_groups(joint: Tensor, order: Tensor, starts: Tensor) -> Tensor:
    ones = joint.new_ones(len(order))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")
        groups = torch.sparse_csr_tensor(starts, order, ones, (len(starts) - 1, len(order)), check_invariants=False)
        return (groups @ joint).t().contiguous()
