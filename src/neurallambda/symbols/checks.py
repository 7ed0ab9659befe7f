"""Checks of what a caller hands to a codebook, with messages that say what was expected."""

import torch
from torch import Tensor

from neurallambda.arguments import shown
from neurallambda.errors import ArgumentError


def check_inverse_temperature(value: float) -> None:
    """Refuse an inverse temperature that is not positive and finite.

    Raises:
        ArgumentError: what came; the limit of an infinite one is the hard form.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ArgumentError(
            f"inverse_temperature: got {value!r}, expected a positive finite number; the limit at infinity is `snap`"
        )


def check_floating(dtype: torch.dtype) -> None:
    """Refuse a dtype that cannot hold vectors.

    Raises:
        ArgumentError: if `dtype` is not a floating point type.
    """
    if not dtype.is_floating_point:
        raise ArgumentError(f"dtype: got {dtype}, expected a floating point type such as torch.float32")


def check_vectors(name: str, value: object) -> None:
    """Refuse anything but a tensor of floating point numbers.

    Raises:
        ArgumentError: what came.
    """
    if not isinstance(value, Tensor):
        raise ArgumentError(f"{name}: got {shown(value)}, expected a tensor of vectors")
    if not value.is_floating_point():
        raise ArgumentError(f"{name}: got {value.dtype}, expected floating point numbers; convert with .float()")


def check_last_axis(name: str, tensor: Tensor, *, size: int, meaning: str, like: Tensor) -> None:
    """Refuse a tensor whose last axis, dtype or device does not fit the codebook it meets.

    Args:
        name: the argument's name, for the message.
        tensor: what came, shape (..., size).
        size: the size of its last axis.
        meaning: what that axis is, for the message.
        like: a tensor of the codebook; dtype and device must be its own.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    check_vectors(name, tensor)
    if tensor.ndim == 0 or tensor.shape[-1] != size:
        raise ArgumentError(
            f"{name}: got shape {tuple(tensor.shape)}, expected (..., {size}): the last axis is {meaning}"
        )
    check_alike(name, tensor, like=like)


def check_alike(name: str, tensor: Tensor, *, like: Tensor) -> None:
    """Refuse a tensor whose dtype or device is not that of `like`.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    check_vectors(name, tensor)
    if tensor.dtype != like.dtype or tensor.device != like.device:
        raise ArgumentError(
            f"{name}: got {tensor.dtype} on {tensor.device}, expected {like.dtype} on {like.device}; "
            f"convert one to the other with .to(device, dtype)"
        )


def check_finite(name: str, vectors: Tensor) -> None:
    """Refuse NaN and infinity, which are like no symbol.

    Raises:
        ArgumentError: how many numbers are not finite.
    """
    check_vectors(name, vectors)
    wrong = int((~vectors.isfinite()).sum())
    if wrong:
        raise ArgumentError(f"{name}: got {wrong} numbers that are NaN or infinite, expected finite vectors")
