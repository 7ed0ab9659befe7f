"""Devices: whether tensors can live somewhere, asked before anything is made there."""

import torch

from neurallambda.errors import ArgumentError


def check_device(device: object) -> None:
    """Find out whether tensors can live on a device; None is torch's default.

    Raises:
        ArgumentError: where they cannot, and why.
    """
    if device is None:
        return
    try:
        torch.zeros(1, device=device).tolist()  # pyright: ignore[reportCallIssue, reportArgumentType]
    except Exception as error:  # torch and its backends raise whatever they like here
        reason = str(error).partition("\n")[0]
        if "device type at start of device string" in reason:  # a list of all that there are follows
            reason = "torch knows no kind of device of this name"
        raise ArgumentError(
            f"device: got {device!r}, expected one that torch can use here, such as 'cpu' ({reason})"
        ) from None
