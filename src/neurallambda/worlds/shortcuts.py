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

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.worlds.given import Rows, no_hole

if TYPE_CHECKING:
    from neurallambda.worlds.found import Found
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
    symbols: Mapping[str, Sequence[Any] | Tensor],
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
    for name in symbols:
        if name not in program.holes:
            raise ArgumentError(f"symbols: {no_hole(name, program.holes)}")
    symbols = {name: seen.tolist() if isinstance(seen, Tensor) else seen for name, seen in symbols.items()}
    rows = [_Row(symbols, place, row) for row in range(_count(symbols))]
    _check_rows(observations, len(rows))
    found = _run(program, observations, rows, _columns([row.seen for row in rows], values))
    right = found.log_evidence.tolist()
    for row, ends in enumerate(found.distribution()):
        if all(isinstance(end, ErrorKind) for end, _ in ends):  # impossible, where there is no end
            raise ArgumentError(
                f"symbols: row {row} tells nothing, as what is really seen there ends in {found.error(row)}"
            )
    left, order = torch.zeros(1, 0, dtype=torch.int64), list[int]()
    waiting = _different(rows, observations)
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
            left = _possible(program, observations, rows[row], right[row], left, order, values)
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


def _check_rows(observations: Mapping[str, Any], rows: int) -> None:
    """Refuse observations that have other rows than the symbols.

    Raises:
        ArgumentError: naming the hole.
    """
    for name, given in observations.items():
        found = (
            len(given.values)
            if isinstance(given, Rows)
            else len(given)
            if isinstance(given, Tensor) and given.dim()
            else rows
        )
        if found != rows:
            raise ArgumentError(f"holes[{name!r}]: it has {found} rows, and the symbols have {rows}; expected as many")


def _different(rows: list["_Row"], observations: Mapping[str, Any]) -> list[int]:
    """The rows without those that say what another has said: the same symbols with the same observations."""
    found: dict[Any, int] = {}
    for row in rows:
        observed = [_of_row(given, row.number) for given in observations.values()]
        found.setdefault(repr((row.seen, observed)), row.number)
    return list(found.values())


def _of_row(given: Any, row: int) -> Any:
    if isinstance(given, Rows):
        return given.values[row]
    return given[row].tolist() if isinstance(given, Tensor) and given.dim() else None  # all rows have the same


def _possible(
    program: "WorldsProgram", observations: Mapping[str, Any], row: _Row, right: float,
    left: Tensor, order: list[int], values: Sequence[Any],
) -> Tensor:  # fmt: skip
    """The relabellings by which a row is as likely as it really is."""
    column = {symbol: number for number, symbol in enumerate(order)}
    used = sorted(column[symbol] for symbol in row.symbols)
    distinct, which = _distinct(left[:, used], len(values))
    image = {order[place]: number for number, place in enumerate(used)}
    evidence: list[float] = []
    for some in distinct.split(MOST_AT_ONCE):
        seen = {name: _mapped(one, image, some) for name, one in row.seen.items()}
        columns = {name: _named(one, some, values) for name, one in seen.items()}
        evidence += _run(program, observations, [row] * len(some), columns).log_evidence.tolist()
    same = torch.tensor([abs(one - right) < 1e-9 or one == right for one in evidence])
    return left[same[which]]


def _distinct(images: Tensor, values: int) -> tuple[Tensor, Tensor]:
    """The rows that differ, and which of them each row is: rows are numbers, whose digits are the images."""
    if values ** images.shape[1] >= 2**63:
        return torch.unique(images, dim=0, return_inverse=True)
    places = torch.tensor([values**place for place in range(images.shape[1])])
    numbers, which = torch.unique((images * places).sum(1), return_inverse=True)
    return numbers[:, None] // places % values, which


def _mapped(seen: Any, image: Mapping[int, int], images: Tensor) -> Any:
    """What is seen in a row, with the place of the image of each symbol."""
    return [_mapped(one, image, images) for one in seen] if isinstance(seen, list) else image[seen]


def _named(seen: Any, images: Tensor, values: Sequence[Any]) -> Tensor | Rows:
    """What a hole is, under each of the relabellings: a tensor where there can be one, which is read at once."""
    kinds = {type(value) for value in values}
    is_flat = not isinstance(seen, list) or not any(isinstance(one, list) for one in seen)
    if is_flat and kinds in ({int}, {bool}) and all(abs(int(value)) < 2**62 for value in values):
        return torch.tensor(list(values))[images[:, seen]]
    return Rows([_picked(seen, row, values) for row in images.tolist()])


def _picked(seen: Any, images: list[int], values: Sequence[Any]) -> Any:
    return [_picked(one, images, values) for one in seen] if isinstance(seen, list) else values[images[seen]]


def _columns(seen: list[dict[str, Any]], values: Sequence[Any]) -> dict[str, Rows]:
    """What is really seen in each row, as holes."""
    itself = list(range(len(values)))
    return {name: Rows([_picked(row[name], itself, values) for row in seen]) for name in seen[0]}


def _run(
    program: "WorldsProgram", observations: Mapping[str, Any], rows: Sequence[_Row], columns: Mapping[str, Any]
) -> "Found":
    """What is found out in each row, where this is what is seen."""
    index = torch.tensor([row.number for row in rows])
    holes: dict[str, Any] = dict(columns)
    for name, given in observations.items():
        if isinstance(given, Tensor) and given.dim():
            holes[name] = given[index.to(given.device)]
        else:
            holes[name] = Rows([given.values[row.number] for row in rows]) if isinstance(given, Rows) else given
    return program.infer(holes, batch=len(rows))


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
