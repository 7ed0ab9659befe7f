"""Rows with slots, found by what is seen; and whether two rows can say different things about the same."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Generic, NamedTuple, Protocol, TypeVar

from neurallambda.automata.rules.rule import Slot, overlaps
from neurallambda.automata.rules.vocabulary import ANY


class Row(Protocol):
    """A row that needs to see something."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What it needs to see."""
        ...


RowT = TypeVar("RowT", bound=Row)


class Clash(NamedTuple):
    """Two rows, by their numbers, that fit the same situation and say different things of it."""

    one: int
    other: int


class Lookup(Generic[RowT]):
    """Finds the row that fits what is seen, and remembers every answer.

    Args:
        rows: the rows, of which no two clash.
    """

    def __init__(self, rows: Sequence[RowT]) -> None:
        self._named = {row.slots: row for row in rows if ANY not in row.slots}
        self._open = [row for row in rows if ANY in row.slots]
        self._found: dict[tuple[Slot, ...], RowT | None] = {}

    def at(self, seen: tuple[Slot, ...]) -> RowT | None:
        """The row that fits; None where none does.

        Args:
            seen: what stands in each slot.
        """
        if seen not in self._found:
            row = self._named.get(seen)
            self._found[seen] = row or next((row for row in self._open if _fits(row.slots, seen)), None)
        return self._found[seen]


def clash(rows: Sequence[Row], says: Sequence[str]) -> Clash | None:
    """The first two rows that can fit the same situation and say different things; None where there are none.

    Args:
        rows: the rows.
        says: what each says.
    """
    named: dict[tuple[Slot, ...], list[int]] = defaultdict(list)
    open_ended: list[int] = []
    for number, row in enumerate(rows):
        if ANY in row.slots:
            open_ended.append(number)
        else:
            named[row.slots].append(number)
    pairs = [pair for group in named.values() for pair in combinations(group, 2)]
    pairs += combinations(open_ended, 2)
    pairs += [(one, number) for one in open_ended for group in named.values() for number in group]
    found = [
        Clash(min(pair), max(pair))
        for pair in pairs
        if says[pair[0]] != says[pair[1]] and all(map(overlaps, rows[pair[0]].slots, rows[pair[1]].slots))
    ]
    return min(found, default=None)


def _fits(slots: tuple[Slot, ...], seen: tuple[Slot, ...]) -> bool:
    return all(slot in (ANY, shown) for slot, shown in zip(slots, seen, strict=True))
