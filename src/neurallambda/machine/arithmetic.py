"""Primitives on distributions over integers: exact marginals, one-hot operands give one-hot results.

An operand is a distribution over the declared integers; what it lacks to one is not an integer. `+` and `-` are
convolutions (by FFT in double precision, its noise removed), `*`, `/` and `mod` are sums over tabulated pairs,
comparisons are sums over cumulative sums. What leaves the range, or divides by zero, is reported as mass.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.pairs import PairTable, pair_sum

NOISE = 1e-15
"""A convolution of distributions by double-precision FFT is off by less than this; so is nothing that counts."""

SUMS, PRODUCT, QUOTIENT, REMAINDER = ("+", "-"), "*", "/", "mod"


@dataclass(frozen=True)
class Results:
    """What one operation, or a weighted mixture of operations, makes of two integers; all masses."""

    integers: Float[Tensor, "batch n"]
    overflow: Float[Tensor, " batch"]
    by_zero: Float[Tensor, " batch"] | None = None


def sums(
    left: Float[Tensor, "batch n"],
    right: Float[Tensor, "batch n"],
    plus: Float[Tensor, " batch"],
    minus: Float[Tensor, " batch"],
    integers: range,
) -> Results:
    """The mixture of `left + right` and `left - right` with weights `plus` and `minus`.

    Both are one convolution: the right operand is spread over the integers and, negated, over their mirror image.
    """
    low, high = integers.start, integers.stop - 1
    spread_low, spread_high = min(low, -high), max(high, -low)
    spread = left.new_zeros(left.shape[0], spread_high - spread_low + 1)
    n = len(integers)
    spread = spread.slice_scatter(plus[:, None] * right, 1, low - spread_low, low - spread_low + n)
    mirrored = minus[:, None] * right.flip(-1)
    start = -high - spread_low
    spread = spread.slice_scatter(spread[:, start : start + n] + mirrored, 1, start, start + n)
    length = n + spread.shape[1] - 1
    size = _fast_length(length)
    product = torch.fft.rfft(left.double(), n=size) * torch.fft.rfft(spread.double(), n=size)
    full = torch.fft.irfft(product, n=size)[:, :length]
    full = torch.where(full < NOISE, 0.0, full)
    # Rescaling to the known mass makes the surviving entry of one-hot operands exactly one.
    mass = (plus + minus) * left.sum(-1) * right.sum(-1)
    total = full.sum(-1)
    full = full * (mass / torch.where(total > 0, total, 1.0))[:, None]
    first = -spread_low  # index of the integer `low` in the full convolution
    inside = full[:, first : first + n]
    outside = full[:, :first].sum(-1) + full[:, first + n :].sum(-1)
    return Results(inside.to(left.dtype), outside.to(left.dtype))


def product(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], integers: range) -> Results:
    """`left * right`."""
    inside = pair_sum(left, right, _table(PRODUCT, integers, left.device))
    return Results(inside, _rest(left.sum(-1) * right.sum(-1), inside))


def quotient(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"], integers: range, name: str) -> Results:
    """`left / right` or `left mod right`, floored."""
    inside = pair_sum(left, right, _table(name, integers, left.device))
    zero = right[:, -integers.start] if 0 in integers else torch.zeros_like(right[:, 0])
    dividend = left.sum(-1)
    return Results(inside, _rest(dividend * (right.sum(-1) - zero), inside), dividend * zero)


def compare(
    left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The masses of less, equal and greater."""
    less = (left.cumsum(-1)[:, :-1] * right[:, 1:]).sum(-1)
    greater = (right.cumsum(-1)[:, :-1] * left[:, 1:]).sum(-1)
    return less, (left * right).sum(-1), greater


def _rest(total: Tensor, inside: Tensor) -> Tensor:
    return (total - inside.sum(-1)).clamp_min(0)


def _fast_length(length: int) -> int:
    """The next length that an FFT likes."""
    return 1 << (length - 1).bit_length()


@lru_cache(maxsize=64)
def _table(name: str, integers: range, device: torch.device) -> PairTable:
    function = {PRODUCT: lambda a, b: a * b, QUOTIENT: _divide, REMAINDER: _remainder}[name]
    # A division by zero is sent out of range.
    never = integers.stop
    if name == PRODUCT:
        return PairTable.build(integers, function, device)
    return PairTable.build(integers, lambda a, b: torch.where(b == 0, never, function(a, torch.where(b == 0, 1, b))), device)


def _divide(a: Tensor, b: Tensor) -> Tensor:
    return torch.div(a, b, rounding_mode="floor")


def _remainder(a: Tensor, b: Tensor) -> Tensor:
    return torch.remainder(a, b)
