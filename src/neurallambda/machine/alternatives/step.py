"""One step of all alternatives: split them, let each part take its step, and merge what may be merged."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.machine.alphabet import Tag
from neurallambda.machine.alternatives.bounds import bounded
from neurallambda.machine.alternatives.merge import mix, what_merges
from neurallambda.machine.alternatives.rows import Rows
from neurallambda.machine.alternatives.split import Parts, Split, split
from neurallambda.machine.decision import decide
from neurallambda.machine.memory import Memory
from neurallambda.machine.sight import see, share
from neurallambda.machine.step import act
from neurallambda.machine.tables import ERRORS, Tables

NOTHING_FOUND = ERRORS.index(ErrorKind.UNBOUND)
"""What a mixture of alternatives ends in where its parts fit together so badly that a variable is bound to nothing."""


@dataclass(frozen=True)
class Alternatives:
    """The registers of each alternative, and how much of the program it is."""

    pointers: Float[Tensor, "batch alternatives 3 addresses"]
    running: Float[Tensor, "batch alternatives"]

    def widen(self, width: int) -> "Alternatives":
        """Make room for pointers at more addresses."""
        beyond = width - self.pointers.shape[-1]
        return Alternatives(torch.nn.functional.pad(self.pointers, (0, beyond)), self.running)

    def select(self, rows: Int[Tensor, " rows"]) -> "Alternatives":
        """The alternatives of some programs of the batch."""
        return Alternatives(self.pointers[rows], self.running[rows])


@dataclass(frozen=True)
class Choices:
    """What a step chose without a gradient, so that it can be taken again: parts, and what they went into."""

    split: Split
    into: Int[Tensor, "batch parts"]
    count: int


@dataclass(frozen=True)
class Step:
    """What a step of all alternatives gives.

    Attributes:
        after: the alternatives that go on.
        records: what each part wrote.
        parts: what took the step.
        rules: the rules of each part.
        halts: how much of the program ended in a value here, by its address, in each part.
        errors: how much of it ended here in each error, in each part.
        lost: how much of it ended because no rule applied.
        choices: what was chosen.
    """

    after: Alternatives
    records: Float[Tensor, "batch parts record"]
    parts: Parts
    rules: Float[Tensor, "batch parts rules"]
    halts: Float[Tensor, "batch parts addresses"]
    errors: Float[Tensor, "batch parts errors"]
    lost: Float[Tensor, " batch"]
    choices: Choices

    @property
    def outcome(self) -> tuple[Float[Tensor, "batch addresses"], Float[Tensor, "batch errors"]]:
        """How much ended in the value at each address, and in each error."""
        errors = self.errors.sum(1)
        lost = torch.zeros_like(errors)
        lost[:, NOTHING_FOUND] = 1
        return self.halts.sum(1), errors + lost * self.lost[:, None]


def take_step(
    memory: Memory,
    before: Alternatives,
    here: Float[Tensor, "room addresses"],
    tables: Tables,
    most: int,
    again: Choices | None = None,
) -> Step:
    """Take a step with every alternative.

    Args:
        memory: what was written before.
        before: the alternatives.
        here: the addresses of the new records, one-hot, in order.
        tables: the rules as tensors.
        most: how many parts may be told apart; the rest is one more.
        again: what was chosen when this step was taken before.
    """
    parts, chosen = split(memory, before.pointers, before.running, tables, most, again and again.split)
    batch, count = parts.weights.shape
    rows = Rows(memory, count)
    registers = parts.pointers.flatten(0, 1)
    pointers, per_pointer = share(rows, registers)
    sight = see(pointers, per_pointer, bounded(rows.read(pointers), memory.layout, tables), tables)
    decision = decide(sight, memory.layout, tables, parts.rules.flatten(0, 1))
    addresses = here[:count].expand(batch, -1, -1).flatten(0, 1)
    taken = act(rows, registers, addresses, sight, decision, tables)

    weights = _conserved(parts.weights, before.running, parts.lost)
    is_there = (weights > 0).to(weights.dtype)[:, :, None]
    records = taken.record.unflatten(0, (batch, count)) * is_there
    under_halt = taken.halts / taken.halts.sum(-1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    halts = (under_halt * decision.halts).unflatten(0, (batch, count)) * weights[:, :, None]
    errors = decision.errors.unflatten(0, (batch, count)) * weights[:, :, None]
    running = weights * decision.goes_on.unflatten(0, (batch, count))
    pointers = taken.registers.unflatten(0, (batch, count))
    if again is None:
        values = torch.cat(
            [memory.roles[:, 2, : memory.written], records[:, :, : len(Tag)] @ memory.role_table[:, 2]], dim=1
        )
        beyond = pointers.shape[-1] - values.shape[-1]
        into, left = what_merges(pointers, running, torch.nn.functional.pad(values, (0, beyond)), most // 2)
        again = Choices(chosen, into, left)
    after = Alternatives(*mix(pointers, running, again.into, again.count))
    rules = decision.rules.unflatten(0, (batch, count))
    return Step(after, records, parts, rules, halts, errors, parts.lost, again)


def _conserved(
    weights: Float[Tensor, "batch parts"], running: Float[Tensor, "batch alternatives"], lost: Float[Tensor, " batch"]
) -> Float[Tensor, "batch parts"]:
    """The weights of the parts, so that they are all that ran, but for what was lost: rounding adds up over many steps."""
    total = weights.sum(-1)
    ran = running.sum(-1) - lost
    return weights * (ran / total.clamp_min(torch.finfo(total.dtype).tiny)).clamp_min(0)[:, None]
