"""What is drawn while the reference evaluator runs: as given, or at random by a seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

from neurallambda.errors import ArgumentError, SourceError
from neurallambda.lang import core
from neurallambda.lang.chances import Chances
from neurallambda.lang.given_values import parts_of, rebuilt, value_of
from neurallambda.lang.values import Value


class MissingDrawError(ArgumentError):
    """One more draw is needed than were given; `chances` says what it may be, as far as that is known: of a list, for each part."""

    def __init__(self, message: str, chances: Any, name: str | None) -> None:
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
            value = list(value) if isinstance(value, tuple) else value
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
            value = _settled(str(name), chances, self.random)
        self.made.append(value)
        return value_of(value)

    def sampled(self, node: core.Sample) -> Any:
        """The distribution that a sample is from, where it is known; of a list, one for each part."""
        return _each(self.holes[node.name]) if node.name in self.holes else None


def _each(hole: Any) -> Any:
    """A distribution in the place of each part, also of what is certain."""
    if isinstance(hole, (list, tuple)):
        return [_each(item) for item in hole]
    return hole if isinstance(hole, Chances) else Chances((hole,), (1,))


def coin(node: core.Flip) -> Chances:
    """The distribution of `(flip heads sides)`."""
    heads = Fraction(node.heads, node.sides)
    return Chances((True, False), (heads, 1 - heads))


def options(chances: Any) -> Iterator[tuple[Any, Any]]:
    """What something may be, each with its probability, and nothing that has none; of a list all that its parts may be together.

    >>> list(options([7, Chances((1, 2), (1, 3))]))
    [([7, 1], 0.25), ([7, 2], 0.75)]
    """
    parts = [[(one, 1)] if not isinstance(one, Chances) else _possible(one) for one in parts_of(chances)]
    for combination in product(*parts):
        chance: Any = 1
        for _, each in combination:
            chance = chance * each
        yield rebuilt(chances, iter([one for one, _ in combination])), chance


def _possible(chances: Chances) -> list[tuple[Any, Any]]:
    return [(value, chance) for value, chance in zip(chances.values, chances.probabilities, strict=True) if chance]


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


def _check(value: object, chances: Any, place: int) -> None:
    """Refuse a draw that cannot be."""
    if isinstance(chances, list):
        if not isinstance(value, (list, tuple)) or len(value) != len(chances):
            raise ArgumentError(f"draws: got {value!r} at place {place}, expected a list of {len(chances)}")
        for item, chance in zip(value, chances, strict=True):
            _check(item, chance, place)
        return
    if chances is None and isinstance(value, (list, tuple)):
        for item in value:
            _check(item, None, place)
        return
    if chances is not None and not any(type(value) is type(one) and value == one for one in chances.values):
        raise ArgumentError(f"draws: got {value!r} at place {place}, expected one of {chances.values}")
    if not isinstance(value, (int, str)):
        raise ArgumentError(
            f"draws: got {value!r} at place {place}, expected an integer, a boolean, a primitive or a list"
        )
