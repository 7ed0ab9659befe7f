"""The kinds of codebook: how the vectors of the symbols are drawn."""

from collections.abc import Callable, Mapping
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from neurallambda.errors import ArgumentError


class Kind(StrEnum):
    """How the vectors of the symbols are drawn."""

    ONEHOT = "onehot"
    """Symbol i is the unit vector i: exact, and as wide as there are symbols."""
    ORTHONORMAL = "orthonormal"
    """A uniformly random set of orthogonal unit vectors: exact up to rounding, at least as wide as there are symbols."""
    GAUSSIAN = "gaussian"
    """Independent standard normal numbers: any width; two symbols have a cosine of about vec_size ** -0.5."""
    BIPOLAR = "bipolar"
    """Independent fair choices of -1 and 1: like Gaussian, with all vectors equally long."""


def draw(kind: Kind, *, count: int, vec_size: int, generator: Generator | None) -> Float[Tensor, "count size"]:
    """Vectors of a kind, in float64, on the generator's device.

    They are drawn in float64 whatever is made of them, so that one seed means one codebook at every precision.

    Args:
        kind: how they are drawn.
        count: how many.
        vec_size: how wide.
        generator: the source of randomness; onehot needs none.

    Returns:
        Shape (count, vec_size).

    Raises:
        ArgumentError: if a random kind has no generator, or an exact kind too little width.
    """
    if kind in (Kind.ONEHOT, Kind.ORTHONORMAL) and vec_size < count:
        raise ArgumentError(
            f"vec_size: got {vec_size} for {count} symbols, expected at least {count}, since {kind} vectors are "
            f"orthogonal; take a wider codebook, or kind='gaussian' and its noise"
        )
    if kind is Kind.ONEHOT:
        return torch.eye(count, vec_size, dtype=torch.float64)
    if generator is None:
        raise ArgumentError(
            f"generator: got None, expected a torch.Generator, since {kind} vectors are random; "
            f"for instance torch.Generator().manual_seed(0)"
        )
    return _RANDOM[kind](count, vec_size, generator)


def _orthonormal(count: int, vec_size: int, generator: Generator) -> Tensor:
    """The Q of a Gaussian matrix, with the signs that make it uniform over all such sets (Mezzadri, 2007)."""
    basis, triangle = torch.linalg.qr(_gaussian(vec_size, count, generator))
    return (basis * triangle.diagonal().sign()).mT.contiguous()


def _gaussian(count: int, vec_size: int, generator: Generator) -> Tensor:
    return torch.randn(count, vec_size, generator=generator, dtype=torch.float64, device=generator.device)


def _bipolar(count: int, vec_size: int, generator: Generator) -> Tensor:
    return torch.randint(2, (count, vec_size), generator=generator, device=generator.device).double() * 2 - 1


_RANDOM: Mapping[Kind, Callable[[int, int, Generator], Tensor]] = {
    Kind.ORTHONORMAL: _orthonormal,
    Kind.GAUSSIAN: _gaussian,
    Kind.BIPOLAR: _bipolar,
}
