"""What a run keeps of its steps, and what arrives at its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import Tag
from neurallambda.machine.alternatives.step import Choices
from neurallambda.machine.memory import Memory
from neurallambda.machine.moves import Moved
from neurallambda.machine.tables import Tables


@dataclass(frozen=True)
class Kept:
    """What a run keeps of a step: the registers and what was running before it; what settled, as in `Step`; what moved,
    where that is certain.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    settled: Float[Tensor, "batch 1"]
    moved: Moved | None = None


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
        to_memory: what arrives at all records, if anything does.
        to_tags: what arrives at their tags from what was read under the answer.
        read: the pointers under which that was read, and what arrives there, if anything does.
        to_running: what arrives at what still ran.
        outcome: what arrives at the outcome.
    """

    memory: Memory
    tables: Tables
    pointers: Float[Tensor, "batch 3 addresses"]
    alternatives: int
    to_memory: Float[Tensor, "batch addresses record"] | None
    to_tags: Float[Tensor, "batch addresses tags"]
    read: tuple[Float[Tensor, "batch 5 addresses"], Float[Tensor, "batch 5 record"]] | None
    to_running: Float[Tensor, "batch 1"]
    outcome: Outcome

    def to_records(self) -> Float[Tensor, "batch addresses record"]:
        """What arrives at the records, for an adjoint to add to."""
        memory = self.memory
        found = torch.zeros_like(memory.records) if self.to_memory is None else self.to_memory.clone()
        found[:, :, : len(Tag)] += self.to_tags
        if self.read is None:
            return found
        pointers, gradient = self.read
        few = memory.few(pointers)
        if few is None:
            return found.baddbmm_(pointers.transpose(1, 2), gradient)
        memory.spread_few(*few, gradient, found)
        return found

    def to_code(self, records: Tensor, variables: Tensor, settled: Tensor) -> ToCode:
        """What arrives at the code, once all steps were gone through."""
        layout = self.memory.layout
        return ToCode(records[:, : layout.code, : layout.narrow], variables, settled)


Adjoint = Callable[[End, Sequence[Kept | KeptAlternatives]], ToCode]
"""Carries back through all steps of a run, last to first."""
