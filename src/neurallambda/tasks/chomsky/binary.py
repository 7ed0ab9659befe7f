"""Binary numbers of any size, many at once: bits in arrays of NumPy, numbers in Python's own integers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

Bits = Int[np.ndarray, "rows width"]


def draw_bits(lengths: Int[np.ndarray, " rows"], width: int, random: np.random.Generator) -> Bits:
    """Random numbers from 1 to `2**length - 1`, all equally likely, the least bit first.

    Args:
        lengths: how many bits each number has, at least 1.
        width: how many columns to give; those past a number are 0.
        random: the source of randomness.
    """
    here = np.arange(width) < lengths[:, None]
    bits = random.integers(0, 2, (len(lengths), width)) * here
    # A number of all zeros is drawn again: what is left is uniform over the others.
    while len(zero := np.flatnonzero(~bits.any(1))):
        bits[zero] = random.integers(0, 2, (len(zero), width)) * here[zero]
    return bits


def to_integers(bits: Bits) -> list[int]:
    """The numbers that bits stand for, the least bit first.

    >>> to_integers(np.array([[0, 1, 1], [1, 0, 0]]))
    [6, 1]
    """
    packed = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def to_bits(numbers: Sequence[int], width: int) -> Bits:
    """The bits of numbers that have at most `width`, the least bit first.

    >>> to_bits([6, 1], 4)
    array([[0, 1, 1, 0],
           [1, 0, 0, 0]])
    """
    size = (width + 7) // 8
    packed = np.frombuffer(b"".join([number.to_bytes(size, "little") for number in numbers]), np.uint8)
    return np.unpackbits(packed.reshape(len(numbers), size), axis=1, bitorder="little")[:, :width].astype(np.int64)
