"""Checks of what a caller hands to a structure, with messages that say what was expected."""

import torch
from torch import Tensor

from neurallambda.arguments import shown
from neurallambda.errors import ArgumentError
from neurallambda.structures.instruction.operand import Operand


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
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ArgumentError(f"dtype: got {dtype}, expected a floating point type such as torch.float32")


def check_place(device: object) -> None:
    """Refuse what names no device. Whether it is there is found out where the first tensor is made.

    Raises:
        ArgumentError: what came.
    """
    if device is None or isinstance(device, torch.device):
        return
    try:
        torch.device(device)  # pyright: ignore[reportArgumentType]
    except (RuntimeError, TypeError):
        raise ArgumentError(f"device: got {shown(device)}, expected the name of one, such as 'cpu' or 'cuda'") from None


def check_operand(
    operand: Operand, tensor: object, *, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> None:
    """Refuse a tensor whose shape, dtype or device does not fit the state it meets.

    Args:
        operand: what it is to be, for the message.
        tensor: what came.
        shape: the shape it must have: (batch, size) or (batch, time, size).
        dtype: the state's.
        device: the state's.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    if not isinstance(tensor, Tensor):
        raise ArgumentError(
            f"{operand.name}: got {type(tensor).__name__}, expected a tensor of shape {shape} ({_axes(operand, shape)})"
        )
    if tensor.shape != shape:
        raise ArgumentError(
            f"{operand.name}: got shape {tuple(tensor.shape)}, expected {shape} ({_axes(operand, shape)})"
            f"{_other_way(tensor.ndim, len(shape))}"
        )
    if tensor.dtype != dtype:
        raise ArgumentError(
            f"{operand.name}: got dtype {tensor.dtype}, expected {dtype} as in the state; "
            f"convert it, or make the state with init(..., dtype={tensor.dtype})"
        )
    if tensor.device != device:
        raise ArgumentError(
            f"{operand.name}: got a tensor on {tensor.device}, expected {device} as in the state; "
            f"move it, or make the state with init(..., device='{tensor.device}')"
        )


def _other_way(came: int, expected: int) -> str:
    """What to do about a time axis that is missing, or one too many."""
    if (came, expected) == (2, 3):
        return "; there is no time axis: scan takes a whole sequence, step takes one instruction"
    if (came, expected) == (3, 2):
        return "; there is a time axis: step takes one instruction, scan takes a whole sequence"
    return ""


def _axes(operand: Operand, shape: tuple[int, ...]) -> str:
    return ", ".join(("batch", "time", operand.axis) if len(shape) == 3 else ("batch", operand.axis))


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
    return tensor.is_cpu and not inside_transform()


def inside_transform() -> bool:
    """Whether PyTorch is compiling, or `vmap`, `grad` or another of its function transforms is at work."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
