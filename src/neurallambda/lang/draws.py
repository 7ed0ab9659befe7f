"""What is drawn while the reference evaluator runs: as given, or at random by a seed."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

from neurallambda.errors import ArgumentError, SourceError
from neurallambda.lang import core
from neurallambda.lang.chances import Chances
from neurallambda.lang.core import Operator
from neurallambda.lang.values import Value


class MissingDrawError(ArgumentError):
    """One more draw is needed than were given; `chances` says what it may be, as far as that is known."""

    def __init__(self, message: str, chances: Chances | None, name: str | None) -> None:
        super().__init__(message)
        self.chances = chances
        self.name = name


class Draws:
    """Draws in the order in which a program makes them.

    Args:
        given: the first of them.
        random: what makes those after; None: there are none after.
        holes: the distributions that samples are from.
    """

    def __init__(self, given: Sequence[Any], random: Random | None, holes: Mapping[str, Any]) -> None:
        self.given = given
        self.random = random
        self.holes = holes
        self.made: list[Any] = []

    def draw(self, node: core.Sample | core.Flip) -> Value:
        """The next draw."""
        name = node.name if isinstance(node, core.Sample) else None
        chances = self.sampled(node) if isinstance(node, core.Sample) else coin(node)
        if len(self.made) < len(self.given):
            value = self.given[len(self.made)]
            _check(value, chances, len(self.made))
        elif self.random is None:
            line, column = node.at or (0, 0)
            raise MissingDrawError(
                f"draws: got {len(self.given)}, and the program draws once more, at line {line}, column {column}; "
                f"give one for each draw, or a seed",
                chances,
                name,
            )
        elif chances is None:
            raise ArgumentError(f"holes[{name!r}]: it is sampled; expected Chances(values, weights) to draw from")
        else:
            (value,) = self.random.choices(chances.values, [float(weight) for weight in chances.weights])
        self.made.append(value)
        return Operator(value) if isinstance(value, str) else value

    def sampled(self, node: core.Sample) -> Chances | None:
        """The distribution that a sample is from, where it is known."""
        hole = self.holes.get(node.name)
        if isinstance(hole, (list, tuple)):
            raise ArgumentError(f"holes[{node.name!r}]: got a list, and (sample ?{node.name}) draws one thing")
        if hole is None or isinstance(hole, Chances):
            return hole
        return Chances((hole,), (1,))


def coin(node: core.Flip) -> Chances:
    """The distribution of `(flip heads sides)`."""
    heads = Fraction(node.heads, node.sides)
    return Chances((True, False), (heads, 1 - heads))


def drawing(node: core.Sample | core.Flip, draws: Draws | None) -> Callable[[], Value]:
    """What draws at a node.

    Raises:
        SourceError: where nobody says how.
    """
    if draws is None:
        line, column = node.at or (0, 0)
        form = f"(sample ?{node.name})" if isinstance(node, core.Sample) else f"(flip {node.heads} {node.sides})"
        raise SourceError(
            f"line {line}, column {column}: {form} draws; give `draws` or a `seed` to evaluate, or ask the engine worlds for "
            f"the distribution",
            line=line,
            column=column,
        )
    return lambda: draws.draw(node)


def settled(holes: Mapping[str, Any], random: Random | None) -> dict[str, Any]:
    """The holes with everything uncertain in them drawn, in order.

    Raises:
        ArgumentError: where something is uncertain, and there is nothing to draw by.
    """
    return {name: _settled(name, filling, random) for name, filling in holes.items()}


def _settled(name: str, filling: Any, random: Random | None) -> Any:
    if isinstance(filling, (list, tuple)):
        return [_settled(name, item, random) for item in filling]
    if not isinstance(filling, Chances):
        return filling
    if random is None:
        raise ArgumentError(f"holes[{name!r}]: got several values; expected one, or a `seed` to draw one by")
    return random.choices(filling.values, [float(weight) for weight in filling.weights])[0]


def _check(value: object, chances: Chances | None, place: int) -> None:
    if chances is not None and (type(value), value) not in {(type(one), one) for one in chances.values}:
        raise ArgumentError(f"draws: got {value!r} at place {place}, expected one of {chances.values}")
    if not isinstance(value, (int, str)):
        raise ArgumentError(f"draws: got {value!r} at place {place}, expected an integer, a boolean or a primitive")
