"""Generators that depend on a seed and on a number alone, so that what was interrupted goes on to what it would have been."""

import torch

from neurallambda.errors import ArgumentError

LAST_SEED = 2**43
"""The last seed: those of generators have 63 bits, and each seed has a million of them."""
_APART = 1_000_003


def check_seed(seed: int) -> None:
    """Refuse a seed of which no generators can be made.

    Args:
        seed: what came.

    Raises:
        ArgumentError: saying what came.
    """
    if not 0 <= seed <= LAST_SEED:
        raise ArgumentError(f"seed: got {seed!r:.40}, expected an integer from 0 to 2**43")


def generator_of(seed: int, number: int) -> torch.Generator:
    """The generator of a batch or an epoch.

    Args:
        seed: of all of them.
        number: of this one, from 0 on.

    Example:
        >>> generator_of(1, 2).initial_seed()
        1000005
    """
    return torch.Generator().manual_seed(seed * _APART + number)
