"""One over a mass, and its derivative: what makes conditionals of joint masses."""

import torch
from torch import Tensor


def inverse(mass: Tensor) -> Tensor:
    """One over a mass. Where there is none, what is scaled is none either."""
    return mass.clamp_min(torch.finfo(mass.dtype).eps).reciprocal()


def inverse_derivative(inverted: Tensor) -> Tensor:
    """The derivative of `inverse(mass)` where it is `inverted`; none where there is no mass."""
    return inverted.square().neg_().mul_(inverted * torch.finfo(inverted.dtype).eps < 1)
