"""Whether numbers can be weights: what a controller hands over as an action, an address or a strength."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.instruction.checks import values_can_be_read

SUM_TOLERANCE = 0.03
"""How far a distribution may be from summing to one: room for softmax in bfloat16, none for a forgotten softmax."""


def check_weights(name: str, weights: Tensor, *, distribution: bool) -> None:
    """Refuse weights that are negative or not finite, and distributions that do not sum to one along the last axis.

    Args:
        name: the argument's name, for the message.
        weights: the weights.
        distribution: whether the last axis must sum to one.

    Raises:
        ArgumentError: what came, what was expected, and how to mend it.
    """
    if weights.numel() == 0 or not values_can_be_read(weights):
        return
    least, most = (1 - SUM_TOLERANCE, 1 + SUM_TOLERANCE) if distribution else (0.0, torch.finfo(weights.dtype).max)
    if can_run_numba(weights) and weights.is_contiguous() and _one_pass()(weights, least=least, most=most):
        return
    # What did not fit there is looked at again, to say why; and elsewhere this is the only look.
    numbers = weights.detach()
    low, high = (bound.item() for bound in torch.aminmax(numbers))
    if not (low >= 0 and high < float("inf")):
        fix = "logits need a softmax" if distribution else "raw scores need a sigmoid or a relu"
        raise ArgumentError(
            f"{name}: got values from {low:g} to {high:g}, expected finite weights of at least zero; {fix} first"
        )
    if not distribution:
        return
    lowest, highest = (bound.item() for bound in torch.aminmax(numbers.sum(-1)))
    if not (lowest >= least and highest <= most):
        raise ArgumentError(
            f"{name}: got weights that sum to between {lowest:g} and {highest:g} along the last axis, "
            f"expected 1; use a softmax over the last axis"
        )


@cache
def _one_pass() -> Callable[..., bool]:
    from neurallambda.structures.instruction.weights_numba import rows_fit

    return rows_fit
