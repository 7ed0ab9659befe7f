"""What a caller gave for a hole, as a value of the language: an atom, or a list of such, nested as deep as one likes."""

from collections.abc import Iterator
from typing import Any

from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.values import Pair, Value


def value_of(filling: Any) -> Value:
    """A filling without uncertain parts as a value.

    >>> value_of([1, "+"]).head
    1
    """
    if isinstance(filling, str):
        return Operator(filling)
    if not isinstance(filling, (list, tuple)):
        return filling
    value: Value = NIL
    for item in reversed(filling):
        value = Pair(value_of(item), value)
    return value


def parts_of(filling: Any) -> Iterator[Any]:
    """The parts of a filling that are no lists, in order."""
    if isinstance(filling, (list, tuple)):
        for item in filling:
            yield from parts_of(item)
    else:
        yield filling


def rebuilt(filling: Any, parts: Iterator[Any]) -> Any:
    """The same lists with other parts.

    >>> rebuilt([1, [2]], iter("ab"))
    ['a', ['b']]
    """
    return [rebuilt(item, parts) for item in filling] if isinstance(filling, (list, tuple)) else next(parts)


def outside(filling: Any, integers: range | None) -> int | None:
    """The first integer in a filling that is outside the declared range; None: there is none."""
    if integers is None:
        return None
    return next((part for part in parts_of(filling) if type(part) is int and part not in integers), None)
