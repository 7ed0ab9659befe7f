"""One over a mass, and its derivative: what makes conditionals of joint masses."""

import torch
from torch import Tensor


def inverse(mass: Tensor) -> Tensor:
    """One over a mass. Where there is none, what is scaled is none either."""
    return mass.clamp_min(torch.finfo(mass.dtype).eps).reciprocal()


def inverse_derivative(inverted: Tensor) -> Tensor:
    """The derivative of `inverse(mass)` where it is `inverted`; none where there is no mass."""
    return -inverted.square() * some(inverted)


def some(inverted: Tensor) -> Tensor:
    """Whether there is any of a mass, one over which is `inverted`."""
    return inverted * torch.finfo(inverted.dtype).eps < 1


def is_nothing(mass: Tensor) -> bool:
    """Whether there is no mass at all, where asking is free."""
    is_free = mass.device.type == "cpu" and not torch.compiler.is_compiling()
    return is_free and not bool(mass.any())
