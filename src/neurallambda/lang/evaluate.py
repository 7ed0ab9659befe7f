"""The reference evaluator: the judge of every other engine.

A CEK machine (control, environment, continuation) in plain Python over the core graph. It keeps nothing it does not
need: a loop of tail calls runs in constant memory for as long as it likes, and nothing here uses Python's stack.

It takes the very steps of the differentiable machine: reading a variable or a constant is part of the step that asks
for it, and so is making a closure that is called or bound at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from neurallambda.arguments import checked
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import core
from neurallambda.lang.core import Atom, Delay, Lambda, Node, Operator, unfilled_hole
from neurallambda.lang.fillings import check_certain
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.primitives import call_primitive, describe, is_function, overflow
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Closure, Partial, Value, outcome_of

Environment = tuple[Value, Any] | None
"""The values of the variables around a node, innermost first: `(value, outer)`."""

_NOTHING: Any = object()


@checked
def evaluate(
    source: str | Program,
    *,
    holes: Mapping[str, int | bool | str] | None = None,
    integers: range | None = None,
    max_steps: int | None = None,
) -> Outcome:
    """Run a program to its value or its named error.

    Args:
        source: program text, or a parsed program.
        holes: what each `?name` in the program stands for: an integer, a boolean, or the name of a primitive.
        integers: the declared range; leaving it is `overflow`. None: unbounded.
        max_steps: how many steps to allow; more is `out-of-steps`. None: no limit.

    Raises:
        SourceError: where the text is not a program, or has a hole that `holes` does not fill.
        ArgumentError: where a hole is filled with something else.

    >>> evaluate("((fn [x] '(x x x)) 42)").text
    "'(42 42 42)"
    """
    filled = check_certain(holes)
    try:
        root = lower(parse(source) if isinstance(source, str) else source)
        value, steps = _run(_compile(root, filled, integers), integers, max_steps)
    except ProgramError as error:
        return Outcome(error=error.kind, message=error.message, steps=error.steps)
    return outcome_of(value, steps)


class _Code:
    """A core node ready to run: variables are distances, known functions are found.

    `load` gives the value of what needs no step of its own, else `_NOTHING`; then `begin` takes the step.
    """

    __slots__ = ()

    def load(self, environment: Environment, frame: "_Frame") -> Any:
        return _NOTHING

    def begin(self, environment: Environment, frame: "_Frame") -> "_State":
        raise AssertionError(f"{type(self).__name__} is loaded, never begun")


class _Frame:
    """What waits for a value."""

    __slots__ = ()
    takes_function: ClassVar[bool] = False  # a closure made for this frame needs no step of its own

    def take(self, value: Value, environment: Environment, integers: range | None) -> "_State":
        raise NotImplementedError


_State = tuple[_Code, Environment, _Frame]


@dataclass(slots=True)
class _Load(_Code):
    value: Value

    def load(self, environment: Environment, frame: _Frame) -> Value:
        return self.value


@dataclass(slots=True)
class _Oversized(_Code):
    value: int
    integers: range

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        overflow(self.value, self.integers)


@dataclass(slots=True)
class _Read(_Code):
    distance: int

    def load(self, environment: Environment, frame: _Frame) -> Value:
        return _outer(environment, self.distance)[0]


@dataclass(slots=True)
class _Body:
    """The body of a function or thunk, shared by all its closures."""

    node: Lambda | Delay
    code: _Code


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
class _Make(_Code):
    """Make a closure; `distance` is how far out the function was defined."""

    body: _Body
    distance: int

    def load(self, environment: Environment, frame: _Frame) -> Any:
        if frame.takes_function and isinstance(self.body.node, Lambda):
            return _Closure(self.body, _outer(environment, self.distance))
        return _NOTHING

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return _Load(_Closure(self.body, _outer(environment, self.distance))), environment, frame


@dataclass(slots=True)
class _Apply(_Code):
    function: _Code
    argument: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.function, environment, _Argument(self.argument, environment, frame)


@dataclass(slots=True)
class _Bind(_Code):
    body: _Body
    distance: int
    argument: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.argument, environment, _Call(self.body.code, _outer(environment, self.distance), frame)


@dataclass(slots=True)
class _Force(_Code):
    thunk: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.thunk, environment, _Forcing(frame)


@dataclass(slots=True)
class _If(_Code):
    condition: _Code
    consequent: _Code
    alternative: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.condition, environment, _Branch(self.consequent, self.alternative, environment, frame)


@dataclass(slots=True)
class _Unary(_Code):
    operator: str
    operand: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.operand, environment, _CallPrimitive(Operator(self.operator), frame)


@dataclass(slots=True)
class _Binary(_Code):
    operator: str
    left: _Code
    right: _Code

    def begin(self, environment: Environment, frame: _Frame) -> _State:
        return self.left, environment, _Operand(self.operator, self.right, environment, frame)


class _Halt(_Frame):
    __slots__ = ()


@dataclass(slots=True)
class _Argument(_Frame):
    """The function is being evaluated; next its argument."""

    takes_function = True
    argument: _Code
    environment: Environment
    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        if isinstance(value, _Closure) and isinstance(value.body.node, Lambda):
            waiting: _Frame = _Call(value.body.code, value.environment, self.frame)
        elif isinstance(value, (Operator, Partial)):
            waiting = _CallPrimitive(value, self.frame)
        else:
            waiting = _Refuse(value)
        return self.argument, self.environment, waiting


@dataclass(slots=True)
class _Call(_Frame):
    """The argument is being evaluated; next the body."""

    takes_function = True
    body: _Code
    environment: Environment
    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        return self.body, (value, self.environment), self.frame


@dataclass(slots=True)
class _CallPrimitive(_Frame):
    function: Operator | Partial
    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        return _Load(call_primitive(self.function, value, integers)), environment, self.frame


@dataclass(slots=True)
class _Operand(_Frame):
    """The left operand is being evaluated; next the right."""

    operator: str
    right: _Code
    environment: Environment
    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        return self.right, self.environment, _CallPrimitive(Partial(self.operator, value), self.frame)


@dataclass(slots=True)
class _Refuse(_Frame):
    """The argument of something that is no function is being evaluated; then the call fails."""

    function: Value

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        thunk = isinstance(self.function, Closure)
        reason = "a thunk takes no argument" if thunk else f"{describe(self.function)} was given an argument"
        raise ProgramError(ErrorKind.NOT_A_FUNCTION, reason)


@dataclass(slots=True)
class _Branch(_Frame):
    """The condition is being evaluated; next one of the branches."""

    consequent: _Code
    alternative: _Code
    environment: Environment
    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        if not isinstance(value, bool):
            raise ProgramError(ErrorKind.NOT_A_BOOLEAN, f"`if` needs a boolean, got {describe(value)}")
        return self.consequent if value else self.alternative, self.environment, self.frame


@dataclass(slots=True)
class _Forcing(_Frame):
    """A thunk is being evaluated; next its body. A function with parameters is itself."""

    frame: _Frame

    def take(self, value: Value, environment: Environment, integers: range | None) -> _State:
        if isinstance(value, _Closure) and isinstance(value.body.node, Delay):
            return value.body.code, value.environment, self.frame
        if not is_function(value):
            raise ProgramError(ErrorKind.NOT_A_FUNCTION, f"{describe(value)} was called")
        return _Load(value), environment, self.frame


def _outer(environment: Environment, distance: int) -> Any:
    """The environment `distance` variables further out."""
    for _ in range(distance):
        environment = environment[1]  # pyright: ignore[reportOptionalSubscript]
    return environment


def _run(code: _Code, integers: range | None, max_steps: int | None) -> tuple[Value, int]:
    environment: Environment = None
    frame: _Frame = _Halt()
    steps, limit = 0, float("inf") if max_steps is None else max_steps
    try:
        while True:
            if steps >= limit:
                raise ProgramError(ErrorKind.OUT_OF_STEPS, f"no value after {max_steps:,} steps; allow more to go on")
            steps += 1
            value = code.load(environment, frame)
            if value is _NOTHING:
                code, environment, frame = code.begin(environment, frame)
            elif type(frame) is _Halt:
                return value, steps
            else:
                code, environment, frame = frame.take(value, environment, integers)
    except ProgramError as error:
        error.steps = steps
        raise


def _compile(root: Node, holes: Mapping[str, int | bool | str], integers: range | None) -> _Code:
    bodies: dict[Lambda | Delay, _Body] = {}

    def body(node: Lambda | Delay) -> _Body:
        if node not in bodies:
            bodies[node] = _Body(node, _Code())
            unfinished.append(bodies[node])
        return bodies[node]

    def constant(value: Atom) -> _Code:
        if type(value) is int and integers is not None and value not in integers:
            return _Oversized(value, integers)
        return _Load(value)

    def compiled(node: Node, depth: int) -> Any:
        match node:
            case core.Constant(value):
                return constant(value)
            case core.Unknown(name):
                if name not in holes:
                    raise unfilled_hole(name, node)
                filling = holes[name]
                return constant(Operator(filling) if isinstance(filling, str) else filling)
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
