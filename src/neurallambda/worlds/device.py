"""Where runs go on: on the CPU, whatever device new tensors are made on by default. Only numbers are moved elsewhere."""

from contextlib import AbstractContextManager, nullcontext

import torch


def on_cpu() -> AbstractContextManager[object]:
    """Make new tensors on the CPU for a while."""
    if torch.get_default_device().type == "cpu":
        return nullcontext()  # the other one costs time at every operation
    return torch.device("cpu")
