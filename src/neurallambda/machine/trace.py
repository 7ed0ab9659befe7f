"""Traces: every step of a run, decoded into parts that people can read.

A trace shows what the tensors say and nothing else: a sharp program's step has one rule, and one address in each
register; a soft program's has several, each with its weight.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.machine.alphabet import FIELDS_OF, KINDS, OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.alternatives.step import Step as StepOfAll
from neurallambda.machine.assemble import Cells
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.layout import Layout
from neurallambda.machine.machine import MAX_STEPS, Machine
from neurallambda.machine.result import Result
from neurallambda.machine.rules import RULES
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.step import CONTINUATION, CONTROL, ENVIRONMENT
from neurallambda.machine.tables import ERRORS

THRESHOLD = 0.001
"""What weighs less is left out of a trace."""

_RULES = [rule.name for rule in RULES]
_TAGS = [tag.name.lower() for tag in Tag]
_KINDS = [tag.name.lower() for tag in KINDS]


class Weighted(NamedTuple):
    """One of several things that may be, and how much it is."""

    name: str
    weight: float


Mixture = tuple[Weighted, ...]
"""All that may be, the heaviest first. Of something sharp there is one, of weight 1; of nothing there is none."""


class Binding(NamedTuple):
    """What an environment holds: the value at an address, bound to a parameter, as far as it is visible."""

    parameter: str
    address: str
    weight: float


@dataclass(frozen=True)
class TraceRecord:
    """One record of memory: a cell of code, or what a step wrote.

    Attributes:
        address: where it stands, as `A12`.
        tags: what it is.
        parts: its fields, each given that the record has it: operators, literals, and pointers as addresses.
        environment: what is visible from it.
        parameter: the parameter that it is bound to.
    """

    address: str
    tags: Mixture
    parts: Mapping[Field, Mixture]
    environment: tuple[Binding, ...] = ()
    parameter: Mixture = ()


@dataclass(frozen=True)
class TraceStep:
    """One step of one program.

    Attributes:
        number: counted from 1. Where control is soft, several steps share a number: one of each alternative.
        running: how much of the program takes this step.
        rules: the rules that fired, given that it had not.
        control, environment, continuation: the registers before the step.
        record: what the step wrote; without tags where it wrote nothing.
        values: how much of the program ended here in the value at each address.
        errors: how much of it ended here in each named error.
    """

    number: int
    running: float
    rules: Mixture
    control: Mixture
    environment: tuple[Binding, ...]
    continuation: Mixture
    record: TraceRecord
    values: Mixture
    errors: Mixture


def trace(
    machine: Machine,
    program: NeuralLambda,
    max_steps: int = MAX_STEPS,
    *,
    row: int = 0,
    threshold: float = THRESHOLD,
) -> Generator[TraceStep, None, Result]:
    """Run one program step by step.

    Args:
        machine: whose capacity holds.
        program: a batch of programs.
        max_steps: how many steps to take at most.
        row: which program of the batch is run.
        threshold: what weighs less is left out.

    Yields:
        Each step, until all of the program has ended.

    Returns:
        The result, as `Machine.run` gives it, of this one program.

    >>> machine = Machine()
    >>> for step in trace(machine, machine.encode("((fn [x] (+ x 1)) 2)")):
    ...     written = step.record.tags[0].name if step.record.tags else "nothing"
    ...     print(f"{step.control[0].name}: {step.rules[0].name} writes {written} at {step.record.address}")
    A1: begin bind writes call at A6
    A2: bind value writes integer at A7
    A3: begin binary writes operand at A8
    A7: hold operand writes compute_binary at A9
    A5: compute writes integer at A10
    A10: halt writes nothing at A11
    """
    if max_steps < 1:
        raise ArgumentError(f"max_steps: got {max_steps}; expected at least 1 step")
    program = program.select([row])
    settings = Settings(program.integers, program.operations, max_steps, machine.capacity, machine.alternatives)
    with torch.no_grad():
        runner = Runner(program.layout, program.code(), settings)
    reader = RecordReader(program.layout, program.cells[0], program.integers, threshold)
    registers, memory = runner.registers, runner.memory
    while runner.can_go_on and not bool(runner.ended):
        running, before, address = float(registers.running), registers.pointers[0], memory.written
        with torch.no_grad():
            step = runner.step()
        if isinstance(step, StepOfAll):
            yield from _alternatives(reader, step, runner.taken, address)
            continue
        yield TraceStep(
            number=runner.taken,
            running=running,
            rules=reader.mixture(step.rules[0], _RULES),
            control=reader.pointer(before[CONTROL]),
            environment=reader.environment(before[ENVIRONMENT]),
            continuation=reader.pointer(before[CONTINUATION]),
            record=reader.record(address, step.record[0]),
            values=reader.pointer(step.halts[0] * running),
            errors=reader.mixture(step.errors[0] * running, ERRORS),
        )
    with torch.no_grad():
        return Result.of(program, runner)


def _alternatives(reader: "RecordReader", step: StepOfAll, number: int, address: int) -> Iterator[TraceStep]:
    """What each alternative did in a step, the likeliest first."""
    parts = step.parts
    order = parts.weights[0].argsort(descending=True).tolist()
    records = [reader.record(address + place, record) for place, record in enumerate(step.records[0])]
    for place in order:
        running = float(parts.weights[0, place])
        if running < reader.threshold:
            continue
        before = parts.pointers[0, place]
        yield TraceStep(
            number=number,
            running=running,
            rules=reader.mixture(step.rules[0, place], _RULES),
            control=reader.pointer(before[CONTROL]),
            environment=reader.environment(before[ENVIRONMENT]),
            continuation=reader.pointer(before[CONTINUATION]),
            record=records[place],
            values=reader.pointer(step.halts[0, place]),
            errors=reader.mixture(step.errors[0, place], ERRORS),
        )


def listing(program: NeuralLambda, *, row: int = 0, threshold: float = THRESHOLD) -> tuple[TraceRecord, ...]:
    """The code of one program of a batch, cell by cell.

    >>> for cell in listing(Machine().encode("(+ 1 2)")):
    ...     print(cell.address, cell.tags[0].name, *(part[0].name for part in cell.parts.values()))
    A0 halt
    A1 binary + A2 A3
    A2 integer 1
    A3 integer 2
    """
    program = program.select([row])
    reader = RecordReader(program.layout, program.cells[0], program.integers, threshold)
    code = program.code()
    return tuple(reader.cell(at, code.narrow[0, at]) for at in range(len(program.cells[0])))


def address_name(address: int) -> str:
    """How a trace writes an address."""
    return f"A{address}"


class RecordReader:
    """Reads tensors as text. It knows what the records it has read are bound to."""

    def __init__(self, layout: Layout, cells: Cells, integers: range, threshold: float) -> None:
        self.slices, self.narrow = layout.slices, layout.narrow
        self.functions = cells.functions
        self.threshold = threshold
        self.literals = [str(integer) for integer in integers]
        self.bound: dict[int, str] = {}

    def cell(self, address: int, narrow: Float[Tensor, " narrow"]) -> TraceRecord:
        """A cell of code."""
        return TraceRecord(address_name(address), self.tags(narrow), self.parts(narrow, self.fields(narrow)))

    def record(self, address: int, record: Float[Tensor, " record"]) -> TraceRecord:
        """A record that a step wrote, and the parameter that it is bound to."""
        narrow, wide = record[: self.narrow], record[self.narrow :].unflatten(-1, (len(WIDE_FIELDS), -1))
        pointers = self.fields(narrow) | dict(zip(WIDE_FIELDS, wide, strict=True))
        parameter = pointers.pop(Field.THIRD)
        environment = pointers.pop(Field.ENVIRONMENT) / self.share(narrow, Field.ENVIRONMENT)
        names = [self.functions[at].parameter if at in self.functions else "" for at in range(len(parameter))]
        bound = self.mixture(parameter, names)
        self.bound[address] = "|".join(dict.fromkeys(name for name, _ in bound))
        parts = self.parts(narrow, pointers)
        return TraceRecord(address_name(address), self.tags(narrow), parts, self.environment(environment), bound)

    def tags(self, narrow: Float[Tensor, " narrow"]) -> Mixture:
        """What a record is, as far as it is anything."""
        tags = narrow[self.slices[Field.TAG]].clone()
        tags[Tag.NONE] = 0
        return self.mixture(tags, _TAGS)

    def fields(self, narrow: Float[Tensor, " narrow"]) -> dict[Field, Tensor]:
        """The fields of a record but for its tag and its wide pointers."""
        return {field: narrow[at] for field, at in self.slices.items() if field is not Field.TAG}

    def parts(self, narrow: Float[Tensor, " narrow"], columns: Mapping[Field, Tensor]) -> dict[Field, Mixture]:
        """The fields that a record has, each given that it has it."""
        letters = {Field.OPERATOR: OPERATORS, Field.KIND: _KINDS, Field.LITERAL: self.literals}
        parts = {}
        for field, weights in columns.items():
            given = weights / self.share(narrow, field)
            parts[field] = self.mixture(given, letters[field]) if field in letters else self.pointer(given)
        return {field: part for field, part in parts.items() if part}

    def share(self, narrow: Float[Tensor, " narrow"], field: Field) -> Tensor:
        """How much of a record has a field."""
        tags = narrow[self.slices[Field.TAG]]
        share = tags[[tag for tag in Tag if field in FIELDS_OF.get(tag, ())]].sum()
        return share.clamp_min(torch.finfo(share.dtype).eps)

    def environment(self, weights: Float[Tensor, " addresses"]) -> tuple[Binding, ...]:
        """What is visible, the oldest first."""
        visible = sorted(self.heavy(weights))
        return tuple(Binding(self.bound[at], address_name(at), weight) for at, weight in visible)

    def pointer(self, weights: Float[Tensor, " addresses"]) -> Mixture:
        """The addresses under a pointer."""
        return tuple(Weighted(address_name(at), weight) for at, weight in self.heavy(weights))

    def mixture(self, weights: Float[Tensor, " letters"], letters: Sequence[str]) -> Mixture:
        """A distribution over letters."""
        return tuple(Weighted(str(letters[at]), weight) for at, weight in self.heavy(weights))

    def heavy(self, weights: Float[Tensor, " n"]) -> list[tuple[int, float]]:
        """What weighs enough, the heaviest first."""
        found = (weights >= self.threshold).nonzero().squeeze(-1).tolist()
        pairs = zip(found, weights[found].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: -pair[1])
