"""Values in the memory of the discrete stepper."""

from collections.abc import Sequence

from neurallambda.lang.core import NIL, Delay, Lambda, Operator
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Closure, Pair, Partial, Value
from neurallambda.machine.alphabet import Tag
from neurallambda.machine.assemble import Cells
from neurallambda.machine.discrete import Record


class DiscreteValues:
    """Reads values out of memory; what is shared there is shared here.

    Args:
        cells: the program.
        memory: its records, which may become more.
    """

    def __init__(self, cells: Cells, memory: Sequence[Record]) -> None:
        self.cells = cells
        self.memory = memory
        self.known: dict[int, Value] = {}

    def value(self, address: int) -> Value:
        """The value at an address."""
        return trampoline(self._value(address))

    def bound(self, environment: frozenset[int], parameter: int) -> Value:
        """The value of a parameter in an environment."""
        (address,) = (one for one in environment if self.memory[one].third == parameter)
        return self.value(address)

    def _value(self, address: int | None):
        assert address is not None
        if address not in self.known:
            self.known[address] = yield self._read(self.memory[address])
        return self.known[address]

    def _read(self, record: Record):
        match record:
            case Record(Tag.INTEGER, literal=int(value)):
                return value
            case Record(Tag.TRUE | Tag.FALSE as tag):
                return tag is Tag.TRUE
            case Record(Tag.NIL):
                return NIL
            case Record(Tag.UNARY_PRIMITIVE | Tag.BINARY_PRIMITIVE, operator=str(name)):
                return Operator(name)
            case Record(Tag.PARTIAL, operator=str(name)):
                return Partial(name, (yield self._value(record.value)))
            case Record(Tag.PAIR):
                head = yield self._value(record.value)
                return Pair(head, (yield self._value(record.link)))
            case Record(Tag.CLOSURE | Tag.THUNK, second=int(name)):
                return _Captured(self, name, record.environment)
        raise AssertionError(f"not the tag of a value: {record.tag}")


class _Captured(Closure):
    """A function or thunk in memory, with the environment it was made in."""

    def __init__(self, values: DiscreteValues, name: int, environment: frozenset[int]) -> None:
        code = values.cells.functions.get(name) or values.cells.cells[name].node
        assert isinstance(code, (Lambda, Delay))
        self.code = code
        self.values = values
        self.environment = environment

    def lookup(self, binder: Lambda) -> Value:
        return self.values.bound(self.environment, self.values.cells.parameters[binder])
