"""Which states of a program are alike: they go on in the same way, whatever else they carry with them.

Alike states get the same number. What a state never reads again does not count: of the variables around a piece of code only
those that it reads do. So two worlds that came by different ways to the same place are one world from there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurallambda.lang import cek, core
from neurallambda.lang.cek import NOTHING, Code, CodeClosure, Environment, Frame, Halt
from neurallambda.lang.core import Lambda, Node
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.unlower import nodes_of, parts_of
from neurallambda.lang.values import Pair, Partial, Value
from neurallambda.traces.asked import Asked
from neurallambda.traces.reference import reading


@dataclass(frozen=True)
class Kind:
    """What a state, or a part of one, is alike to.

    Attributes:
        number: the same for all that are alike.
        parts: the uncertain parts of holes that may still be looked at from here.
        held: those of them that are among its values already; code reads the others when it is run.
    """

    number: int
    parts: frozenset[str]
    held: frozenset[str]


def reads(root: Node) -> dict[Node, frozenset[Lambda | str]]:
    """What each node reads of what is around it: the parameters of functions outside of it, and holes by name.

    Args:
        root: a program's core graph, which has a cycle for every recursion.
    """
    nodes = nodes_of(root)
    found: dict[Node, frozenset[Lambda | str]] = dict.fromkeys(nodes, frozenset())
    is_done = False
    while not is_done:
        is_done = True
        for node in reversed(nodes):
            own = _own(node).union(*(found[part] for part in parts_of(node)))
            own = own - {node} if isinstance(node, Lambda) else own
            if own != found[node]:
                found[node], is_done = own, False
    return found


def _own(node: Node) -> frozenset[Lambda | str]:
    match node:
        case core.Variable(binder):
            return frozenset((binder,))
        case core.Unknown(name):
            return frozenset((name,))
        case _:
            return frozenset()


class Alike:
    """Numbers the states of one program.

    Args:
        root: its core graph.
        holes: for each hole the uncertain parts that it has.
        origins: the node that the code of each `id` was made of.
        function_of: the function with a body.
    """

    def __init__(
        self,
        root: Node,
        holes: Mapping[str, frozenset[str]],
        origins: Mapping[int, Node],
        function_of: Callable[[Code], Lambda],
    ) -> None:
        self.reads = reads(root)
        self.holes = holes
        self.origins = origins
        self.function_of = function_of
        self.numbers: dict[object, int] = {}
        self.pairs: dict[int, tuple[Pair, Kind]] = {}  # what has a number is kept, so that no other gets its identity
        self.frames: dict[int, tuple[Frame, Kind]] = {}

    def state(self, code: Code, environment: Environment, frame: Frame) -> Kind:
        """The kind of a state."""
        value = code.load(environment, frame)
        if value is NOTHING:
            here = trampoline(self._around((id(code),), (self.origins[id(code)],), environment))
        else:
            here = self.value(value)
        return self._kind(("state",), (here, self.frame(frame)))

    def value(self, value: Value) -> Kind:
        """The kind of a value."""
        return trampoline(self._value(value))

    def frame(self, frame: Frame) -> Kind:
        """The kind of what waits, with all that waits for its value in turn."""
        chain: list[Any] = []
        while not isinstance(frame, Halt) and id(frame) not in self.frames:
            chain.append(frame)
            frame = frame.frame  # pyright: ignore[reportAttributeAccessIssue]
        outer = self._kind(("halt",), ()) if isinstance(frame, Halt) else self.frames[id(frame)][1]
        for one in reversed(chain):
            outer = self._kind((type(one).__name__,), (trampoline(self._frame(one)), outer))
            self.frames[id(one)] = one, outer
        return outer

    def _kind(self, facts: tuple[object, ...], of: Sequence[Kind], more: frozenset[str] = frozenset()) -> Kind:
        number = self.numbers.setdefault((facts, *(one.number for one in of)), len(self.numbers))
        return Kind(number, more.union(*(one.parts for one in of)), frozenset[str]().union(*(one.held for one in of)))

    def _value(self, value: Value) -> Any:
        match value:
            case Asked(part=part):
                return Kind(self._kind(("part", part), ()).number, frozenset((part,)), frozenset((part,)))
            case Pair(head, tail):
                if id(value) not in self.pairs:
                    parts = ((yield self._value(head)), (yield self._value(tail)))
                    self.pairs[id(value)] = value, self._kind(("pair",), parts)
                return self.pairs[id(value)][1]
            case Partial(operator, operand):
                return self._kind(("partial", operator), ((yield self._value(operand)),))
            case CodeClosure(body, environment):
                return (yield self._around((id(body),), (body.node,), environment))
            case _:
                return self._kind(("atom", type(value).__name__, value), ())

    def _frame(self, frame: Frame) -> Any:
        match frame:
            case cek.Call(body, environment):
                return (yield self._around((id(body),), (self.function_of(body),), environment))
            case cek.CallPrimitive(function) | cek.Refuse(function):
                return (yield self._value(function))
            case cek.Argument(argument, environment):
                return (yield self._around((id(argument),), (self.origins[id(argument)],), environment))
            case cek.Operand(operator, right, environment):
                return (yield self._around((operator, id(right)), (self.origins[id(right)],), environment))
            case cek.Branch(one, other, environment):
                nodes = self.origins[id(one)], self.origins[id(other)]
                return (yield self._around((id(one), id(other)), nodes, environment))
            case _:
                return self._kind((), ())

    def _around(self, facts: tuple[object, ...], nodes: Iterable[Node], environment: Environment) -> Any:
        """The kind of code: what it is, and what the variables and holes are that it reads."""
        read = frozenset[Lambda | str]().union(*(self.reads[node] for node in nodes))
        lookup = reading(environment)
        values: list[Kind] = []
        for binder in sorted((one for one in read if isinstance(one, Lambda)), key=lambda one: one.depth):
            values.append((yield self._value(lookup(binder))))
        parts = frozenset[str]().union(*(self.holes.get(one, ()) for one in read if isinstance(one, str)))
        return self._kind(("code", *facts), values, parts)
