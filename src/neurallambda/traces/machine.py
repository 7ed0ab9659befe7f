"""The tracer of the superposed machine: its tensors read as mixtures, and its likeliest state read back as a term."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from neurallambda.errors import ProgramError
from neurallambda.lang.core import Lambda
from neurallambda.lang.values import Value
from neurallambda.machine.alphabet import FRAMES, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.alternatives.step import Step as StepOfAll
from neurallambda.machine.decode import ValueReader
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.machine import Machine
from neurallambda.machine.result import Result
from neurallambda.machine.rules import RULES
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.step import CONTINUATION, CONTROL, ENVIRONMENT, Step
from neurallambda.machine.tables import ERRORS
from neurallambda.machine.trace import RecordReader, TraceRecord
from neurallambda.traces.contexts import TooLargeError, frames, picture, written
from neurallambda.traces.lanes import Lineage
from neurallambda.traces.machine_states import StateReader, code_cell
from neurallambda.traces.pictures import Json, Lane, Mixture, Picture, Seen, Store
from neurallambda.traces.recording import rounded

RULE_NAMES = [rule.name for rule in RULES]
SHARP = 0.999
"""From this weight on a mixture counts as one thing."""


class MachineTracer:
    """Steps one program on the machine and sees each state.

    Args:
        machine: whose limits hold.
        program: a batch of programs.
        max_steps: how many steps to take at most.
        row: which program of the batch is run.
        threshold: what weighs less is left out.
    """

    def __init__(
        self, machine: Machine, program: NeuralLambda, max_steps: int, *, row: int = 0, threshold: float = 0.001
    ) -> None:
        self.program = program.select([row])
        self.threshold = threshold
        program = self.program
        settings = Settings(program.integers, program.operations, max_steps, machine.capacity, machine.alternatives)
        with torch.no_grad():
            self.runner = Runner(program.layout, program.code(), settings)
        self.records = RecordReader(program.layout, program.cells[0], program.integers, threshold)
        self.states = SoftStateReader(self.runner, program)
        self.lineage = Lineage()

    def seen(self) -> Iterator[Seen]:
        """The state before the first step, and after each until all has ended or no step is allowed."""
        runner, program = self.runner, self.program
        narrow = program.code().narrow[0]
        cells = [self.records.cell(at, narrow[at]) for at in range(len(program.cells[0]))]
        code = [code_cell(as_cell(cell), program.cells[0], at) for at, cell in enumerate(cells)]
        start = self._lane(0, 1.0, runner.registers.pointers[0])
        yield Seen((start,), memory=code)
        while runner.can_go_on and not bool(runner.ended):
            before, running = runner.registers.pointers[0], float(runner.registers.running)
            address = runner.memory.written
            self.states.note(before if runner.alternatives is None else runner.alternatives.pointers[0], address)
            with torch.no_grad():
                step = runner.step()
            yield self._several(step, address) if isinstance(step, StepOfAll) else self._one(step, address, running)

    def result(self) -> Result:
        """What the run comes to."""
        with torch.no_grad():
            return Result.of(self.program, self.runner)

    def _one(self, step: Step, address: int, running: float) -> Seen:
        """A step of one set of registers."""
        registers, memory = self.runner.registers, self._written(address, step.record[:1])
        rules = self.records.mixture(step.rules[0], RULE_NAMES)
        ends = self._ends(0, step.halts[0] * running, step.errors[0] * running)
        lane = self._lane(0, float(registers.running), registers.pointers[0], rules)
        return Seen((lane,), memory=memory, ends=ends)

    def _several(self, step: StepOfAll, address: int) -> Seen:
        """A step of several alternatives."""
        after, memory = step.after, self._written(address, step.records[0])
        weights = step.parts.weights[0]
        parts = [place for place in range(len(weights)) if float(weights[place]) >= self.threshold]
        going_on = weights - step.halts[0].sum(-1) - step.errors[0].sum(-1)
        into = step.choices.into[0].tolist()
        born = self.lineage.follow(parts, _parents(step), into, going_on.tolist(), self.threshold)
        lanes, ends = [], []
        for one in born.lanes:
            rules = torch.stack([step.rules[0, place] * weights[place] for place in one.parts]).sum(0)
            rules = rules / rules.sum().clamp_min(torch.finfo(rules.dtype).tiny)
            running = float(after.running[0, one.place])
            named = self.records.mixture(rules, RULE_NAMES)
            lanes.append(self._lane(one.id, running, after.pointers[0, one.place], named, one.parents))
        for part, lane in born.ended:
            named = self.records.mixture(step.rules[0, part], RULE_NAMES)
            lanes.append(self._lane(lane, 0.0, step.parts.pointers[0, part], named))
        for place in parts:
            ends += self._ends(born.lane_of_part[place], step.halts[0, place], step.errors[0, place])
        return Seen(
            tuple(lanes),
            closed=tuple(lane for _, lane in born.ended),
            memory=memory,
            ends=ends,
        )

    def _written(self, address: int, records: Tensor) -> list[Json]:
        found = [self.records.record(address + place, record) for place, record in enumerate(records)]
        return [as_cell(record) for record in found if record.tags]

    def _ends(self, lane: int, halts: Tensor, errors: Tensor) -> list[Json]:
        """What ended in a step: values, each once however many addresses hold it, and errors."""
        found: dict[tuple[str, str], float] = {}
        for address, weight in self.records.heavy(halts):
            for text, share in self.states.value_texts(address):
                found["value", text] = found.get(("value", text), 0) + weight * share
        for name, weight in self.records.mixture(errors, ERRORS):
            found["error", name] = weight
        return [
            {"lane": lane, kind: text, "weight": rounded(min(1.0, weight))} for (kind, text), weight in found.items()
        ]

    def _lane(
        self, number: int, weight: float, pointers: Tensor, rules: Mixture = (), parents: tuple[int, ...] = ()
    ) -> Lane:
        control, environment = self.records.pointer(pointers[CONTROL]), pointers[ENVIRONMENT]
        continuation = self.records.pointer(pointers[CONTINUATION])
        term, stack = self.states.term(pointers)
        return Lane(
            id=number,
            parents=parents,
            weight=max(0.0, weight),
            rules=rules,
            registers={"control": control, "continuation": continuation},
            bindings=tuple((one.parameter, one.address, one.weight) for one in self.records.environment(environment)),
            stores={"continuation": stack},
            term=term,
        )


class SoftStateReader(StateReader):
    """Reads the likeliest state that registers stand for.

    Args:
        runner: whose memory is read; it goes on while this reads.
        program: what it runs.
    """

    def __init__(self, runner: Runner, program: NeuralLambda) -> None:
        super().__init__(program.cells[0])
        self.integers = program.integers
        self.values = ValueReader(runner.memory, 0, self.cells, program.integers)
        self.slices = program.layout.slices

    def note(self, pointers: Tensor, address: int) -> None:
        """Remember what control stands on while a step writes."""
        for place, one in enumerate(pointers if pointers.ndim == 3 else pointers[None]):
            self.refused[address + place] = int(one[CONTROL].argmax())

    def term(self, pointers: Tensor) -> tuple[Picture, Store]:
        """The likeliest term that registers stand for, and what waits."""
        try:
            waiting = self.waits(int(pointers[CONTINUATION].argmax()))
            content, is_value, soft = self.content(int(pointers[CONTROL].argmax()), pointers[ENVIRONMENT])
            sure = float(pointers[CONTROL].max()) * float(pointers[CONTINUATION].max())
            found = picture(content, waiting, is_value=is_value, soft=soft, confidence=1.0 if sure >= SHARP else sure)
            return found, Store("stack", frames(waiting))
        except (ProgramError, TooLargeError):
            return Picture(None), Store("stack", ())

    def content(self, address: int, environment: Tensor):
        """What control stands on, whether it is a value, and what it is a mixture of."""
        record = self.values.record(address)
        tags = record[self.slices[Field.TAG]]
        tag = Tag(int(tags.argmax()))
        lookup = self.lookup(environment)
        if tag in VALUES:
            found = written(self.unlowering.value(self.values.value(address)))
            mixture = self.mixture(record)
            return found, True, (((0, len(found.text)), mixture),) if len(mixture) > 1 else ()
        node = self.cells.cells[address].node
        assert node is not None
        return written(self.unlowering.term(node, lookup)), tag is Tag.FUNCTION, ()

    def mixture(self, record: Tensor) -> tuple[tuple[str, float], ...]:
        """All atoms that a record may be."""
        tags = record[self.slices[Field.TAG]]
        found: list[tuple[str, float]] = []
        share = float(tags[Tag.INTEGER])
        if share > 0:
            literals = record[self.slices[Field.LITERAL]]
            total = float(literals.sum())
            for at in (literals > 0).nonzero().flatten().tolist():
                found.append((str(self.integers[at]), share * float(literals[at]) / total))
        names = {Tag.TRUE: "true", Tag.FALSE: "false", Tag.NIL: "'()"}
        found += [(name, float(tags[tag])) for tag, name in names.items() if tags[tag] > 0]
        operators = float(tags[Tag.UNARY_PRIMITIVE] + tags[Tag.BINARY_PRIMITIVE])
        if operators > 0:
            letters = record[self.slices[Field.OPERATOR]]
            total = float(letters.sum())
            for at in (letters > 0).nonzero().flatten().tolist():
                found.append((OPERATORS[at], operators * float(letters[at]) / total))
        found += [
            (tag.name.lower(), float(tags[tag]))
            for tag in (Tag.PARTIAL, Tag.CLOSURE, Tag.THUNK, Tag.PAIR)
            if tags[tag] > 0
        ]
        return tuple(sorted(((name, weight) for name, weight in found if weight > 1e-3), key=lambda one: -one[1]))

    def frame(self, address: int) -> Tag:
        """The likeliest frame at an address."""
        tags = self.values.record(address)[self.slices[Field.TAG]]
        return max(FRAMES, key=lambda one: float(tags[one]))

    def operator(self, address: int) -> str:
        """The likeliest operator of a record."""
        return OPERATORS[self.best(address, Field.OPERATOR)]

    def target(self, address: int, field: Field) -> int:
        """The likeliest address under a pointer."""
        if field in WIDE_FIELDS:
            return int(self.values.wide(self.values.record(address), field).argmax())
        return self.best(address, field)

    def environment(self, address: int) -> Tensor:
        """The environment of a record."""
        return self.values.wide(self.values.record(address), Field.ENVIRONMENT)

    def lookup(self, environment: Tensor) -> Callable[[Lambda], Value]:
        """Reads variables in an environment."""
        return lambda binder: self.values.value(self.values.bound(environment, self.cells.parameters[binder]))

    def value(self, address: int) -> Value:
        """The likeliest value at an address."""
        return self.values.value(address)

    def best(self, address: int, field: Field) -> int:
        """The likeliest letter, or the likeliest address in the code."""
        return int(self.values.record(address)[self.slices[field]].argmax())

    def value_texts(self, address: int) -> Mixture:
        """The values at an address as text; of those that are no atoms the likeliest stands for all."""
        mixture = self.mixture(self.values.record(address))
        if len(mixture) > 1:
            return mixture
        try:
            return ((written(self.unlowering.value(self.values.value(address))).text, 1.0),)
        except (ProgramError, TooLargeError):
            return (("…", 1.0),)


def as_cell(record: TraceRecord) -> Json:
    """A record of memory as the trace has it."""
    cell: Json = {"address": record.address, "tag": _pairs(record.tags)}
    symbols = {Field.OPERATOR: "operator", Field.KIND: "kind"}
    pointers, columns = {}, {}
    for field, part in record.parts.items():
        if field is Field.LITERAL:
            cell["literal"] = _pairs(part)
        elif field in symbols:
            columns[symbols[field]] = _pairs(part)
        else:
            pointers[field.value] = _pairs(part)
    if record.parameter and record.parameter[0].name:
        columns["parameter"] = _pairs(record.parameter)
    for name, value in (("pointers", pointers), ("columns", columns)):
        if value:
            cell[name] = value
    if record.environment:
        cell["bindings"] = [
            {"name": one.parameter, "address": one.address, "weight": round(one.weight, 6)}
            for one in record.environment
        ]
    sure = 1.0
    for part in (record.tags, *record.parts.values()):
        sure *= part[0].weight if part else 1.0
    cell["confidence"] = round(min(1.0, sure), 6)
    return cell


def _pairs(mixture: Mixture) -> list[list[object]]:
    return [[name, round(min(1.0, weight), 6)] for name, weight in mixture]


def _parents(step: StepOfAll) -> list[int | None]:
    """Of each part the alternative that it was split from; None: of all."""
    split = step.choices.split
    each = (split.controls.shape[-1] + 1) * (split.frames.shape[-1] + 1) * step.parts.rules.shape[-1]
    found: list[int | None] = [int(chosen) // each for chosen in split.chosen[0]]
    return [*found, None] if split.is_mixture else found
