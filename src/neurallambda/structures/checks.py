"""What a caller may hand to a structure, and what it is told when that cannot be used."""

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError

SUM_TOLERANCE = 0.03
"""How far a distribution may be from summing to one: room for softmax in bfloat16, none for a forgotten softmax."""


def check_positive(name: str, value: float) -> None:
    """Refuse a number that is not positive and finite.

    Raises:
        ArgumentError: naming the argument and what came.
    """
    if not 0 < value < float("inf"):
        raise ArgumentError(f"{name}: got {value!r}, expected a positive finite number")


def check_dtype(dtype: torch.dtype) -> None:
    """Refuse a dtype that cannot hold probabilities.

    Raises:
        ArgumentError: if `dtype` is not a floating point type.
    """
    if not dtype.is_floating_point:
        raise ArgumentError(f"dtype: got {dtype}, expected a floating point type such as torch.float32")


def check_tensor(name: str, tensor: object, *, shape: tuple[int, ...], axes: tuple[str, ...], like: Tensor) -> None:
    """Refuse a tensor whose shape, dtype or device does not fit the state it meets.

    Args:
        name: the argument's name, for the message.
        tensor: what came.
        shape: the shape it must have.
        axes: what each axis means, for the message.
        like: a tensor of the state; dtype and device must be its own.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    if not isinstance(tensor, Tensor):
        raise ArgumentError(
            f"{name}: got {type(tensor).__name__}, expected a tensor of shape {shape} ({', '.join(axes)})"
        )
    if tensor.shape != shape:
        raise ArgumentError(f"{name}: got shape {tuple(tensor.shape)}, expected {shape} ({', '.join(axes)})")
    if tensor.dtype != like.dtype:
        raise ArgumentError(
            f"{name}: got dtype {tensor.dtype}, expected {like.dtype} as in the state; "
            f"convert it, or make the state with init(..., dtype={tensor.dtype})"
        )
    if tensor.device != like.device:
        raise ArgumentError(
            f"{name}: got a tensor on {tensor.device}, expected {like.device} as in the state; "
            f"move it, or make the state with init(..., device='{tensor.device}')"
        )


def check_mask(mask: object, *, shape: tuple[int, ...], like: Tensor) -> None:
    """Refuse a mask that is not boolean, of `shape`, on the state's device.

    Raises:
        ArgumentError: what came and what was expected.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        came = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise ArgumentError(f"mask: got {came}, expected a boolean tensor of shape {shape}; True where the step counts")
    if tuple(mask.shape) != shape:
        raise ArgumentError(f"mask: got shape {tuple(mask.shape)}, expected {shape}")
    if mask.device != like.device:
        raise ArgumentError(f"mask: got a tensor on {mask.device}, expected {like.device} as in the state")


def values_can_be_read(tensor: Tensor) -> bool:
    """Whether looking at the numbers is free of side effects: eagerly, on a CPU, outside `vmap`, `grad` and `compile`.

    Elsewhere a look would break the graph or wait for the device, so there only shapes, dtypes and devices are checked.
    """
    return tensor.device.type == "cpu" and not inside_transform()


def inside_transform() -> bool:
    """Whether PyTorch is compiling, or `vmap`, `grad` or another of its function transforms is at work."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]


def check_weights(name: str, weights: Tensor, *, distribution: bool) -> None:
    """Refuse weights that are negative or not finite, and distributions that do not sum to one along the last axis.

    Args:
        name: the argument's name, for the message.
        weights: the weights.
        distribution: whether the last axis must sum to one.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    if weights.numel() == 0 or not values_can_be_read(weights):
        return
    numbers = weights.detach()
    if not distribution:
        _check_range(name, *torch.aminmax(numbers), fix="raw scores need a sigmoid or a relu")
        return
    # Where none is negative and the sums are near one, all are finite and at most about one: one look less at each step.
    sums = numbers.sum(-1)
    low, high = torch.aminmax(sums)
    lowest, highest = low.item(), high.item()
    within = lowest >= 1 - SUM_TOLERANCE and highest <= 1 + SUM_TOLERANCE
    if within and numbers.amin().item() >= 0:
        return
    _check_range(name, *torch.aminmax(numbers), fix="logits need a softmax")
    raise ArgumentError(
        f"{name}: got weights that sum to between {lowest:g} and {highest:g} along the last axis, "
        f"expected 1; use a softmax over the last axis"
    )


def _check_range(name: str, low: Tensor, high: Tensor, *, fix: str) -> None:
    lowest, highest = low.item(), high.item()
    if not (lowest >= 0 and highest < float("inf")):
        raise ArgumentError(
            f"{name}: got values from {lowest:g} to {highest:g}, expected finite weights of at least zero; {fix} first"
        )
