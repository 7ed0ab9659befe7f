"""The machine of the reference evaluator.

A CEK machine (control, environment, continuation) in plain Python over the core graph. It keeps nothing it does not
need: a loop of tail calls runs in constant memory for as long as it likes, and nothing here uses Python's stack.

It takes the very steps of the differentiable machine: reading a variable or a constant is part of the step that asks
for it, and so is making a closure that is called or bound at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import core
from neurallambda.lang.core import Atom, Delay, Lambda, Node, Operator, unfilled_hole
from neurallambda.lang.draws import Draws, drawing
from neurallambda.lang.given_values import outside, value_of
from neurallambda.lang.primitives import call_primitive, given, is_function, no_function, overflow
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Closure, Pair, Partial, Value

Environment = tuple[Value, Any] | None
"""The values of the variables around a node, innermost first: `(value, outer)`."""

NOTHING: Any = object()
"""What code gives that needs a step of its own."""


class Code:
    """A core node ready to run: variables are distances, known functions are found.

    `load` gives the value of what needs no step of its own, else `NOTHING`; then `begin` takes the step.
    """

    __slots__ = ()

    def load(self, environment: Environment, frame: "Frame") -> Any:
        return NOTHING

    def begin(self, environment: Environment, frame: "Frame") -> "State":
        raise AssertionError(f"{type(self).__name__} is loaded, never begun")


class Frame:
    """What waits for a value."""

    __slots__ = ()
    takes_function: ClassVar[bool] = False  # a closure made for this frame needs no step of its own

    def take(self, value: Value, environment: Environment, integers: range | None) -> "State":
        raise NotImplementedError


State = tuple[Code, Environment, Frame]


@dataclass(slots=True)
class Load(Code):
    value: Value

    def load(self, environment: Environment, frame: Frame) -> Value:
        return self.value


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
        return _outer(environment, self.distance)[0]


@dataclass(slots=True)
class _Body:
    """The body of a function or thunk, shared by all its closures."""

    node: Lambda | Delay
    code: Code


@dataclass(slots=True, eq=False)
class _Closure(Closure):
    body: _Body
    environment: Environment

    @property
    def code(self) -> Lambda | Delay:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.body.node

    def lookup(self, binder: Lambda) -> Value:
        return _outer(self.environment, self.body.node.depth - binder.depth - 1)[0]


@dataclass(slots=True)
class _Make(Code):
    """Make a closure; `distance` is how far out the function was defined."""

    body: _Body
    distance: int

    def load(self, environment: Environment, frame: Frame) -> Any:
        if frame.takes_function and isinstance(self.body.node, Lambda):
            return _Closure(self.body, _outer(environment, self.distance))
        return NOTHING

    def begin(self, environment: Environment, frame: Frame) -> State:
        return Load(_Closure(self.body, _outer(environment, self.distance))), environment, frame


@dataclass(slots=True)
class _Apply(Code):
    function: Code
    argument: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.function, environment, Argument(self.argument, environment, frame)


@dataclass(slots=True)
class _Bind(Code):
    body: _Body
    distance: int
    argument: Code

    def begin(self, environment: Environment, frame: Frame) -> State:
        return self.argument, environment, Call(self.body.code, _outer(environment, self.distance), frame)


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


class Halt(Frame):
    __slots__ = ()


@dataclass(slots=True)
class Argument(Frame):
    """The function is being evaluated; next its argument."""

    takes_function = True
    argument: Code
    environment: Environment
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        if isinstance(value, _Closure) and isinstance(value.body.node, Lambda):
            waiting: Frame = Call(value.body.code, value.environment, self.frame)
        elif isinstance(value, (Operator, Partial)):
            waiting = CallPrimitive(value, self.frame)
        else:
            waiting = Refuse(value, self.frame)
        return self.argument, self.environment, waiting


@dataclass(slots=True)
class Call(Frame):
    """The argument is being evaluated; next the body."""

    takes_function = True
    body: Code
    environment: Environment
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        return self.body, (value, self.environment), self.frame


@dataclass(slots=True)
class CallPrimitive(Frame):
    function: Operator | Partial
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        return Load(call_primitive(self.function, value, integers)), environment, self.frame


@dataclass(slots=True)
class Operand(Frame):
    """The left operand is being evaluated; next the right."""

    operator: str
    right: Code
    environment: Environment
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        return self.right, self.environment, CallPrimitive(Partial(self.operator, value), self.frame)


@dataclass(slots=True)
class Refuse(Frame):
    """The argument of something that is no function is being evaluated; then the call fails."""

    function: Value
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        thunk = isinstance(self.function, Closure)
        reason = "a thunk takes no argument, and was given one" if thunk else no_function(self.function)
        raise ProgramError(ErrorKind.NOT_A_FUNCTION, reason)


@dataclass(slots=True)
class Branch(Frame):
    """The condition is being evaluated; next one of the branches."""

    consequent: Code
    alternative: Code
    environment: Environment
    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        if not isinstance(value, bool):
            raise ProgramError(ErrorKind.NOT_A_BOOLEAN, given("if", value, "boolean"))
        return self.consequent if value else self.alternative, self.environment, self.frame


@dataclass(slots=True)
class Observing(Frame):
    """What is observed is being evaluated; where it is false, nothing goes on."""

    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        if not isinstance(value, bool):
            raise ProgramError(ErrorKind.NOT_A_BOOLEAN, given("observe", value, "boolean"))
        if not value:
            raise ProgramError(ErrorKind.IMPOSSIBLE, "what `observe` was given is false")
        return Load(value), environment, self.frame


@dataclass(slots=True)
class Forcing(Frame):
    """A thunk is being evaluated; next its body. A function with parameters is itself."""

    frame: Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> State:
        if isinstance(value, _Closure) and isinstance(value.body.node, Delay):
            return value.body.code, value.environment, self.frame
        if not is_function(value):
            raise ProgramError(ErrorKind.NOT_A_FUNCTION, no_function(value))
        return Load(value), environment, self.frame


def _outer(environment: Environment, distance: int) -> Any:
    """The environment `distance` variables further out."""
    for _ in range(distance):
        environment = environment[1]  # pyright: ignore[reportOptionalSubscript]
    return environment


def run(code: Code, integers: range | None, max_steps: int | None) -> tuple[Value, int]:
    """Run code to its value; gives the steps too.

    Raises:
        ProgramError: the named error that it ends in, with the steps.
    """
    environment: Environment = None
    frame: Frame = Halt()
    steps, limit = 0, float("inf") if max_steps is None else max_steps
    try:
        while True:
            if steps >= limit:
                raise ProgramError(ErrorKind.OUT_OF_STEPS, out_of_steps(steps))
            steps += 1
            value = code.load(environment, frame)
            if value is NOTHING:
                code, environment, frame = code.begin(environment, frame)
            elif type(frame) is Halt:
                return value, steps
            else:
                code, environment, frame = frame.take(value, environment, integers)
    except ProgramError as error:
        error.steps = steps
        raise


def out_of_steps(steps: int) -> str:
    """What is said of a program that has no value after so many steps."""
    return f"no value after {steps:,} steps; allow more to go on"


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
    bodies: dict[Lambda | Delay, _Body] = {}

    def body(node: Lambda | Delay) -> _Body:
        if node not in bodies:
            bodies[node] = _Body(node, Code())
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

    unfinished: list[_Body] = []
    code = trampoline(compiled(root, 0))
    while unfinished:
        item = unfinished.pop()
        item.code = trampoline(compiled(item.node.body, item.node.depth + isinstance(item.node, Lambda)))
    return code
