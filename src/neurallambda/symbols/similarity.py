"""How alike vectors are. Nothing here broadcasts: shapes that differ are a mistake more often than an intention."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.symbols.checks import check_alike, check_last_axis, check_vectors


def dot(left: Float[Tensor, "..."], right: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The dot product of each vector with its partner.

    Args:
        left: vectors, shape (..., size).
        right: vectors, of the same shape, dtype and device.

    Returns:
        Shape (...).

    Raises:
        ArgumentError: if shapes, dtypes or devices differ.

    Example:
        >>> dot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
        tensor(11.)
    """
    _check_pair(left, right)
    return (left * right).sum(-1)


def cosine(left: Float[Tensor, "..."], right: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The cosine of the angle between each vector and its partner; 0 where one of them is zero.

    Args:
        left: vectors, shape (..., size).
        right: vectors, of the same shape, dtype and device.

    Returns:
        Shape (...).

    Raises:
        ArgumentError: if shapes, dtypes or devices differ.

    Example:
        >>> cosine(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))
        tensor(1.)
    """
    _check_pair(left, right)
    return (direction(left) * direction(right)).sum(-1)


def dot_with_all(vectors: Float[Tensor, "..."], others: Float[Tensor, "count size"]) -> Float[Tensor, "... count"]:
    """The dot product of every vector with every row of `others`.

    Args:
        vectors: shape (..., size).
        others: shape (count, size), of the same dtype and device.

    Returns:
        Shape (..., count).

    Raises:
        ArgumentError: if sizes, dtypes or devices differ.

    Example:
        >>> dot_with_all(torch.tensor([3.0, 4.0]), torch.eye(2))
        tensor([3., 4.])
    """
    check_vectors("others", others)
    if others.ndim != 2:
        raise ArgumentError(f"others: got shape {tuple(others.shape)}, expected (count, size)")
    check_last_axis("vectors", vectors, size=others.shape[-1], meaning="that of the other vectors", like=others)
    return vectors @ others.mT


def cosine_with_all(vectors: Float[Tensor, "..."], others: Float[Tensor, "count size"]) -> Float[Tensor, "... count"]:
    """The cosine of the angle between every vector and every row of `others`; 0 where one of them is zero.

    Args:
        vectors: shape (..., size).
        others: shape (count, size), of the same dtype and device.

    Returns:
        Shape (..., count).

    Raises:
        ArgumentError: if sizes, dtypes or devices differ.

    Example:
        >>> cosine_with_all(torch.tensor([0.0, 5.0]), torch.eye(2))
        tensor([0., 1.])
    """
    check_vectors("vectors", vectors)
    check_vectors("others", others)
    return dot_with_all(direction(vectors), direction(others))


def direction(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Each vector at length one, shape (..., size); a zero vector stays zero, and has a finite gradient."""
    # Squares of large or small numbers, and most in half precision, would leave the range of the type. A direction does
    # not change with the length, so the divisor needs no gradient.
    wide = vectors.float() if vectors.dtype in (torch.float16, torch.bfloat16) else vectors
    largest = wide.detach().abs().amax(-1, keepdim=True)
    scaled = wide / torch.where(largest > 0, largest, 1)
    return functional.normalize(scaled, dim=-1, eps=0.5).to(vectors.dtype)


def _check_pair(left: Tensor, right: Tensor) -> None:
    check_vectors("left", left)
    check_vectors("right", right)
    if left.shape != right.shape or left.ndim == 0:
        raise ArgumentError(
            f"right: got shape {tuple(right.shape)} against {tuple(left.shape)}, expected two equal shapes (..., size); "
            f"to compare every vector with every row of a matrix use dot_with_all or cosine_with_all, "
            f"and to repeat one vector say so with .expand"
        )
    check_alike("right", right, like=left)
