"""Reasoning shortcuts: ways to name a classifier's symbols wrongly that no observation tells from the right one.

A network that learns what it sees only from what a program observes may learn any of them. So it is worth knowing, before
training, how many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurallambda.arguments import check_type
from neurallambda.errors import ArgumentError
from neurallambda.worlds.given import Rows

if TYPE_CHECKING:
    from neurallambda.worlds.program import WorldsProgram

MOST_AT_ONCE = 50_000
"""So many rows are run together."""


@dataclass(frozen=True)
class Shortcuts:
    """The relabellings that no observation tells from the right one.

    Attributes:
        count: how many there are, the right one not counted.
        example: one of them, what each symbol is taken for; None: there is none.
    """

    count: int
    example: dict[Any, Any] | None


def find_shortcuts(
    program: "WorldsProgram",
    observations: Mapping[str, Any],
    symbols: Mapping[str, Sequence[Any]],
    values: Sequence[Any],
    *,
    permutations: bool,
    most: int,
) -> Shortcuts:
    """Go through the relabellings symbol by symbol, and leave those that an observation rules out.

    Args:
        program: the program.
        observations: what is certain of each row.
        symbols: the holes that a classifier gives, with what is really seen in each row: a symbol, or a list of symbols.
        values: all symbols.
        permutations: whether different symbols stay different.
        most: how many relabellings may be looked at together.
    """
    place = {_key(value): number for number, value in enumerate(values)}
    if len(place) != len(values):
        raise ArgumentError(f"values: got {values!r:.60}; expected each once")
    rows = [_Row(symbols, place, row) for row in range(_count(symbols))]
    right = _evidence(program, observations, symbols, rows, [row.seen for row in rows], values)
    left, order = torch.zeros(1, 0, dtype=torch.int64), list[int]()
    waiting = list(range(len(rows)))
    while waiting:
        symbol = _next(rows, waiting, order)
        order.append(symbol)
        left = _extended(left, len(values), permutations)
        if len(left) > most:
            raise ArgumentError(
                f"most: there are {len(left):,} relabellings of {len(order)} symbols to look at; allow more of them"
            )
        known = [row for row in waiting if rows[row].symbols <= set(order)]
        waiting = [row for row in waiting if row not in known]
        for row in known:
            left = _possible(program, observations, symbols, rows[row], right[row], left, order, values)
    rest = len(values) - len(order)
    times = factorial(rest) if permutations else len(values) ** rest
    return Shortcuts(len(left) * times - 1, _example(left, order, values, permutations))


class _Row:
    """What is really seen in a row: for each hole the places of its symbols."""

    def __init__(self, symbols: Mapping[str, Sequence[Any]], place: Mapping[Any, int], number: int) -> None:
        self.number = number
        self.seen: dict[str, Any] = {}
        self.symbols: set[int] = set()
        for name, all_rows in symbols.items():
            seen = all_rows[number]
            seen = seen.tolist() if isinstance(seen, Tensor) else seen
            self.seen[name] = self._places(name, seen, place)

    def _places(self, name: str, seen: Any, place: Mapping[Any, int]) -> Any:
        if isinstance(seen, (list, tuple)):
            return [self._places(name, one, place) for one in seen]
        if _key(seen) not in place:
            raise ArgumentError(f"symbols[{name!r}]: row {self.number} has {seen!r}, which is not among the values")
        self.symbols.add(place[_key(seen)])
        return place[_key(seen)]


def _key(value: Any) -> Any:
    return type(value).__name__, value


def _count(symbols: Mapping[str, Sequence[Any]]) -> int:
    check_type("symbols", symbols, Mapping[str, Sequence[Any]])
    counts = {len(rows) for rows in symbols.values()}
    if len(counts) != 1 or counts == {0}:
        raise ArgumentError(f"symbols: got {sorted(counts)} rows; expected as many for each hole, and at least one")
    return counts.pop()


def _next(rows: list[_Row], waiting: list[int], order: list[int]) -> int:
    """The symbol to look at next: one that the row needs that needs fewest more."""
    needed = min((rows[row].symbols - set(order) for row in waiting), key=len)
    return min(needed)


def _extended(left: Tensor, values: int, permutations: bool) -> Tensor:
    """Each relabelling with every image that one symbol more may have."""
    images = torch.arange(values).repeat(len(left))
    longer = torch.cat([left.repeat_interleave(values, 0), images[:, None]], 1)
    if permutations:
        longer = longer[(longer[:, :-1] != longer[:, -1:]).all(1)]
    return longer


def _possible(
    program: "WorldsProgram", observations: Mapping[str, Any], symbols: Mapping[str, Sequence[Any]], row: _Row, right: float,
    left: Tensor, order: list[int], values: Sequence[Any],
) -> Tensor:  # fmt: skip
    """The relabellings by which a row is as likely as it really is."""
    column = {symbol: number for number, symbol in enumerate(order)}
    used = sorted(column[symbol] for symbol in row.symbols)
    distinct, which = torch.unique(left[:, used], dim=0, return_inverse=True)
    image = {order[place]: number for number, place in enumerate(used)}
    evidence: list[float] = []
    for start in range(0, len(distinct), MOST_AT_ONCE):
        some = distinct[start : start + MOST_AT_ONCE].tolist()
        seen = [{name: _mapped(one, image, images) for name, one in row.seen.items()} for images in some]
        evidence += _evidence(program, observations, symbols, [row] * len(some), seen, values)
    same = torch.tensor([abs(one - right) < 1e-9 or one == right for one in evidence])
    return left[same[which]]


def _mapped(seen: Any, image: Mapping[int, int], images: list[int]) -> Any:
    return [_mapped(one, image, images) for one in seen] if isinstance(seen, list) else images[image[seen]]


def _evidence(
    program: "WorldsProgram", observations: Mapping[str, Any], symbols: Mapping[str, Sequence[Any]], rows: list[_Row],
    seen: list[dict[str, Any]], values: Sequence[Any],
) -> list[float]:  # fmt: skip
    """How likely what is observed in each row is, where this is what is seen."""
    index = torch.tensor([row.number for row in rows])
    holes: dict[str, Any] = {name: Rows([_named(one[name], values) for one in seen]) for name in symbols}
    for name, given in observations.items():
        if isinstance(given, Tensor):
            holes[name] = given[index]
        else:
            holes[name] = Rows([given.values[row.number] for row in rows]) if isinstance(given, Rows) else given
    return program.infer(holes, batch=len(rows)).log_evidence.tolist()


def _named(seen: Any, values: Sequence[Any]) -> Any:
    return [_named(one, values) for one in seen] if isinstance(seen, list) else values[seen]


def _example(left: Tensor, order: list[int], values: Sequence[Any], permutations: bool) -> dict[Any, Any] | None:
    """A relabelling that is not the right one. Symbols that no row has may be taken for any that are left."""
    rest = [symbol for symbol in range(len(values)) if symbol not in order]
    wrong = (left != torch.tensor(order)).any(1) if order else torch.zeros(len(left), dtype=torch.bool)
    if bool(wrong.any()):
        images = left[wrong][0].tolist()
        free = [image for image in range(len(values)) if image not in images] if permutations else rest
    elif len(rest) > 1:
        images, free = order, rest[1:] + rest[:1]
    elif rest and len(values) > 1 and not permutations:
        images, free = order, [(rest[0] + 1) % len(values)]
    else:
        return None
    named = dict(zip([*order, *rest], [*images, *free], strict=True))
    return {values[symbol]: values[image] for symbol, image in sorted(named.items())}
