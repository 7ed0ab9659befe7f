"""Tokens that a model does not know are refused, where looking at them is free."""

from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.structures.instruction.checks import values_can_be_read


def check_range(tokens: Tensor, count: int) -> None:
    """Refuse tokens that are none of a model's; unlooked at on a GPU and within transforms, where a look would cost.

    Args:
        tokens: integers of any shape.
        count: how many tokens the model knows.

    Raises:
        ArgumentError: the least or greatest that came.
    """
    if values_can_be_read(tokens) and tokens.numel():
        least, most = int(tokens.min()), int(tokens.max())
        if least < 0 or most >= count:
            raise ArgumentError(f"tokens: got {least if least < 0 else most}, expected numbers from 0 to {count - 1}")
