"""Whether numbers can be weights, in one compiled pass. Import this module only where Numba is installed."""

# Kernels are compiled for the types they are called with, so their parameters have no annotations.
# pyright: reportMissingParameterType=false

from numba import carray  # pyright: ignore[reportPrivateImportUsage]
from torch import Tensor

from neurallambda.structures.numba_kernels import LIKE, compiled, pointer_to


@compiled
def _fit(address, like, rows, size, least, most):
    """Whether no number is negative and each row's sum lies within bounds, as none does that is not finite."""
    numbers = carray(pointer_to(address, like), (rows, size))
    zero, one = like.dtype.type(0), like.dtype.type(1)
    for row in range(rows):
        total, negative = zero, zero
        for number in numbers[row]:
            total += number
            negative += one if number < zero else zero
        if not (negative == zero and least <= total <= most):
            return False
    return True


def rows_fit(weights: Tensor, *, least: float, most: float) -> bool:
    """Whether no weight is negative and every sum along the last axis lies from `least` to `most`.

    Args:
        weights: a contiguous CPU tensor of float32 or float64, not empty.
        least: the smallest sum that will do.
        most: the largest; a sum with a number in it that is not finite is never small enough.
    """
    size = weights.shape[-1]
    return _fit(weights.data_ptr(), LIKE[weights.dtype], weights.numel() // size, size, least, most)
