"""`--hole`: what a hole stands for, and what is said about the ends of a program that is soft."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurallambda.errors import ArgumentError, SourceError
from neurallambda.lang import chances as exact
from neurallambda.lang import terms
from neurallambda.lang.syntax.parser import parse_term

Atom = int | bool | str
"""An integer, a boolean, or the name of a primitive."""

MOST = 12
"""So many ends are shown at most."""


@dataclass(frozen=True)
class Chances:
    """Several values, each with its probability."""

    values: tuple[Atom, ...]
    probabilities: tuple[float, ...]


Hole = Atom | Chances | list[Any]
"""What a hole stands for; a list has such in it, nested as deep as one likes."""

_EXPECTED = (
    "expected NAME=VALUE with an integer, a boolean or a primitive, as in n=3, or NAME=VALUE:PROBABILITY,... with "
    "several, as in c=true:0.3,false:0.7; put quotes around operators, as in 'op=+:0.5,*:0.5'"
)
_LISTS = (
    "expected a list with a quote, its items with spaces between them and not within, as in xs='(1 2:0.5,3:0.5 '())"
)


def read_holes(texts: Iterable[str]) -> dict[str, Hole]:
    """All that `--hole` was given, lists too.

    >>> read_holes(["a=1:1,2:3", "xs='(1 true:0.5,false:0.5 '())"])["xs"]
    [1, Chances(values=(True, False), probabilities=(0.5, 0.5)), []]
    """
    holes: dict[str, Hole] = {}
    for text in texts:
        name, sign, given = text.partition("=")
        if sign and given.lstrip().startswith("'("):
            name = name.removeprefix("?")
            hole, rest = _list(name, given.strip()[2:])
            if rest.strip():
                raise ArgumentError(f"--hole: got {rest.strip()!r} after the list for {name!r}")
        elif sign and given.lstrip().startswith("(") and given.rstrip().endswith(")"):
            raise ArgumentError(f"--hole: got {given!r} for {name.removeprefix('?')!r}; {_LISTS}")
        else:
            name, hole = read_hole(text)
        if name in holes:
            raise ArgumentError(
                f"--hole: {name!r} is given twice; expected one value or one distribution for each hole"
            )
        holes[name] = hole
    return holes


def _list(name: str, text: str) -> tuple[list[Any], str]:
    """The items of a list after its opening bracket, and what comes after the closing one."""
    lists: list[list[Any]] = [[]]
    while True:
        text = text.lstrip()
        if text.startswith("'("):
            lists.append([])
            text = text[2:]
        elif text.startswith(")"):
            text = text[1:]
            items = lists.pop()
            if not lists:
                return items, text
            lists[-1].append(items)
        elif not text:
            raise ArgumentError(f"--hole: the list for {name!r} has no closing bracket")
        else:
            word = text.split()[0].split(")")[0]
            if word.endswith((",", ":")) or word.startswith((",", ":", "(")):
                raise ArgumentError(f"--hole: got {word!r} in the list for {name!r}; {_LISTS}")
            lists[-1].append(read_hole(f"{name}={word}")[1])
            text = text[len(word) :]


def parts(hole: Hole) -> Iterator[Atom | Chances]:
    """The parts of what a hole stands for that are no lists."""
    if isinstance(hole, list):
        for item in hole:
            yield from parts(item)
    else:
        yield hole


def exactly(hole: Hole) -> Any:
    """What a hole stands for, without tensors, as the engine worlds takes it."""
    if isinstance(hole, list):
        return [exactly(item) for item in hole]
    return exact.Chances(hole.values, hole.probabilities) if isinstance(hole, Chances) else hole


def read_hole(text: str) -> tuple[str, Hole]:
    """The name of a hole and what it stands for.

    Probabilities are made to sum to one.

    >>> read_hole("a=5"), read_hole("op=<=")
    (('a', 5), ('op', '<='))
    >>> read_hole("c=true:1,false:3")
    ('c', Chances(values=(True, False), probabilities=(0.25, 0.75)))
    """
    name, sign, given = text.partition("=")
    name = name.removeprefix("?")
    if not sign or not name:
        raise ArgumentError(f"--hole: got {text!r}; {_EXPECTED}")
    parts = given.split(",")
    if len(parts) == 1 and ":" not in given:
        return name, _atom(name, given)
    values: list[Atom] = []
    weights: list[float] = []
    for part in parts:
        value, colon, weight = part.strip().rpartition(":")
        if not colon:
            raise ArgumentError(f"--hole: got {part!r} for {name!r} without a probability; {_EXPECTED}")
        values.append(_atom(name, value))
        weights.append(_weight(name, weight))
    if len({(type(value), value) for value in values}) < len(values):
        raise ArgumentError(f"--hole: got {given!r} for {name!r}; expected each value once")
    total = sum(weights)
    if not 0 < total < math.inf:
        raise ArgumentError(f"--hole: got {given!r} for {name!r}; expected probabilities that are not all zero")
    return name, Chances(tuple(values), tuple(weight / total for weight in weights))


def _atom(name: str, text: str) -> Atom:
    try:
        match parse_term(text):
            case terms.Integer(atom) | terms.Boolean(atom) | terms.Primitive(atom):
                return atom
    except SourceError:
        pass
    raise ArgumentError(f"--hole: got {text!r} for {name!r}; {_EXPECTED}")


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ArgumentError(
            f"--hole: got the probability {text!r} for {name!r}; expected a number of at least 0, as 0.3"
        )
    return weight


def fillings(holes: Mapping[str, Hole]) -> dict[str, Any]:
    """What an engine takes; lists are for worlds alone."""
    if not any(isinstance(hole, Chances) for hole in holes.values()):
        return {name: exactly(hole) for name, hole in holes.items()}
    import torch

    from neurallambda.holes import Soft

    return {
        name: Soft(hole.values, torch.tensor(hole.probabilities, dtype=torch.float64).log())
        if isinstance(hole, Chances)
        else exactly(hole)
        for name, hole in holes.items()
    }


def table(ends: Sequence[tuple[float, str]]) -> str:
    """The ends of a program, each with its probability, the likeliest first."""
    shown = [f"{chance:11.3f}  {text}" for chance, text in ends[:MOST]]
    if ends[MOST:]:
        shown.append(f"{sum(chance for chance, _ in ends[MOST:]):11.3f}  {len(ends) - MOST} others")
    return "\n".join(["probability  end", *shown])
