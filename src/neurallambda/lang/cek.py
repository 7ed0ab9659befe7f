"""The machine of the reference evaluator.

A CEK machine (control, environment, continuation) in plain Python over the core graph. It keeps nothing it does not
need: a loop of tail calls runs in constant memory for as long as it likes, and nothing here uses Python's stack.

It takes the very steps of the differentiable machine: reading a variable or a constant is part of the step that asks
for it, and so is making a closure that is called or bound at once.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import Delay, Lambda, Operator
from neurallambda.lang.primitives import call_primitive, given, is_function, no_function
from neurallambda.lang.values import Closure, Partial, Value

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
class Body:
    """The body of a function or thunk, shared by all its closures."""

    node: Lambda | Delay
    code: Code


@dataclass(slots=True, eq=False)
class CodeClosure(Closure):
    body: Body
    environment: Environment

    @property
    def code(self) -> Lambda | Delay:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.body.node

    def lookup(self, binder: Lambda) -> Value:
        return outer_environment(self.environment, self.body.node.depth - binder.depth - 1)[0]


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
        if isinstance(value, CodeClosure) and isinstance(value.body.node, Lambda):
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
        if isinstance(value, CodeClosure) and isinstance(value.body.node, Delay):
            return value.body.code, value.environment, self.frame
        if not is_function(value):
            raise ProgramError(ErrorKind.NOT_A_FUNCTION, no_function(value))
        return Load(value), environment, self.frame


def outer_environment(environment: Environment, distance: int) -> Any:
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
