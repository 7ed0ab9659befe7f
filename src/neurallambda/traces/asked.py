"""Parts of holes that nobody has looked at yet: they go through a program as values, until a step needs what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurallambda.lang.cek import (
    Argument,
    Branch,
    CallPrimitive,
    CodeClosure,
    Environment,
    Forcing,
    Frame,
    Observing,
)
from neurallambda.lang.chances import Chances
from neurallambda.lang.core import Operator
from neurallambda.lang.given_values import parts_of, value_of
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Pair, Partial, Unbound, Value


@dataclass(frozen=True, slots=True)
class Asked(Unbound):
    """Stands for an uncertain part of a hole; terms have its name, as `?a`, or `?xs/0` for the first item of `?xs`.

    Attributes:
        part: the name without its question mark.
        is_whole: whether it is all of its hole, which is looked at where it is read.
    """

    part: str
    is_whole: bool


@dataclass(frozen=True)
class Asking:
    """The holes of a program.

    Attributes:
        holes: what each stands for, with `Asked` in the place of what is uncertain.
        parts: what each uncertain part may be, by its name.
        of: the names of the parts of each hole.
    """

    holes: Mapping[str, Any]
    parts: Mapping[str, Chances]
    of: Mapping[str, frozenset[str]]


def asking(given: Mapping[str, Any]) -> Asking:
    """Name the uncertain parts of holes.

    Args:
        given: an atom, `Chances`, or a list of such, for each hole.

    Example:
        >>> found = asking({"xs": [1, Chances((2, 3), (1, 1))]})
        >>> list(found.parts), found.holes["xs"][1].name
        (['xs/1'], '?xs/1')
    """
    parts: dict[str, Chances] = {}
    sign = "/"
    while any(f"{name}{sign}" in other for name in given for other in given):
        sign += "/"  # so no part has the name of a hole

    def asked(name: str, filling: Any, *, is_whole: bool) -> Any:
        if isinstance(filling, (list, tuple)):
            return [asked(f"{name}{sign}{place}", item, is_whole=False) for place, item in enumerate(filling)]
        if not isinstance(filling, Chances):
            return filling
        parts[name] = filling
        return Asked(f"?{name}", name, is_whole)

    holes = {name: asked(name, filling, is_whole=True) for name, filling in given.items()}
    of = {
        name: frozenset(one.part for one in parts_of(filling) if isinstance(one, Asked))
        for name, filling in holes.items()
    }
    return Asking(holes, parts, of)


def looked_at(frame: Frame, value: Value) -> list[Asked]:
    """What a step looks at, and does not only pass on, where `value` has come that `frame` waits for.

    A list is looked at without its items. What the program ends in is another matter: all of that is looked at.
    """
    looks: list[Value] = []
    match frame:
        case CallPrimitive(Partial(operator, operand)) if operator != "cons":
            looks = [operand, value]
        case CallPrimitive(Operator("not")) | Argument() | Branch() | Observing() | Forcing():
            looks = [value]
        case _:
            pass
    if isinstance(value, Asked) and value.is_whole and value not in looks:
        looks.append(value)
    return [one for one in looks if isinstance(one, Asked)]


def with_known(frame: Frame, memory: Mapping[str, Any]) -> Frame:
    """A frame, with the operand that it holds as what that is known to be."""
    match frame:
        case CallPrimitive(Partial(operator, Asked() as operand), outer):
            return CallPrimitive(Partial(operator, known(operand, memory)), outer)
        case _:
            return frame


def known(value: Value, memory: Mapping[str, Any]) -> Value:
    """A part as what it is known to be; everything else as it is."""
    return value_of(memory[value.part]) if isinstance(value, Asked) and value.part in memory else value


def wholly_known(value: Value, memory: Mapping[str, Any]) -> Value:
    """A value with all parts in it as what they are known to be, also those that functions have captured."""
    return trampoline(_wholly_known(value, memory, {}))


def _wholly_known(value: Value, memory: Mapping[str, Any], done: dict[int, Value]) -> Any:
    if id(value) in done:
        return done[id(value)]
    match value:
        case Pair(head, tail):
            found: Value = Pair((yield _wholly_known(head, memory, done)), (yield _wholly_known(tail, memory, done)))
        case Partial(operator, operand):
            found = Partial(operator, (yield _wholly_known(operand, memory, done)))
        case CodeClosure(body, environment):
            values: list[Value] = []
            while environment is not None:
                one, environment = environment
                values.append((yield _wholly_known(one, memory, done)))
            inside: Environment = None
            for one in reversed(values):
                inside = one, inside
            found = CodeClosure(body, inside)
        case _:
            return known(value, memory)
    done[id(value)] = found
    return found
