"""The precision of a structure is that of its state, also where `torch.autocast` is at work.

Autocast would compute sums of weights in half precision, and give reads of another type than the state's. What a
structure holds is carried from step to step, so it keeps the type that `init` was given.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

import torch
from torch import Tensor


def autocasts(state: object) -> bool:
    """Whether autocast is at work on the device of a state; false for what is no state, which is refused elsewhere."""
    overflow = getattr(state, "overflow", None)
    return isinstance(overflow, Tensor) and torch.is_autocast_enabled(overflow.device.type)


def without_autocast(state: Any) -> AbstractContextManager[Any]:
    """Where autocast leaves the device of the state alone."""
    return torch.autocast(state.overflow.device.type, enabled=False)


def in_the_precision_of(state: Any, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands with the state's floating point type; what is no such tensor stays, and is refused elsewhere."""
    dtype = state.overflow.dtype
    return tuple(
        operand.to(dtype) if isinstance(operand, Tensor) and operand.is_floating_point() else operand
        for operand in operands
    )


def in_its_own_precision(look: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that looks at a state, computing in the precision of the state."""

    @wraps(look)
    def looks(structure: Any, state: Any) -> Tensor:
        if not autocasts(state):
            return look(structure, state)
        with without_autocast(state):
            return look(structure, state)

    return looks
