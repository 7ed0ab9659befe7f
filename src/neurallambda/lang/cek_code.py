"""A program of the core graph as code for the machine of the reference evaluator."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurallambda.lang import core
from neurallambda.lang.cek import (
    NOTHING,
    Argument,
    Body,
    Branch,
    Call,
    CallPrimitive,
    Code,
    CodeClosure,
    Environment,
    Forcing,
    Frame,
    Load,
    Observing,
    Operand,
    State,
    outer_environment,
)
from neurallambda.lang.core import Atom, Delay, Lambda, Node, Operator, unfilled_hole
from neurallambda.lang.draws import Draws, drawing
from neurallambda.lang.given_values import outside, value_of
from neurallambda.lang.primitives import overflow
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Pair, Value


@dataclass(slots=True)
class _Oversized(Code):
    value: int
    integers: range

    def begin(self, environment: Environment, frame: Frame) -> State:
        overflow(self.value, self.integers)


@dataclass(slots=True)
class _Read(Code):
    distance: int

    def load(self, environment: Environment, frame: Frame) -> Value:
        return outer_environment(environment, self.distance)[0]


@dataclass(slots=True)
class _Make(Code):
    """Make a closure; `distance` is how far out the function was defined."""

    body: Body
    distance: int

    def load(self, environment: Environment, frame: Frame) -> Any:
        if frame.takes_function and isinstance(self.body.node, Lambda):
            return CodeClosure(self.body, outer_environment(environment, self.distance))
        return NOTHING

    def begin(self, environment: Environment, frame: Frame) -> State:
        return Load(CodeClosure(self.body, outer_environment(environment, self.distance))), environment, frame


@dataclass(slots=True)
class _Apply(Code):
    function: Code
    argument: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.function, environment, Argument(self.argument, environment, frame)


@dataclass(slots=True)
class _Bind(Code):
    body: Body
    distance: int
    argument: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.argument, environment, Call(self.body.code, outer_environment(environment, self.distance), frame)


@dataclass(slots=True)
class _Force(Code):
    thunk: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.thunk, environment, Forcing(frame)


@dataclass(slots=True)
class _If(Code):
    condition: Code
    consequent: Code
    alternative: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.condition, environment, Branch(self.consequent, self.alternative, environment, frame)


@dataclass(slots=True)
class _Draw(Code):
    """Something uncertain; `draw` says what it is this time."""

    draw: Callable[[], Value]
    integers: range | None

    def begin(self, environment: Environment, frame: Frame) -> State:
        value = self.draw()
        if self.integers is not None:
            for one in _integers(value):
                if one not in self.integers:
                    overflow(one, self.integers)
        return Load(value), environment, frame


def _integers(value: Value) -> Iterator[int]:
    """The integers of what was drawn, in order."""
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, Pair):
            todo += [part.tail, part.head]
        elif type(part) is int:
            yield part


@dataclass(slots=True)
class _Observe(Code):
    condition: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.condition, environment, Observing(frame)


@dataclass(slots=True)
class _Unary(Code):
    operator: str
    operand: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.operand, environment, CallPrimitive(Operator(self.operator), frame)


@dataclass(slots=True)
class _Binary(Code):
    operator: str
    left: Code
    right: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.left, environment, Operand(self.operator, self.right, environment, frame)


def compile_core(
    root: Node,
    holes: Mapping[str, Any],
    integers: range | None,
    origins: dict[int, Node] | None = None,
    draws: Draws | None = None,
) -> Code:
    """A program as code.

    Args:
        root: the program.
        holes: what each hole stands for: an atom, or a list of what may stand for one.
        integers: the declared range; None: unbounded.
        origins: filled, where it is given, with the node that the code of each `id` was made of.
        draws: what is drawn where the program draws.

    Raises:
        SourceError: where a hole is not filled, or something is to be drawn and nobody says how.
    """
    bodies: dict[Lambda | Delay, Body] = {}

    def body(node: Lambda | Delay) -> Body:
        if node not in bodies:
            bodies[node] = Body(node, Code())
            unfinished.append(bodies[node])
        return bodies[node]

    def constant(value: Atom) -> Code:
        if type(value) is int and integers is not None and value not in integers:
            return _Oversized(value, integers)
        return Load(value)

    def compiled(node: Node, depth: int) -> Any:
        code = yield written(node, depth)
        if origins is not None:
            origins[id(code)] = node
        return code

    def written(node: Node, depth: int) -> Any:
        match node:
            case core.Constant(value):
                return constant(value)
            case core.Unknown(name):
                if name not in holes:
                    raise unfilled_hole(name, node)
                beyond = outside(holes[name], integers)
                return Load(value_of(holes[name])) if beyond is None else _Oversized(beyond, integers or range(0))
            case core.Sample() | core.Flip():
                return _Draw(drawing(node, draws), integers)
            case core.Observe(condition):
                return _Observe((yield compiled(condition, depth)))
            case core.Variable(binder):
                return _Read(depth - binder.depth - 1)
            case Lambda() | Delay():
                return _Make(body(node), depth - node.depth)
            case core.Bind(function, argument):
                return _Bind(body(function), depth - function.depth, (yield compiled(argument, depth)))
            case core.Apply(function, argument):
                return _Apply((yield compiled(function, depth)), (yield compiled(argument, depth)))
            case core.Force(thunk):
                return _Force((yield compiled(thunk, depth)))
            case core.If(condition, consequent, alternative):
                parts = []
                for part in (condition, consequent, alternative):
                    parts.append((yield compiled(part, depth)))
                return _If(*parts)
            case core.Unary(operator, operand):
                return _Unary(operator, (yield compiled(operand, depth)))
            case core.Binary(operator, left, right):
                return _Binary(operator, (yield compiled(left, depth)), (yield compiled(right, depth)))
        raise AssertionError(f"not a core node: {type(node).__name__}")

    unfinished: list[Body] = []
    code = trampoline(compiled(root, 0))
    while unfinished:
        item = unfinished.pop()
        item.code = trampoline(compiled(item.node.body, item.node.depth + isinstance(item.node, Lambda)))
    return code
