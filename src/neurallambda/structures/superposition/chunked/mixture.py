"""A mixture of shifts, as one operation whose gradient is a mixture of the opposite shifts.

Written with plain operations, every shift makes room for itself, forward and backward; as one operation they are added
up in place. Its backward pass is made of itself, so it can be differentiated any number of times. Inside PyTorch's
transforms, which know how to treat plain operations best, it is written with those.
"""

# The parameters of an autograd function are those of PyTorch's own, without annotations.
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.structures.instruction.checks import inside_transform

Window = tuple[int, int]
"""The places from one number up to another."""


def mixture(weights: Tensor, action: Tensor, shifts: tuple[int, ...], source: Window, target: Window) -> Tensor:
    """What lies at place p goes to p + shift, for each of several shifts at once.

    Args:
        weights: [n, places of `source`, rows].
        action: [shifts, rows], how much of each shift there is.
        shifts: how far each goes.
        source: the places that `weights` is about.
        target: the places that are asked for; what goes elsewhere is gone.

    Returns:
        [n, places of `target`, rows].
    """
    if not inside_transform():
        return _Mixture.apply(weights, action, shifts, source, target)
    room = target[1] - target[0]
    terms = [
        functional.pad(amount * weights[:, taken], [0, 0, put.start, room - put.stop])
        for amount, (taken, put) in zip(action.unbind(0), _overlaps(shifts, source, target), strict=True)
    ]
    return sum(terms[1:], terms[0])


class _Mixture(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, action, shifts, source, target):
        ctx.save_for_backward(weights, action)
        ctx.geometry = shifts, source, target
        mixed = weights.new_zeros(weights.shape[0], target[1] - target[0], weights.shape[2])
        for amount, (taken, put) in zip(action.unbind(0), _overlaps(shifts, source, target), strict=True):
            mixed[:, put].addcmul_(weights[:, taken], amount)
        return mixed

    @staticmethod
    def backward(ctx, grad):
        weights, action = ctx.saved_tensors
        shifts, source, target = ctx.geometry
        grad = grad.contiguous()
        to_weights = to_action = None
        if ctx.needs_input_grad[0]:
            to_weights = mixture(grad, action, tuple(-shift for shift in shifts), target, source)
        if ctx.needs_input_grad[1]:
            pairs = _overlaps(shifts, source, target)
            to_action = torch.stack([(grad[:, put] * weights[:, taken]).sum((0, 1)) for taken, put in pairs])
        return to_weights, to_action, None, None, None


def _overlaps(shifts: tuple[int, ...], source: Window, target: Window) -> list[tuple[slice, slice]]:
    """For each shift: which of the source's places go into the target, and where there."""
    overlaps = []
    for shift in shifts:
        first = max(source[0] + shift, target[0])
        last = max(first, min(source[1] + shift, target[1]))
        from_source = slice(first - shift - source[0], last - shift - source[0])
        overlaps.append((from_source, slice(first - target[0], last - target[0])))
    return overlaps
