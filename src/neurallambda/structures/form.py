"""Ways to compute a scan, and where each can run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from torch import Tensor

from neurallambda.structures.states import StateT

Run = Callable[..., tuple[StateT, Tensor]]


@dataclass(frozen=True)
class Form(Generic[StateT]):
    """One way to compute a scan.

    Attributes:
        run: (state, *operands) -> (state, reads); every operand is [batch, time, size].
        available: (state, *operands) -> whether it can run here, on these tensors.
    """

    run: Run[StateT]
    available: Callable[..., bool]


def anywhere(*_: object) -> bool:
    """For `Form.available`: a form in plain PyTorch runs on any tensors."""
    return True
