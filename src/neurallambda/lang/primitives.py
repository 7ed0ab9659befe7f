"""What the primitives do to values."""

import operator
from collections.abc import Callable
from typing import Any, NoReturn

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.terms import BINARY_PRIMITIVES, UNARY_PRIMITIVES
from neurallambda.lang.values import Closure, Pair, Partial, Value

ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "mod": operator.mod,
}
ORDER: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def arity(name: str) -> int:
    """How many operands a primitive takes."""
    return 1 if name in UNARY_PRIMITIVES else 2


def describe(value: Value) -> str:
    """A few words on a value, for messages."""
    match value:
        case bool() | int() | Operator():
            return (
                {True: "true", False: "false"}[value] if isinstance(value, bool) else str(getattr(value, "name", value))
            )
        case Pair():
            return "a pair"
        case Partial() | Closure():
            return "a function"
        case _:
            return "the empty list"


def apply_unary(name: str, operand: Value) -> Value:
    """Apply a primitive of one operand; a wrong operand raises `ProgramError`."""
    match name:
        case "not":
            if not isinstance(operand, bool):
                _refuse(ErrorKind.NOT_A_BOOLEAN, "`not` needs a boolean", operand)
            return not operand
        case "listp":
            return operand is NIL or isinstance(operand, Pair)
        case "empty?":
            return operand is NIL
    if not isinstance(operand, Pair):
        _refuse(ErrorKind.NOT_A_PAIR, f"`{name}` needs a pair", operand)
    return operand.head if name == "car" else operand.tail


def apply_binary(name: str, left: Value, right: Value, integers: range | None = None) -> Value:
    """Apply a primitive of two operands; a result outside `integers` (None: no bound) is `overflow`."""
    if name == "cons":
        return Pair(left, right)
    if name == "=" and (left is NIL or right is NIL):
        return left is right
    if name == "=" and isinstance(left, bool) and isinstance(right, bool):
        return left == right
    for operand in (left, right):
        if not isinstance(operand, int) or isinstance(operand, bool):
            _refuse(ErrorKind.NOT_AN_INTEGER, f"`{name}` needs integers", operand)
    assert isinstance(left, int) and isinstance(right, int)
    if name == "=":
        return left == right
    if name in ORDER:
        return ORDER[name](left, right)
    if right == 0 and name in ("/", "mod"):
        raise ProgramError(ErrorKind.DIVISION_BY_ZERO, f"({name} {left} 0)")
    result = ARITHMETIC[name](left, right)
    if integers is not None and result not in integers:
        overflow(result, integers)
    return result


def overflow(result: int, integers: range) -> NoReturn:
    """Refuse an integer outside the declared range."""
    shown = str(result) if abs(result) < 10**12 else "an integer of more than 12 digits"
    raise ProgramError(ErrorKind.OVERFLOW, f"{shown} is outside the integers {integers[0]} to {integers[-1]}")


def is_function(value: Value) -> bool:
    """Whether a value can be called or forced."""
    return isinstance(value, (Closure, Partial, Operator))


def call_primitive(function: Operator | Partial, argument: Value, integers: range | None) -> Value:
    """Call a primitive used as a value: one operand at a time."""
    if isinstance(function, Partial):
        return apply_binary(function.operator, function.operand, argument, integers)
    if function.name in BINARY_PRIMITIVES:
        return Partial(function.name, argument)
    return apply_unary(function.name, argument)


def _refuse(kind: ErrorKind, need: str, got: Any) -> NoReturn:
    raise ProgramError(kind, f"{need}, got {describe(got)}")
