"""Which steps of a padded sequence count."""

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.structures.instruction.checks import values_can_be_read


@checked
def mask_of_lengths(lengths: Tensor, time: int) -> Tensor:
    """The mask of sequences padded at their end.

    Args:
        lengths: [batch] integers, each from 0 to `time`.
        time: the padded length.

    Returns:
        [batch, time] booleans, true where the step belongs to the sequence.

    Raises:
        ArgumentError: if `lengths` is not one axis of integers, or (on a CPU) a length is out of range.
    """
    if lengths.ndim != 1 or lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ArgumentError(f"lengths: got {lengths.dtype} of shape {tuple(lengths.shape)}, expected [batch] integers")
    if lengths.numel() and values_can_be_read(lengths) and not (lengths.min() >= 0 and lengths.max() <= time):
        raise ArgumentError(f"lengths: got {lengths.tolist()}, expected each between 0 and time = {time}")
    return torch.arange(time, device=lengths.device) < lengths[:, None]
