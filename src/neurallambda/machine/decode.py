"""Decoding: from the memory of a run back to values and terms, by the likeliest reading of every record."""

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.cek import out_of_steps
from neurallambda.lang.core import NIL, Delay, Lambda, Operator
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Closure, Pair, Partial, Value, outcome_of
from neurallambda.machine.alphabet import OPERATORS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.assemble import Cells
from neurallambda.machine.explain import MESSAGES, explained
from neurallambda.machine.layout import WIDE
from neurallambda.machine.memory import Memory
from neurallambda.machine.result import Result
from neurallambda.machine.tables import ERRORS

_VALUES = tuple(sorted(VALUES))


def decode(result: Result) -> list[Outcome]:
    """The likeliest end of each program."""
    answered = result.answer.detach().sum(-1)
    ends = torch.cat([answered[:, None], result.running.detach()[:, None], result.errors.detach()], dim=-1)
    likeliest = ends.argmax(-1).tolist()
    addresses = result.answer.detach().argmax(-1).tolist()
    steps = result.steps.detach().round().long().tolist()
    outcomes = []
    for row, (end, address, taken) in enumerate(zip(likeliest, addresses, steps, strict=True)):
        if end == 0:
            value = ValueReader(result.memory, row, result.program.cells[row], result.program.integers).value(address)
            outcomes.append(outcome_of(value, taken))
        elif end == 1:
            outcomes.append(explained(_unfinished(result, taken), result.program, row, result.settings.max_steps))
        else:
            kind = ERRORS[end - 2]
            outcome = Outcome(error=kind, message=MESSAGES[kind], steps=taken)
            outcomes.append(explained(outcome, result.program, row, result.settings.max_steps))
    return outcomes


def _unfinished(result: Result, taken: int) -> Outcome:
    settings = result.settings
    if taken >= settings.max_steps:
        return Outcome(error=ErrorKind.OUT_OF_STEPS, message=out_of_steps(settings.max_steps), steps=taken)
    message = f"all {settings.capacity:,} addresses are used after {taken:,} steps; each further step needs one more"
    return Outcome(error=ErrorKind.OUT_OF_MEMORY, message=message, steps=taken)


class ValueReader:
    """Reads values of one program out of memory; what is shared there is shared here."""

    def __init__(self, memory: Memory, row: int, cells: Cells, integers: range) -> None:
        self.memory = memory
        self.row = row
        self.cells = cells
        self.integers = integers
        self.known: dict[int, Value] = {}

    def value(self, address: int) -> Value:
        """The value at an address."""
        return trampoline(self._value(address))

    def _value(self, address: int):
        if address not in self.known:
            self.known[address] = yield self._read(address)
        return self.known[address]

    def _read(self, address: int):
        record = self.record(address)
        match self._value_tag(record):
            case Tag.INTEGER:
                return self.integers[self._best(record, Field.LITERAL)]
            case Tag.TRUE:
                return True
            case Tag.FALSE:
                return False
            case Tag.NIL:
                return NIL
            case Tag.UNARY_PRIMITIVE | Tag.BINARY_PRIMITIVE:
                return Operator(OPERATORS[self._best(record, Field.OPERATOR)])
            case Tag.PARTIAL:
                operand = yield self._value(self._wide(record, Field.VALUE))
                return Partial(OPERATORS[self._best(record, Field.OPERATOR)], operand)
            case Tag.PAIR:
                head = yield self._value(self._wide(record, Field.VALUE))
                tail = yield self._value(self._wide(record, Field.LINK))
                return Pair(head, tail)
            case Tag.CLOSURE | Tag.THUNK:
                return _Captured(self, self._best(record, Field.SECOND), record)
        raise AssertionError(f"not the tag of a value: {self._value_tag(record)}")

    def record(self, address: int) -> Tensor:
        """The record at an address."""
        return self.memory.records[self.row, address].detach()

    def bound(self, environment: Tensor, parameter: int) -> int:
        """The address of the value that is bound to a parameter in an environment."""
        # Code binds nothing; and an environment that was read before the memory grew knows no later addresses.
        written = slice(self.memory.layout.code, min(self.memory.written, len(environment)))
        bound = environment[written] * self.memory.parameters[self.row, written, parameter].detach()
        return written.start + int(bound.argmax())

    def _value_tag(self, record: Tensor) -> Tag:
        """The likeliest value that a record is; whatever else it may be is not what was asked for."""
        tags = record[self.memory.layout.slices[Field.TAG]]
        return _VALUES[int(tags[[*_VALUES]].argmax())]

    def _best(self, record: Tensor, field: Field) -> int:
        return int(record[self.memory.layout.slices[field]].argmax())

    def _wide(self, record: Tensor, field: Field) -> int:
        return int(self.wide(record, field).argmax())

    def wide(self, record: Tensor, field: Field) -> Tensor:
        """A wide pointer of a record."""
        return record[self.memory.layout.narrow :].unflatten(-1, (WIDE, -1))[WIDE_FIELDS.index(field)]


class _Captured(Closure):
    """A function or thunk in memory, with the environment it was made in."""

    def __init__(self, reader: ValueReader, name: int, record: Tensor) -> None:
        function = reader.cells.functions.get(name)
        node = reader.cells.cells[name].node
        self.code = function if function is not None else _delay(node)
        self.reader = reader
        self.environment = reader.wide(record, Field.ENVIRONMENT)

    def lookup(self, binder: Lambda) -> Value:
        return self.reader.value(self.reader.bound(self.environment, self.reader.cells.parameters[binder]))


def _delay(node: object) -> Delay:
    assert isinstance(node, Delay)
    return node
