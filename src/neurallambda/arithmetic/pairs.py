"""Sums over all pairs of integers: the distribution of f(a, b) for independent a and b.

`out[v] = sum of left[a] * right[b] over the pairs (a, b) with f(a, b) = v`, by one of two ways, neither of which approximates:

- where f is a table: multiplication within 512 integers has 6,867 pairs in range out of 262,144, so gather both sides,
  multiply, and add up by a sparse matrix of ones;
- addition is a convolution: multiply the Fourier transforms, in double precision, and drop the noise.
"""

import warnings

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad, threshold

NOISE = 1e-15
"""A convolution of distributions by double-precision Fourier transforms is off by less than this."""


class PairTable:
    """A function on pairs of integers, as indices.

    Args:
        lookup: the index of the result of each pair; `results` stands for a result that is out of range or undefined.
        results: how many results there are.
    """

    def __init__(self, lookup: Int[Tensor, "left right"], results: int, dtype: torch.dtype) -> None:
        left, right = (lookup < results).nonzero(as_tuple=True)
        self.indices = (left, right, lookup[left, right])
        sizes = (*lookup.shape, results)
        self.sums = [_grouping(index, size, dtype) for index, size in zip(self.indices, sizes, strict=True)]

    def sum(self, left: Float[Tensor, "batch left"], right: Float[Tensor, "batch right"]) -> Float[Tensor, "batch n"]:
        """The distribution of the results, as far as they are in range."""
        left_index, right_index, _ = self.indices
        return (self.sums[2] @ (_rows(left, left_index) * _rows(right, right_index))).t().contiguous()

    def gradients(
        self, gradient: Float[Tensor, "batch n"], left: Float[Tensor, "batch left"], right: Float[Tensor, "batch right"]
    ) -> tuple[Tensor, Tensor]:
        """What arrives at `left` and `right` of what arrives at their `sum`."""
        left_index, right_index, result_index = self.indices
        arriving = _rows(gradient, result_index)
        to_left = self.sums[0] @ (arriving * _rows(right, right_index))
        to_right = self.sums[1] @ (arriving * _rows(left, left_index))
        return to_left.t().contiguous(), to_right.t().contiguous()


def shifted_sum(
    left: Float[Tensor, "batch left"], right: Float[Tensor, "batch right"], shift: int, results: int
) -> Float[Tensor, "batch results"]:
    """The distribution of `a + b - shift` on indices, as far as it is in range."""
    full = threshold(_convolution(left, right), NOISE, 0.0)
    # Rescaling to the known mass makes the one entry that one-hot operands leave exactly one.
    scale = left.double().sum(-1) * right.double().sum(-1) / full.sum(-1).clamp_min(NOISE)
    return (full[:, shift : shift + results] * scale[:, None]).to(left.dtype)


def shifted_sum_gradients(
    gradient: Float[Tensor, "batch results"],
    left: Float[Tensor, "batch left"],
    right: Float[Tensor, "batch right"],
    shift: int,
) -> tuple[Tensor, Tensor]:
    """What arrives at `left` and `right`: backward, a convolution is a correlation."""
    back = left.shape[1] + right.shape[1] - 1 - shift - gradient.shape[1]
    spread = pad(gradient, (shift, back)).flip(-1)
    to_left = _convolution(spread, right)[:, : spread.shape[1]].flip(-1)[:, : left.shape[1]]
    to_right = _convolution(spread, left)[:, : spread.shape[1]].flip(-1)[:, : right.shape[1]]
    return to_left.to(left.dtype).contiguous(), to_right.to(left.dtype).contiguous()


def _convolution(left: Tensor, right: Tensor) -> Float[Tensor, "batch n"]:
    """The full convolution, in double precision, with zeros behind it."""
    size = 1 << (left.shape[1] + right.shape[1] - 2).bit_length()
    return torch.fft.irfft(torch.fft.rfft(left.double(), n=size) * torch.fft.rfft(right.double(), n=size), n=size)


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
