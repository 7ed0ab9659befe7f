"""Where each way of computing a structure can run."""

import os
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from neurallambda.structures.instruction.checks import inside_transform, values_can_be_read


@cache
def is_installed(package: str) -> bool:
    """Whether `package` can be imported."""
    return find_spec(package) is not None


def can_run_numba(tensor: Tensor) -> bool:
    """Whether Numba kernels can run: plain CPU tensors of float32 or float64, outside PyTorch's transforms."""
    return tensor.dtype in (torch.float32, torch.float64) and values_can_be_read(tensor) and is_installed("numba")


def can_fuse(cells: Tensor, action: Tensor) -> bool:
    """Whether the fused kernels of the superposition stack can run: they know one pop a step."""
    return action.shape[-1] == 3 and can_run_numba(cells)


def can_use_triton(cells: Tensor, action: Tensor) -> bool:
    """Whether the Triton kernels can run: one pop a step, on a GPU (or interpreted), outside PyTorch's transforms."""
    return (
        action.shape[-1] == 3
        and (cells.device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1")
        and not inside_transform()
        and is_installed("triton")
    )
