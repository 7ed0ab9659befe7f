"""Sums over pairs: the distribution of f(a, b) for independent a and b, where f is a table over integers.

`out[v] = sum of left[a] * right[b] over the pairs (a, b) with f(a, b) = v`. Nothing is approximated, so one-hot operands
give a one-hot result. On the CPU the sum runs over the integers that have any mass: none at most steps of a program, one
a program where its data is certain. Where the operands are soft, and always on other devices, it is done in one of two
ways:

- multiplication within 512 integers has 6,867 pairs in range out of 262,144: gather both sides, multiply, and add up by a
  sparse matrix of ones;
- addition is a convolution: multiply the Fourier transforms, in double precision, and drop the noise.

Both directions, forward and backward, are custom operators, since `torch.compile` traces neither sparse matrices nor
shapes that depend on data; a table is passed to them by its number.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad, threshold

NOISE = 1e-15
"""A convolution of distributions by double-precision Fourier transforms is off by less than this."""


class PairTable:
    """A function on pairs of integers, as indices.

    Args:
        lookup: the index of the result of each pair; `results` stands for a result that is out of range or undefined.
        results: how many results there are.
        shift: where the function is `a + b - shift` on indices, that shift: such a table is summed by convolution.
    """

    def __init__(self, lookup: Tensor, results: int, shift: int | None = None) -> None:
        self.lookup = lookup
        self.results = results
        self.shift = shift
        self._sparse: dict[torch.dtype, tuple[Tensor, ...]] = {}
        self.number = len(_TABLES)
        _TABLES.append(self)

    @staticmethod
    def of(
        function: Callable[[Tensor, Tensor], Tensor],
        left: range,
        right: range,
        result: range,
        device: torch.device,
        shift: int | None = None,
    ) -> "PairTable":
        """Tabulate a function; where it is not defined it must be out of the range of results."""
        values = function(_values(left, device)[:, None], _values(right, device)[None, :]) - result.start
        return PairTable(torch.where((values >= 0) & (values < len(result)), values, len(result)), len(result), shift)

    def sparse(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The indices of the pairs in range, left, right and result, and the matrices that add up by each of them."""
        if dtype not in self._sparse:
            left, right = (self.lookup < self.results).nonzero(as_tuple=True)
            indices = (left, right, self.lookup[left, right])
            sizes = (*self.lookup.shape, self.results)
            sums = (_grouping(index, size, dtype) for index, size in zip(indices, sizes, strict=True))
            self._sparse[dtype] = (*indices, *sums)
        return self._sparse[dtype]  # pyright: ignore[reportReturnType]


_TABLES: list[PairTable] = []
_FEW = 2048
"""So many pairs at most are summed one by one, for the whole batch together."""


def pair_sum(
    left: Float[Tensor, "batch left"], right: Float[Tensor, "batch right"], table: PairTable
) -> Float[Tensor, "batch result"]:
    """The distribution of the table's function of two independent integers, as far as it stays in range."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return _pair_sum(left, right, table.number)
    return _sum(left, right, table)


@torch.library.custom_op("neurallambda::pair_sum", mutates_args=())
def _pair_sum(left: Tensor, right: Tensor, number: int) -> Tensor:
    return _sum(left, right, _TABLES[number])


@_pair_sum.register_fake
def _(left: Tensor, right: Tensor, number: int) -> Tensor:
    return left.new_empty(left.shape[0], _TABLES[number].results)


def _sum(left: Tensor, right: Tensor, table: PairTable) -> Tensor:
    some_left, some_right = _support(left, right)
    if some_left is not None and some_right is not None:
        results = table.lookup[some_left][:, some_right].flatten()
        joint = (left[:, some_left, None] * right[:, None, some_right]).flatten(1)
        return left.new_zeros(len(left), table.results + 1).index_add_(1, results, joint)[:, :-1].contiguous()
    if table.shift is not None:
        full = threshold(_convolution(left, right), NOISE, 0.0)
        # Rescaling to the known mass makes the one entry that one-hot operands leave exactly one.
        mass = left.double().sum(-1) * right.double().sum(-1)
        scale = mass / full.sum(-1).clamp_min(NOISE)
        return (full[:, table.shift : table.shift + table.results] * scale[:, None]).to(left.dtype)
    left_index, right_index, _, _, _, by_result = table.sparse(left.dtype)
    return (by_result @ (_rows(left, left_index) * _rows(right, right_index))).t().contiguous()


@torch.library.custom_op("neurallambda::pair_sum_backward", mutates_args=())
def _pair_sum_backward(gradient: Tensor, left: Tensor, right: Tensor, number: int) -> tuple[Tensor, Tensor]:
    table = _TABLES[number]
    some_left, some_right = _support(left, right)
    if some_left is not None and some_right is not None:
        padded = pad(gradient, (0, 1))  # what is out of range has no gradient
        to_left = (padded[:, table.lookup[:, some_right]] * right[:, None, some_right]).sum(-1)
        to_right = (padded[:, table.lookup[some_left]] * left[:, some_left, None]).sum(1)
        return to_left, to_right
    if table.shift is not None:
        back = table.lookup.shape[0] + table.lookup.shape[1] - 1 - table.shift - table.results
        spread = pad(gradient, (table.shift, back)).flip(-1)  # backward, a convolution is a correlation
        to_left = _convolution(spread, right)[:, : spread.shape[1]].flip(-1)[:, : left.shape[1]]
        to_right = _convolution(spread, left)[:, : spread.shape[1]].flip(-1)[:, : right.shape[1]]
        return to_left.to(left.dtype).contiguous(), to_right.to(left.dtype).contiguous()
    left_index, right_index, result_index, by_left, by_right, _ = table.sparse(left.dtype)
    arriving = _rows(gradient, result_index)
    to_left = by_left @ (arriving * _rows(right, right_index))
    to_right = by_right @ (arriving * _rows(left, left_index))
    return to_left.t().contiguous(), to_right.t().contiguous()


@_pair_sum_backward.register_fake
def _(gradient: Tensor, left: Tensor, right: Tensor, number: int) -> tuple[Tensor, Tensor]:
    return left.new_empty(left.shape), right.new_empty(right.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.number = inputs[2]


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
    return (*_pair_sum_backward(gradient.contiguous(), *ctx.saved_tensors, ctx.number), None)


_pair_sum.register_autograd(_backward, setup_context=_save)


def _support(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """The integers that have any mass in any row, where asking is free and they are few."""
    if left.device.type == "cpu":
        some_left, some_right = ((side != 0).any(0).nonzero().squeeze(1) for side in (left, right))
        if len(some_left) * len(some_right) <= _FEW:
            return some_left, some_right
    return None, None


def _convolution(left: Tensor, right: Tensor) -> Float[Tensor, "batch n"]:
    """The full convolution, in double precision, with zeros behind it."""
    size = 1 << (left.shape[1] + right.shape[1] - 2).bit_length()
    return torch.fft.irfft(torch.fft.rfft(left.double(), n=size) * torch.fft.rfft(right.double(), n=size), n=size)


def _values(integers: range, device: torch.device) -> Tensor:
    return torch.arange(integers.start, integers.stop, device=device)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Gather along the last axis, pairs first: whole rows of the batch are copied at a time."""
    return values.t().contiguous().index_select(0, index)


def _grouping(index: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    counts = torch.bincount(index, minlength=size)
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    ones = torch.ones(len(index), dtype=dtype, device=index.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")  # a beta feature of torch, and it says so
        order = torch.argsort(index, stable=True)
        return torch.sparse_csr_tensor(starts, order, ones, (size, len(index)), check_invariants=True)
