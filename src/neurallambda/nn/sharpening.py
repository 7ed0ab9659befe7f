"""How far a pointer stack sharpens, as a learned number."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count


@checked
class Sharpening(nn.Module):
    """The `sharpness` operand of a pointer stack, as one learned number that is never negative.

    Args:
        initial: the sharpness at first, greater than 0. From a small one it is learned slowly.

    Raises:
        ArgumentError: if it is not positive and finite.

    Example:
        >>> Sharpening(initial=2.0)(3).shape
        torch.Size([3, 1])
    """

    def __init__(self, *, initial: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(initial) and initial > 0):
            raise ArgumentError(f"initial: got {initial}, expected a finite number greater than 0")
        self.raw = nn.Parameter(torch.tensor(float(initial) + math.log(-math.expm1(-initial))))

    def forward(self, batch: int) -> Float[Tensor, "batch 1"]:
        """The sharpness, for each of `batch` rows.

        Raises:
            ArgumentError: if their number is not a positive integer.
        """
        check_count("batch", batch)
        return functional.softplus(self.raw).expand(batch, 1)
