"""Where a training runs: one process or several, on the CPU or GPUs, in full or mixed precision."""

from typing import TYPE_CHECKING, Literal

import torch

from neurallambda.device import check_device
from neurallambda.errors import ArgumentError
from neurallambda.train.extras import extra

if TYPE_CHECKING:
    from accelerate import Accelerator


def check_name(device: str | None) -> None:
    """Refuse a device that no training runs on, wherever it runs; whether there is one here is not asked.

    Raises:
        ArgumentError: naming what came.
    """
    if device not in (None, "cpu", "cuda"):
        raise ArgumentError(f"device: got {device!r}, expected 'cpu' or 'cuda'")


def make_accelerator(*, precision: Literal["no", "bf16"] = "no", device: str | None = None) -> "Accelerator":
    """What places models and batches, and joins the processes that `torchrun` started.

    Args:
        precision: the type of numbers that the forward pass computes with where it can.
        device: `cpu` or `cuda`; None: a GPU if there is one.

    Raises:
        ArgumentError: if there is no such device.
        MissingExtraError: if the package accelerate is not installed.
    """
    check_name(device)
    check_device(device)
    accelerate = extra("accelerate", "training")
    if not torch.distributed.is_initialized():
        # accelerate keeps the first device and precision of a process; here each training has its own
        extra("accelerate.state", "training").AcceleratorState._reset_state(reset_partial_state=True)
    wants_cpu = device == "cpu" or (device is None and not torch.cuda.is_available())
    return accelerate.Accelerator(cpu=wants_cpu, mixed_precision=precision)


def any_process(accelerator: "Accelerator", is_wanted: bool) -> bool:
    """Whether something is wanted in any of the processes that learn together; all of them must ask.

    Args:
        accelerator: what joins them.
        is_wanted: whether it is wanted in this one.
    """
    if accelerator.num_processes == 1:
        return is_wanted
    total = accelerator.reduce(torch.tensor(float(is_wanted), device=accelerator.device), "sum")
    assert isinstance(total, torch.Tensor)
    return bool(total > 0)
