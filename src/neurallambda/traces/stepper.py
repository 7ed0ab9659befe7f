"""The tracer of the machine's discrete stepper: its records, and its states read back as terms."""

from collections.abc import Callable, Iterator

from neurallambda.errors import ProgramError
from neurallambda.lang.core import Lambda
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.values import Value, outcome_of
from neurallambda.machine.alphabet import FIELDS_OF, VALUES, Field, Tag
from neurallambda.machine.assemble import Cells
from neurallambda.machine.discrete import Record, State, Step, initial, take_step
from neurallambda.machine.discrete_values import DiscreteValues
from neurallambda.machine.explain import explain_cells
from neurallambda.traces.contexts import TooLargeError, Written, frames, picture, written
from neurallambda.traces.machine_states import StateReader, code_cell
from neurallambda.traces.pictures import Json, Lane, Picture, Seen, Store, certain

_SYMBOLS = {Field.OPERATOR: "operator", Field.KIND: "kind"}


class StepperTracer:
    """Steps a program by the machine's rules and sees each state.

    Args:
        cells: the program.
        integers: the declared range.
        holes: what each hole stands for.
        max_steps: how many steps to take at most.
    """

    def __init__(self, cells: Cells, integers: range, holes: dict[str, int | bool | str], max_steps: int) -> None:
        self.cells, self.integers, self.holes, self.max_steps = cells, integers, holes, max_steps
        self.state = initial(cells, integers, holes)
        self.memory: list[Record] = list(self.state.memory)
        self.reader = _DiscreteStateReader(cells, self.memory)
        self.outcome: Outcome | None = None

    def seen(self) -> Iterator[Seen]:
        """The state before the first step, and after each until the program has ended or no step is left."""
        code = [code_cell(self._cell(at), self.cells, at) for at in range(len(self.memory))]
        yield Seen((self._lane(self.state),), memory=code)
        for number in range(1, self.max_steps + 1):
            step = take_step(self.state, self.integers)
            self.reader.refused[len(self.memory)] = self.state.control
            written_now = step.state.memory[len(self.memory) :]
            self.memory += written_now
            memory = [self._cell(len(self.memory) - 1)] if written_now and written_now[0].tag is not Tag.NONE else []
            self.state = step.state
            lane = self._lane(step.state, step.rule.name, ended=step.rule.halts or step.error is not None)
            yield Seen((lane,), memory=memory, ends=self._ends(step, number))
            if self.outcome is not None:
                return
        self.outcome = Outcome.of(self._problem(self.max_steps))

    def _ends(self, step: Step, number: int) -> list[Json]:
        if step.error is not None:
            self.outcome = Outcome.of(self._problem(number))
            return [{"lane": 0, "error": str(step.error), "weight": 1}]
        if not step.rule.halts:
            return []
        value = self.reader.value(step.state.control)
        self.outcome = outcome_of(value, number)
        return [{"lane": 0, "value": self.reader.text(value), "weight": 1}]

    def _problem(self, steps: int) -> ProgramError:
        """The error of a step, told as the reference evaluator tells it."""
        found = explain_cells(self.cells, self.integers, steps, self.holes)
        assert found is not None
        return found

    def _lane(self, state: State, rule: str = "", *, ended: bool = False) -> Lane:
        term, stack = self.reader.term(state)
        return Lane(
            weight=0.0 if ended else 1.0,
            rules=certain(rule) if rule else (),
            registers={"control": certain(f"A{state.control}"), "continuation": certain(f"A{state.continuation}")},
            bindings=self._bindings(state.environment),
            stores={"continuation": stack},
            term=term,
        )

    def _bindings(self, environment: frozenset[int]) -> tuple[tuple[str, str, float], ...]:
        return tuple((self._parameter(self.memory[address]), f"A{address}", 1.0) for address in sorted(environment))

    def _parameter(self, record: Record) -> str:
        assert record.third is not None
        return self.cells.functions[record.third].parameter

    def _cell(self, address: int) -> Json:
        """A record of memory as the trace has it."""
        record = self.memory[address]
        cell: Json = {"address": f"A{address}", "tag": _one(record.tag.name.lower())}
        pointers, columns = {}, {}
        in_code = address < len(self.cells)
        for field in Field:
            value = getattr(record, field.value)
            if field in (Field.TAG, Field.ENVIRONMENT) or value is None or field not in FIELDS_OF.get(record.tag, ()):
                continue
            if field is Field.LITERAL:
                cell["literal"] = _one(str(value))
            elif field in _SYMBOLS:
                columns[_SYMBOLS[field]] = _one(value.name.lower() if isinstance(value, Tag) else value)
            else:
                pointers[field.value] = _one(f"A{value}")
        if record.third is not None and not in_code:
            columns["parameter"] = _one(self._parameter(record))
        for name, parts in (("pointers", pointers), ("columns", columns)):
            if parts:
                cell[name] = parts
        if record.environment:
            cell["bindings"] = [
                {"name": name, "address": at, "weight": 1.0} for name, at, _ in self._bindings(record.environment)
            ]
        return {**cell, "confidence": 1.0}


class _DiscreteStateReader(StateReader):
    """Reads states of the discrete stepper, whose memory grows while this reads."""

    def __init__(self, cells: Cells, memory: list[Record]) -> None:
        super().__init__(cells)
        self.memory = memory
        self.values = DiscreteValues(cells, memory)

    def term(self, state: State) -> tuple[Picture, Store]:
        """The term that a state stands for, and what waits."""
        try:
            waiting = self.waits(state.continuation)
            content, is_value = self.content(state)
            return picture(content, waiting, is_value=is_value), Store("stack", frames(waiting))
        except (ProgramError, TooLargeError):
            return Picture(None), Store("stack", ())

    def content(self, state: State) -> tuple[Written, bool]:
        """What control stands on, and whether it is a value."""
        tag = self.memory[state.control].tag
        if tag in VALUES:
            return written(self.unlowering.value(self.value(state.control))), True
        node = self.cells.cells[state.control].node
        assert node is not None
        return written(self.unlowering.term(node, self.lookup(state.environment))), tag is Tag.FUNCTION

    def text(self, value: Value) -> str:
        """A value as text."""
        try:
            return written(self.unlowering.value(value)).text
        except (ProgramError, TooLargeError):
            return "…"

    def frame(self, address: int) -> Tag:
        """Which frame stands at an address."""
        return self.memory[address].tag

    def operator(self, address: int) -> str:
        """The operator of a record."""
        operator = self.memory[address].operator
        assert operator is not None
        return operator

    def target(self, address: int, field: Field) -> int:
        """The address that a pointer of a record leads to."""
        return getattr(self.memory[address], field.value)

    def environment(self, address: int) -> frozenset[int]:
        """The environment of a record."""
        return self.memory[address].environment

    def lookup(self, environment: frozenset[int]) -> Callable[[Lambda], Value]:
        """Reads variables in an environment."""
        return lambda binder: self.values.bound(environment, self.cells.parameters[binder])

    def value(self, address: int) -> Value:
        """The value at an address."""
        return self.values.value(address)


def _one(name: str) -> list[list[object]]:
    return [[name, 1.0]]
