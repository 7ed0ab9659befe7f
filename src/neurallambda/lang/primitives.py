"""What the primitives do to values."""

import operator
from collections.abc import Callable
from typing import NoReturn

from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import BINARY_PRIMITIVES, UNARY_PRIMITIVES
from neurallambda.lang.values import Closure, Pair, Partial, Value, to_term

SOME_PAIR = Pair(NIL, NIL)
SOME_FUNCTION = Partial("+", 0)
"""Stand for a pair or a function of which nothing more is known."""

_LONGEST = 60
"""How many characters, and nodes, of a value a message shows."""
_LONG_INTEGER = 10**12

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
    """A value as text, for messages; one whose text is long, in a few words."""
    if value is SOME_PAIR or value is SOME_FUNCTION:
        return "a pair" if value is SOME_PAIR else "a function"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG_INTEGER:
        return "an integer of more than 12 digits"
    try:
        text = to_text(to_term(value, limit=_LONGEST), limit=_LONGEST)
        if len(text) <= _LONGEST:
            return text
    except (ProgramError, ArgumentError):
        pass
    return "a long list or pair" if isinstance(value, Pair) else "a function"


def apply_unary(name: str, operand: Value) -> Value:
    """Apply a primitive of one operand; a wrong operand raises `ProgramError`."""
    match name:
        case "not":
            if not isinstance(operand, bool):
                raise ProgramError(ErrorKind.NOT_A_BOOLEAN, given("not", operand, "boolean"))
            return not operand
        case "listp":
            return operand is NIL or isinstance(operand, Pair)
        case "empty?":
            return operand is NIL
    if not isinstance(operand, Pair):
        raise ProgramError(ErrorKind.NOT_A_PAIR, given(name, operand, "pair"))
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
            raise ProgramError(ErrorKind.NOT_AN_INTEGER, _not_integers(name, left, right, operand))
    assert isinstance(left, int) and isinstance(right, int)
    if name == "=":
        return left == right
    if name in ORDER:
        return ORDER[name](left, right)
    if right == 0 and name in ("/", "mod"):
        raise ProgramError(ErrorKind.DIVISION_BY_ZERO, f"`{name}` was asked to divide {describe(left)} by zero")
    result = ARITHMETIC[name](left, right)
    if integers is not None and result not in integers:
        overflow(result, integers)
    return result


def overflow(result: int, integers: range) -> NoReturn:
    """Refuse an integer outside the declared range."""
    raise ProgramError(
        ErrorKind.OVERFLOW, f"{describe(result)} is outside the integers {integers[0]} to {integers[-1]}"
    )


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


def given(name: str, value: Value, expected: str) -> str:
    """What is wrong where a form was given something else than it needs.

    >>> given("car", 5, "pair")
    '`car` was given 5, which is no pair'
    """
    return f"`{name}` was given {describe(value)}, which is no {expected}"


def no_function(value: Value) -> str:
    """What is wrong where something else than a function was called."""
    return f"{describe(value)} was called, which is no function"


def excessive(name: str | None, takes: int, count: int) -> str:
    """What is wrong where a function was given more than it takes; `name` is None where it has none.

    >>> excessive("+", 2, 3)
    '`+` takes 2 and was given 3'
    """
    return f"{f'`{name}`' if name else 'the function'} takes {takes} and was given {count}"


def _not_integers(name: str, left: Value, right: Value, wrong: Value) -> str:
    if name != "=":
        return given(name, wrong, "integer")
    return f"`=` was given {describe(left)} and {describe(right)}, which are neither both integers nor both booleans"
