"""The abstract machine of the Lisp as a table of rules: what each does to its registers, in words and in fact.

There are three registers: the control, which is a place in the program; the environment, a chain of the values of the
variables around it; and the frame, a chain of what waits for a value. Each step applies one of some twenty rules, the same
for all programs. The steps are those of `neurallambda.lang.evaluate`, one for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from neurallambda.errors import ArgumentError
from neurallambda.lang import core
from neurallambda.lang.core import Delay, Lambda, Node, Operator
from neurallambda.lang.primitives import call_primitive, is_function
from neurallambda.lang.values import Closure, Partial, Value

Environment = tuple[Value, Any] | None
NOTHING: Any = object()
"""What stands for the value where there is none."""


class Frame(NamedTuple):
    """What waits for a value.

    Attributes:
        kind: what it will do with the value.
        node: the place in the program that it comes from.
        held: a value that it holds: a function or an operand.
        environment: the environment to go on in.
        next: the frame below.
    """

    kind: str
    node: Node | None = None
    held: Any = NOTHING
    environment: Environment = None
    next: "Frame | None" = None


class Registers(NamedTuple):
    """Where a run stands. The control is a node, or a value that was found."""

    control: Node | Value
    environment: Environment
    frame: Frame


@dataclass(frozen=True, eq=False, slots=True)
class FunctionValue(Closure):
    """A function or thunk with its variables."""

    code: Lambda | Delay
    environment: Environment

    def lookup(self, binder: Lambda) -> Value:
        """The value of an enclosing parameter."""
        return _outer(self.environment, self.code.depth - binder.depth - 1)[0]


HALT = Frame("halt")


def _outer(environment: Environment, distance: int) -> Any:
    for _ in range(distance):
        assert environment is not None
        environment = environment[1]
    return environment


class Place(NamedTuple):
    """A place in a program: a node, and how many variables are bound there."""

    number: int
    depth: int


def places(root: Node) -> dict[Node, Place]:
    """The places in a program, numbered in the order in which they are written; a function is gone into once."""
    found: dict[Node, Place] = {}
    todo: list[tuple[Node, int]] = [(root, 0)]
    while todo:
        node, depth = todo.pop()
        if node in found:
            continue
        found[node] = Place(len(found), depth)
        todo += reversed(list(_parts(node, depth)))
    return found


def _parts(node: Node, depth: int) -> list[tuple[Node, int]]:
    match node:
        case Lambda():
            return [(node.body, node.depth + 1)]
        case Delay():
            return [(node.body, node.depth)]
        case core.Bind(function, argument):
            return [(function, depth), (argument, depth)]
        case core.Apply(function, argument):
            return [(function, depth), (argument, depth)]
        case core.Force(thunk):
            return [(thunk, depth)]
        case core.If(condition, consequent, alternative):
            return [(condition, depth), (consequent, depth), (alternative, depth)]
        case core.Unary(_, operand):
            return [(operand, depth)]
        case core.Binary(_, left, right):
            return [(left, depth), (right, depth)]
    return []


class Rule(NamedTuple):
    """A rule of the machine.

    Attributes:
        name: its name.
        control: what becomes of the control, in words.
        environment: what becomes of the environment.
        frame: what becomes of the frames.
        apply: the registers after it; `value` is that of the control, where it has one.
    """

    name: str
    control: str
    environment: str
    frame: str
    apply: Callable[["LispMachine", Registers, Any], Registers]


class LispMachine:
    """Runs one program.

    Args:
        root: the program, as `neurallambda.lang.lower` gives it, without holes.
        arguments: what its parameters stand for, if it is a function to be called; the run begins with its body.

    Raises:
        ArgumentError: there are more arguments than parameters.
    """

    def __init__(self, root: Node, arguments: Sequence[Value] = ()) -> None:
        self.places = places(root)
        environment: Environment = None
        for number, argument in enumerate(arguments):
            if not isinstance(root, Lambda):
                raise ArgumentError(f"arguments: got {len(arguments)}, and the program takes {number}")
            root, environment = root.body, (argument, environment)
        self.start = Registers(root, environment, HALT)

    def depth(self, node: Node) -> int:
        """How many variables are bound around a place."""
        return self.places[node].depth

    def value(self, registers: Registers) -> Any:
        """The value of the control, if it needs no step of its own, or `NOTHING`."""
        control, environment, frame = registers
        match control:
            case core.Constant(value):
                return value
            case core.Variable(binder):
                return _outer(environment, self.depth(control) - binder.depth - 1)[0]
            case Lambda() if frame.kind in ("argument", "call"):  # a function that is called or bound at once
                return self.closure(control, environment)
            case Node():
                return NOTHING
        return control

    def closure(self, node: Lambda | Delay, environment: Environment) -> FunctionValue:
        """A function with the variables around it. A recursive function is met deeper than where it was defined."""
        return FunctionValue(node, _outer(environment, _length(environment) - node.depth))

    def rule(self, registers: Registers) -> Rule:
        """The rule that applies.

        Raises:
            ArgumentError: none does, for the program is in error.
        """
        value = self.value(registers)
        name = _begun(registers.control) if value is NOTHING else _taken(registers.frame, value)
        if name is None:
            raise ArgumentError(f"program: no rule applies where a value meets the frame {registers.frame.kind!r}")
        return RULES[name]

    def apply(self, rule: Rule, registers: Registers) -> Registers:
        """The registers after a rule, which must be one that applies or at least fits.

        Raises:
            ArgumentError: it does not fit: what it takes is not there.
        """
        try:
            return rule.apply(self, registers, self.value(registers))
        except (AttributeError, TypeError, AssertionError):
            raise ArgumentError(f"rule {rule.name!r}: what it takes is not there") from None


def _length(environment: Environment) -> int:
    count = 0
    while environment is not None:
        environment, count = environment[1], count + 1
    return count


def _begun(control: object) -> str | None:
    """The rule that begins what needs steps of its own."""
    match control:
        case Lambda() | Delay():
            return "make"
        case core.Bind():
            return "bind"
        case core.Apply():
            return "apply"
        case core.Force():
            return "force"
        case core.If():
            return "if"
        case core.Unary():
            return "unary"
        case core.Binary():
            return "binary"
    return None


def _taken(frame: Frame, value: Any) -> str | None:
    """The rule that gives a value to the frame."""
    match frame.kind:
        case "argument":
            if isinstance(value, FunctionValue) and isinstance(value.code, Lambda):
                return "function"
            return "primitive" if isinstance(value, (Operator, Partial)) else None
        case "branch":
            return {True: "then", False: "else"}.get(value) if isinstance(value, bool) else None
        case "forcing":
            if isinstance(value, FunctionValue) and isinstance(value.code, Delay):
                return "run"
            return "keep" if is_function(value) else None
        case "compute":
            held = frame.held
            name = held.operator if isinstance(held, Partial) else held.name
            return f"compute {name}"
        case "call" | "operand" | "halt":
            return frame.kind
    return None


def _begin_apply(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return Registers(node.function, at.environment, Frame("argument", node, NOTHING, at.environment, at.frame))


def _begin_bind(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    around = machine.closure(node.function, at.environment)
    return Registers(node.argument, at.environment, Frame("call", node, around, None, at.frame))


def _begin_force(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return Registers(node.thunk, at.environment, Frame("forcing", node, next=at.frame))


def _begin_if(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return Registers(node.condition, at.environment, Frame("branch", node, NOTHING, at.environment, at.frame))


def _begin_unary(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return Registers(node.operand, at.environment, Frame("compute", node, Operator(node.operator), None, at.frame))


def _begin_binary(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return Registers(node.left, at.environment, Frame("operand", node, NOTHING, at.environment, at.frame))


def _make(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.control
    return at._replace(control=machine.closure(node, at.environment))


def _take_function(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.frame.node
    assert isinstance(value, FunctionValue)
    return Registers(node.argument, at.frame.environment, Frame("call", node, value, None, at.frame.next))


def _take_primitive(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.frame.node
    return Registers(node.argument, at.frame.environment, Frame("compute", node, value, None, at.frame.next))


def _take_call(machine: LispMachine, at: Registers, value: Any) -> Registers:
    called = at.frame.held
    return Registers(called.code.body, (value, called.environment), _below(at.frame))


def _take_operand(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.frame.node
    held = Partial(node.operator, value)
    return Registers(node.right, at.frame.environment, Frame("compute", node, held, None, at.frame.next))


def _take_then(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.frame.node
    return Registers(node.consequent, at.frame.environment, _below(at.frame))


def _take_else(machine: LispMachine, at: Registers, value: Any) -> Registers:
    node: Any = at.frame.node
    return Registers(node.alternative, at.frame.environment, _below(at.frame))


def _take_run(machine: LispMachine, at: Registers, value: Any) -> Registers:
    return Registers(value.code.body, value.environment, _below(at.frame))


def _take_keep(machine: LispMachine, at: Registers, value: Any) -> Registers:
    return Registers(value, at.environment, _below(at.frame))


def _compute(machine: LispMachine, at: Registers, value: Any) -> Registers:
    assert value is not NOTHING
    return Registers(call_primitive(at.frame.held, value, None), at.environment, _below(at.frame))


def _halt(machine: LispMachine, at: Registers, value: Any) -> Registers:
    return at


def _below(frame: Frame) -> Frame:
    assert frame.next is not None
    return frame.next


_OPERATORS = ("not", "car", "cdr", "listp", "empty?", "+", "-", "*", "/", "mod", "=", "<", ">", "<=", ">=", "cons")
RULES = {
    rule.name: rule
    for rule in (
        Rule("make", "a function", "stays", "stay", _make),
        Rule("apply", "the function", "stays", "put argument", _begin_apply),
        Rule("bind", "the argument", "stays", "put call", _begin_bind),
        Rule("force", "the thunk", "stays", "put forcing", _begin_force),
        Rule("if", "the condition", "stays", "put branch", _begin_if),
        Rule("unary", "the operand", "stays", "put compute", _begin_unary),
        Rule("binary", "the left operand", "stays", "put operand", _begin_binary),
        Rule("function", "the argument", "the frame's", "replace by call", _take_function),
        Rule("primitive", "the argument", "the frame's", "replace by compute", _take_primitive),
        Rule("call", "the body", "the function's, and the value", "remove", _take_call),
        Rule("operand", "the right operand", "the frame's", "replace by compute", _take_operand),
        Rule("then", "the consequent", "the frame's", "remove", _take_then),
        Rule("else", "the alternative", "the frame's", "remove", _take_else),
        Rule("run", "the body", "the thunk's", "remove", _take_run),
        Rule("keep", "the function", "stays", "remove", _take_keep),
        *(Rule(f"compute {name}", f"what {name} gives", "stays", "remove", _compute) for name in _OPERATORS),
        Rule("halt", "stays", "stays", "stay", _halt),
    )
}
"""The rules by name."""
