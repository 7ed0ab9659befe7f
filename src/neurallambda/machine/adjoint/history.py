"""What a run keeps of its steps, and what arrives at its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alternatives.step import Choices
from neurallambda.machine.memory import Memory
from neurallambda.machine.tables import Tables


@dataclass(frozen=True)
class Kept:
    """What a run keeps of a step: the registers and what was running before it; what settled, as in `Step`."""

    registers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    settled: Float[Tensor, "batch 1"]


@dataclass(frozen=True)
class KeptAlternatives:
    """What a run keeps of a step of several alternatives: where it wrote, they and their weights, and what was chosen."""

    written: int
    pointers: Float[Tensor, "batch alternatives 3 addresses"]
    running: Float[Tensor, "batch alternatives"]
    choices: Choices


@dataclass(frozen=True)
class Outcome:
    """What arrives at the outcome, to which every step adds: what has ended, by address and by error; the steps."""

    answer: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]


@dataclass(frozen=True)
class ToCode:
    """What arrives at the code that a run began with, as in `Code`."""

    narrow: Float[Tensor, "batch code narrow"]
    variables: Float[Tensor, "batch code code"]
    settled: Float[Tensor, "batch code"]


@dataclass(frozen=True)
class End:
    """The end of a run, and what arrives there.

    Attributes:
        memory: all that was written.
        tables: the rules as tensors.
        pointers: the registers, if there was one set of them.
        alternatives: how many alternatives were kept apart.
        to_records: what arrives at the records; an adjoint adds to it.
        to_running: what arrives at what still ran.
        outcome: what arrives at the outcome.
    """

    memory: Memory
    tables: Tables
    pointers: Float[Tensor, "batch 3 addresses"]
    alternatives: int
    to_records: Float[Tensor, "batch addresses record"]
    to_running: Float[Tensor, "batch 1"]
    outcome: Outcome

    def to_code(self, variables: Tensor, settled: Tensor) -> ToCode:
        """What arrives at the code, once all steps were gone through."""
        layout = self.memory.layout
        return ToCode(self.to_records[:, : layout.code, : layout.narrow], variables, settled)


Adjoint = Callable[[End, Sequence[Kept | KeptAlternatives]], ToCode]
"""Carries back through all steps of a run, last to first."""
