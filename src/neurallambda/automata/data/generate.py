"""Labelled strings from a machine: members, strings from outside, and near misses, seeded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.negatives import Outside
from neurallambda.automata.languages.language import Language
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.errors import ArgumentError, ProgramError

MEMBER, OUTSIDE, NEAR_MISS = "member", "non-member", "near-miss"


@checked
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to generate.

    Attributes:
        size: how many strings.
        lengths: which lengths, and how often each, among those of which there are strings.
        negatives: the share that is not accepted, from 0 to 1.
        near_misses: the share of those that is at edit distance 1 or 2 from an accepted string, from 0 to 1.
        distinct: never the same string twice.
        seed: the seed; the same recipe gives the same rows.

    Raises:
        ArgumentError: a number is out of its range.
    """

    size: int
    lengths: Lengths
    negatives: float = 0.0
    near_misses: float = 0.5
    distinct: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ArgumentError(f"size is at least 0, got {self.size}")
        for name in ("negatives", "near_misses"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} is a share, from 0 to 1; got {getattr(self, name)}")


@dataclass(frozen=True)
class Row:
    """One labelled string.

    Attributes:
        string: the symbols, without markers.
        label: is it accepted?
        kind: `member`, `non-member` or `near-miss`.
    """

    string: tuple[str, ...]
    label: bool
    kind: str


class TooFewError(ArgumentError):
    """There are not as many strings as were asked for. `available` says how many there are, None where not known."""

    def __init__(self, message: str, *, available: int | None) -> None:
        super().__init__(message)
        self.available = available


@checked
def generate(machine: Automaton, recipe: Recipe, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Row]:
    """Draw labelled strings.

    Args:
        machine: the machine.
        recipe: what to draw.
        limits: how far counting, searching and each verdict may go.

    Yields:
        The rows, members and others mixed.

    Raises:
        TooFewError: nothing can be drawn, or fewer distinct strings exist than were asked for. Raised before the first
            row where counting can tell.
    """
    random = Random(recipe.seed)
    negatives = round(recipe.size * recipe.negatives)
    near = round(negatives * recipe.near_misses)
    kinds = [MEMBER] * (recipe.size - negatives) + [OUTSIDE] * (negatives - near) + [NEAR_MISS] * near
    random.shuffle(kinds)
    inside = _Inside(machine, recipe.lengths, limits) if recipe.size - negatives + near else None
    outside = Outside(machine, limits)
    makers: dict[str, Callable[[int], tuple[str, ...] | None]] = {OUTSIDE: lambda n: outside.draw(n, random)}
    if inside:
        if recipe.distinct:
            inside.check_distinct(recipe.size - negatives)
        makers[MEMBER] = lambda n: inside.language.draw(n, random)
        makers[NEAR_MISS] = lambda n: _near_miss(outside, inside, n, recipe.lengths, random)
    drawers = {
        kind: _Drawer(
            make, inside.lengths if inside and kind != OUTSIDE else recipe.lengths, kinds.count(kind), random, kind
        )
        for kind, make in makers.items()
    }
    seen: set[tuple[str, ...]] | None = set() if recipe.distinct else None
    for kind in kinds:
        yield Row(drawers[kind].draw(seen), kind == MEMBER, kind)


def _near_miss(
    outside: Outside, inside: "_Inside", length: int, lengths: Lengths, random: Random
) -> tuple[str, ...] | None:
    found = outside.near_miss(inside.language.draw(length, random), list(lengths), random)
    return found.string if found else None


class _Inside:
    """The accepted strings of the lengths asked for."""

    def __init__(self, machine: Automaton, lengths: Lengths, limits: Limits) -> None:
        self.language: Language = machine.language(limits)
        present = lengths.only([n for n in lengths if not self.language.is_empty(n)])
        if present is None:
            raise TooFewError(f"no string of length {_span(lengths)} is accepted", available=0)
        self.lengths = present

    def check_distinct(self, wanted: int) -> None:
        """Refuse a number of distinct members that do not exist."""
        total = 0
        for n in self.lengths:
            try:
                total += self.language.count(n)
            except ProgramError:
                return
            if total >= wanted:
                return
        raise TooFewError(
            f"{wanted} distinct accepted strings were asked for, but only {total} of length {_span(self.lengths)} exist",
            available=total,
        )


class _Drawer:
    """Draws strings of one kind; with `seen`, each only once, leaving lengths that seem used up."""

    def __init__(
        self,
        make: Callable[[int], tuple[str, ...] | None],
        lengths: Lengths,
        size: int,
        random: Random,
        kind: str,
    ) -> None:
        self._make = make
        self._lengths = lengths
        self._random = random
        self._kind = kind
        self._planned = lengths.draws(size, random)[::-1]

    def draw(self, seen: set[tuple[str, ...]] | None) -> tuple[str, ...]:
        length = self._planned.pop()
        while True:
            for _ in range(_FRUITLESS if seen is not None else 1):
                string = self._make(length)
                if string is None or seen is None or string not in seen:
                    break
            else:
                string = None
            if string is not None:
                if seen is not None:
                    seen.add(string)
                return string
            length = self._without(length)

    def _without(self, length: int) -> int:
        """Another length, now that this one gives nothing more."""
        left = self._lengths.only([n for n in self._lengths if n != length])
        if left is None:
            raise TooFewError(f"no further {self._kind} string of the lengths asked for was found", available=None)
        self._lengths = left
        self._planned = [n if n in left.weights else left.draws(1, self._random)[0] for n in self._planned]
        return left.draws(1, self._random)[0]


_FRUITLESS = 1000


def _span(lengths: Lengths) -> str:
    found = sorted(lengths)
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
