"""Labelled strings from a machine: members, strings from outside, and near misses, seeded."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.negatives import Outside
from neurallambda.automata.languages.language import Language
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.errors import ArgumentError, ProgramError, check_count

MEMBER, OUTSIDE, NEAR_MISS = "member", "non-member", "near-miss"


@checked
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to generate.

    Attributes:
        size: how many strings.
        lengths: which lengths, and how often each, among those of which there are strings.
        negatives: the share that is not accepted, from 0 to 1.
        near_misses: the share of those that is at edit distance 1 or 2 from an accepted string, from 0 to 1. At a length
            where no near miss is found, others from outside take its place.
        negative_lengths: the lengths of strings that are not accepted, chosen apart from those of the accepted ones, so that
            the length may tell the label. None: they follow the lengths of the accepted strings.
        distinct: never the same string twice.
        seed: the seed; the same recipe gives the same rows.

    Raises:
        ArgumentError: a number is out of its range.
    """

    size: int
    lengths: Lengths
    negatives: float = 0.0
    near_misses: float = 0.5
    negative_lengths: Lengths | None = None
    distinct: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("size", self.size, least=0)
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

    So that the length of a string does not tell its label, strings that are not accepted have the lengths of those that
    are, one for one, and lengths at which all strings or none are accepted are left out. Where nothing is accepted,
    strings from outside alone are drawn, of the lengths asked for.

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
    drawn = _Repeats()
    for row in _rows(machine, recipe, limits):
        drawn.note(row)
        yield row
    drawn.warn()


def _rows(machine: Automaton, recipe: Recipe, limits: Limits) -> Iterator[Row]:
    if not recipe.size:
        return
    random = Random(recipe.seed)
    refused = round(recipe.size * recipe.negatives)
    plan = _Plan(machine, recipe, limits, accepted=recipe.size - refused)
    near = round(refused * recipe.near_misses) if plan.inside else 0
    kinds = [MEMBER] * plan.accepted + [OUTSIDE] * (refused - near) + [NEAR_MISS] * near
    random.shuffle(kinds)
    seen: set[tuple[str, ...]] | None = set() if recipe.distinct else None
    members: Iterator[Row] = iter(())
    if plan.accepted:
        assert plan.inside is not None
        planned = plan.inside.draws(plan.accepted, random)
        drawer = _Drawer(plan.member, plan.inside, planned, random, MEMBER)
        members = (drawer.draw(seen) for _ in range(plan.accepted))
        if seen is not None:  # where a length is used up others are taken, and what is refused follows those
            members = iter(drawn := list(members))
            planned = [len(row.string) for row in drawn]
        following = _repeated(planned, refused, random)
    else:
        following = plan.outside_lengths.draws(refused, random)
    near_lengths = plan.outside_lengths
    if not plan.follows and plan.inside:
        near_lengths = plan.inside
        following = plan.outside_lengths.draws(refused - near, random) + near_lengths.draws(near, random)
    outside = _Drawer(plan.outsider, plan.outside_lengths, following[: refused - near], random, OUTSIDE)
    missing = _Drawer(plan.near_miss, near_lengths, following[refused - near :], random, NEAR_MISS)
    for kind in kinds:
        yield next(members) if kind == MEMBER else (outside if kind == OUTSIDE else missing).draw(seen)


def _repeated(lengths: list[int], size: int, random: Random) -> list[int]:
    """`size` of the lengths in random order, all of them before any comes again."""
    found: list[int] = []
    while len(found) < size:
        found += random.sample(lengths, len(lengths))
    return found[:size]


class _Plan:
    """Which lengths to draw from, and how to make a row of each kind.

    Attributes:
        accepted: how many members.
        inside: the lengths of members; None where there is none and none is asked for.
        outside_lengths: the lengths of strings that are not accepted.
        follows: whether those are the lengths of members.
    """

    def __init__(self, machine: Automaton, recipe: Recipe, limits: Limits, *, accepted: int) -> None:
        self.accepted = accepted
        self._language: Language = machine.language(limits)
        self._outside = Outside(machine, limits)
        self._random = Random(f"strings {recipe.seed}")
        self.follows = recipe.negative_lengths is None
        lengths = recipe.lengths
        present = lengths.only([n for n in lengths if not self._language.is_empty(n)])
        if present is None and accepted:
            raise TooFewError(f"no string of length {_span(lengths)} is accepted", available=0)
        self.inside, self.outside_lengths = present, recipe.negative_lengths or lengths
        if accepted and recipe.distinct:
            self._check_distinct()
        if present is not None and self.follows and accepted < recipe.size:
            both = present.only([n for n in present if self._outside.may_exist(n)])
            if both is not None:
                self.inside = self.outside_lengths = both
                return
            self.follows = False
            if accepted and any(map(self._outside.may_exist, lengths)):
                warnings.warn(
                    f"at each length from {_span(lengths)} all strings are accepted or none, so the length tells the label",
                    DataWarning,
                    stacklevel=4,
                )

    def _check_distinct(self) -> None:
        """Refuse a number of distinct members that do not exist."""
        assert self.inside is not None
        total = 0
        for n in self.inside:
            try:
                total += self._language.count(n)
            except ProgramError:
                return
            if total >= self.accepted:
                return
        raise TooFewError(
            f"{self.accepted} distinct accepted strings were asked for, but only {total} of length "
            f"{_span(self.inside)} exist",
            available=total,
        )

    def member(self, length: int) -> Row:
        """An accepted string."""
        return Row(self._language.draw(length, self._random), True, MEMBER)

    def outsider(self, length: int) -> Row | None:
        """A string that is not accepted, if there is one of this length."""
        string = self._outside.draw(length, self._random)
        return None if string is None else Row(string, False, OUTSIDE)

    def near_miss(self, length: int) -> Row | None:
        """A string that is nearly accepted; where none of this length is found, any that is not accepted."""
        allowed = [length] if self.follows else list(self.outside_lengths)
        found = self._outside.near_miss(self._language.draw(length, self._random), allowed, self._random)
        if found is not None:
            return Row(found.string, False, NEAR_MISS)
        return self.outsider(length) if self.follows else None


class DataWarning(UserWarning):
    """A data set can be drawn as asked for, but will hardly be what was meant."""


class _Repeats:
    """Notices where the same few strings are drawn again and again."""

    def __init__(self) -> None:
        self._drawn = {True: 0, False: 0}
        self._seen: dict[bool, set[int]] = {True: set(), False: set()}

    def note(self, row: Row) -> None:
        self._drawn[row.label] += 1
        self._seen[row.label].add(hash(row.string))

    def warn(self) -> None:
        for label, drawn in self._drawn.items():
            distinct = len(self._seen[label])
            if drawn >= _MANY and drawn >= _OFTEN * distinct:
                warnings.warn(
                    f"{drawn} strings that are {'' if label else 'not '}accepted were drawn, but only {distinct} of them "
                    f"are distinct: there are few of these lengths. Ask for more lengths, or for distinct strings",
                    DataWarning,
                    stacklevel=3,
                )


_MANY, _OFTEN = 100, 5
"""It is said where at least so many strings were drawn, each so many times on average."""


class _Drawer:
    """Draws rows of one kind, of the planned lengths; with `seen`, each only once, leaving lengths that seem used up."""

    def __init__(
        self,
        make: Callable[[int], Row | None],
        lengths: Lengths,
        planned: Sequence[int],
        random: Random,
        kind: str,
    ) -> None:
        self._make = make
        self._lengths = lengths
        self._random = random
        self._kind = kind
        self._planned = list(reversed(planned))

    def draw(self, seen: set[tuple[str, ...]] | None) -> Row:
        length = self._planned.pop()
        while True:
            for _ in range(_FRUITLESS if seen is not None else 1):
                row = self._make(length)
                if row is None or seen is None or row.string not in seen:
                    break
            else:
                row = None
            if row is not None:
                if seen is not None:
                    seen.add(row.string)
                return row
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
