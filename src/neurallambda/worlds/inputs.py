"""The data of a run: what each hole is in each row, as words, and the leaves of what is to be drawn.

The parts of a hole are counted from its end. So all lists of parts that are alike share their cells, whatever their lengths,
and what can be reached from a cell are the parts up to its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.lang.core import unfilled_hole
from neurallambda.worlds.code import Code, Op
from neurallambda.worlds.given import Atom, Block, Rows, batch_of, block, check, is_uncertain
from neurallambda.worlds.heap import Column, Heap
from neurallambda.worlds.operate import Faults
from neurallambda.worlds.words import (
    EMPTY,
    ERRORS,
    FALSE,
    LEAST_OF_A_KIND,
    MOST_PARTS,
    PAIRS,
    TRUE,
    Kind,
    atom_word,
    part_word,
    word,
)

_OVERFLOW = ERRORS[ErrorKind.OVERFLOW]


@dataclass
class Holes:
    """What the holes of a program are.

    Attributes:
        batch: how many rows there are.
        names: the holes of which something is drawn, by number.
        given: what was given for each hole of the program.
        blocks: for each of those holes its blocks of leaves, with the first leaf of each and its first distance.
        most: for each of those holes how many parts it has in the row that has most.
        is_there: for each of those holes, by row and distance, whether there is a part.
        leaves, domains: for each of those holes, by row and distance, its first leaf, and which values it may have.
        sizes, words: for each domain how many values it has, and which.
        beyond: the holes with integers that are not declared, and the rows that are certain to have one.
        overflows: whether something that is drawn may be such an integer.
        which: for each row the number of its program; None: there is one program.
    """

    batch: int
    heap: Heap
    names: tuple[str, ...]
    given: Mapping[str, Any]
    columns: dict[str, Column] = field(default_factory=dict)
    blocks: list[list[tuple[Block, int, int]]] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    leaves: list[Tensor] = field(default_factory=list)
    domains: list[Tensor] = field(default_factory=list)
    sizes: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    words: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.int64))
    beyond: dict[str, Tensor] = field(default_factory=dict)
    overflows: bool = False
    leaf_count: int = 0
    which: Tensor | None = None
    is_there: list[Tensor] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of the holes of which something is drawn."""
        return {name: number for number, name in enumerate(self.names)}

    def value(self, name: str, rows: Tensor) -> Column:
        """What a hole is, in some rows."""
        values = self.columns[name]
        return values if isinstance(values, int) else values[rows]

    def too_large(self, name: str, values: Column, rows: Tensor) -> Faults:
        """Where a hole is an integer that is not declared."""
        wrong = self.beyond[name][rows]
        if isinstance(values, Tensor):
            wrong = wrong | (values >= word(Kind.ERROR, 0))
        return [(wrong, ErrorKind.OVERFLOW)] if bool(wrong.any()) else []

    def log_probabilities(self) -> Tensor:
        """The numbers of all leaves that are drawn: one axis."""
        logs = [one.log.reshape(-1) for blocks in self.blocks for one, _, _ in blocks]
        if not logs:
            return torch.zeros(0, dtype=torch.float64)
        return torch.cat([log.to(logs[0].device) for log in logs])

    def described(self, hole: int, distance: int, row: int) -> str:
        """A part in words."""
        if self.most[hole] == 1:
            return f"`?{self.names[hole]}`"
        for one, _, first in self.blocks[hole]:
            if one.lengths is not None:
                return f"item {int(one.lengths[row]) - distance + first - 1} of `?{self.names[hole]}`"
        return f"a part of `?{self.names[hole]}`"


def read_holes(code: Code, holes: object, integers: range, batch: int | None, *, hash_mask: int = -1) -> Holes:
    """Bring what stands for the holes of a program to the form in which it runs.

    Raises:
        ArgumentError: naming the hole that cannot be used.
        SourceError: where a hole is not filled.
    """
    given = check(holes)
    used = [name for name in dict.fromkeys((*code.holes, *sorted(code.sampled))) if name in given]
    for instruction in code.instructions:
        if instruction.op in (Op.HOLE, Op.SAMPLE) and instruction.detail not in given:
            assert instruction.node is not None
            raise unfilled_hole(instruction.detail, instruction.node)
    rows = batch_of(given, batch)
    uncertain = tuple(name for name in used if is_uncertain(given[name]))
    hashing = bool(uncertain) or code.flips
    reader = _Reader(Holes(rows, Heap(len(uncertain), hashing=hashing, mask=hash_mask), uncertain, given), integers)
    for name in used:
        reader.read(name, given[name])
    return reader.finish()


class _Reader:
    """Reads one hole after another."""

    def __init__(self, holes: Holes, integers: range) -> None:
        self.holes = holes
        self.integers = integers
        self.domain: dict[tuple[tuple[type, Atom], ...], int] = {}

    def read(self, name: str, given: Any) -> None:
        """Read one hole."""
        holes = self.holes
        if isinstance(given, Tensor):
            holes.columns[name] = self.tensor(name, given)
            return
        if isinstance(given, Rows) and len(given.values) != holes.batch:
            raise ArgumentError(f"holes[{name!r}]: got {len(given.values)} rows, expected {holes.batch}")
        number = holes.numbers.get(name)
        if number is None:
            holes.columns[name] = self.certain(name, given)
            return
        most = max(map(self.parts, given.values)) if isinstance(given, Rows) else self.parts(given)
        if most > MOST_PARTS:
            raise ArgumentError(f"holes[{name!r}]: got {most:,} uncertain parts, expected at most {MOST_PARTS:,}")
        holes.most.append(most)
        holes.leaves.append(torch.zeros(holes.batch, most + 1, dtype=torch.int64))
        holes.domains.append(torch.zeros(holes.batch, most + 1, dtype=torch.int64))
        holes.is_there.append(torch.zeros(holes.batch, most + 1, dtype=torch.bool))
        holes.blocks.append([])
        if isinstance(given, Rows):
            words = [self.nested(name, number, value, row, [0]) for row, value in enumerate(given.values)]
            holes.columns[name] = torch.tensor(words, dtype=torch.int64)
        else:
            holes.columns[name] = self.nested(name, number, given, None, [0])

    def parts(self, given: Any) -> int:
        """How many uncertain parts there are in one value."""
        if isinstance(given, (list, tuple)):
            return sum(map(self.parts, given))
        if isinstance(given, Soft) and given.logits.dim() == 3:
            return given.logits.shape[1]
        return int(isinstance(given, (Soft, Chances)))

    def nested(self, name: str, number: int, given: Any, row: int | None, taken: list[int]) -> Any:
        """The word of a value, whose parts are counted from its end; `taken` counts them."""
        if isinstance(given, (Soft, Chances)):
            return self.part(name, number, given, row, taken)
        if isinstance(given, (list, tuple)):
            value = EMPTY
            for item in reversed(given):
                head = self.nested(name, number, item, row, taken)
                value = self.holes.heap.write((head, value), 1, of=PAIRS)
            return value
        return self.atom(name, given, row)

    def part(self, name: str, number: int, given: Soft | Chances, row: int | None, taken: list[int]) -> Any:
        """The word of an uncertain part, or of a list of such."""
        holes = self.holes
        one = block(given, holes.batch, row)
        rows = one.log.shape[0]
        if rows != (holes.batch if row is None else 1):
            raise ArgumentError(f"holes[{name!r}]: got logits with {rows} rows, expected {holes.batch}")
        first = taken[0] + 1
        start = holes.leaf_count
        holes.blocks[number].append((one, start, first))
        holes.leaf_count += one.log.numel()
        domain = self.values(name, one, number)
        values = one.log.shape[-1]
        chosen = slice(None) if row is None else slice(row, row + 1)
        if one.lengths is None:
            taken[0] += 1
            holes.leaves[number][chosen, first] = start + torch.arange(rows) * values
            holes.domains[number][chosen, first] = domain
            holes.is_there[number][chosen, first] = True
            return part_word(number, first)
        time = one.log.shape[1]
        distance = torch.arange(1, time + 1)
        place = (one.lengths[:, None] - distance).clamp_min(0)
        holes.leaves[number][:, first : first + time] = start + (torch.arange(rows)[:, None] * time + place) * values
        holes.domains[number][:, first : first + time] = domain
        holes.is_there[number][:, first : first + time] = distance <= one.lengths[:, None]
        taken[0] += time
        cells = [EMPTY]
        for one_distance in range(first, first + time):
            cell = holes.heap.write((part_word(number, one_distance), cells[-1]), 1, of=PAIRS)
            assert isinstance(cell, int)
            cells.append(cell)
        return torch.tensor(cells, dtype=torch.int64)[one.lengths]

    def values(self, name: str, one: Block, number: int) -> int:
        """The number of the values that a part may have."""
        holes = self.holes
        beyond = [value for value in one.values if type(value) is int and value not in self.integers]
        if beyond:
            if holes.most[number] > 1 or one.row is not None:
                raise ArgumentError(
                    f"holes[{name!r}]: got {beyond[0]} in a list, expected integers from {self.integers[0]} to {self.integers[-1]}"
                )
            holes.beyond[name] = torch.zeros(holes.batch, dtype=torch.bool)
            holes.overflows = True
        return self.domain.setdefault(tuple((type(value), value) for value in one.values), len(self.domain))

    def atom(self, name: str, value: Any, row: int | None) -> int:
        """The word of a certain atom; the rows with one that is not declared are remembered."""
        if type(value) is int and value not in self.integers:
            rows = self.holes.beyond.setdefault(name, torch.zeros(self.holes.batch, dtype=torch.bool))
            rows[slice(None) if row is None else row] = True
            return 0
        return atom_word(value)

    def certain(self, name: str, given: Any) -> Column:
        """The column of a hole without anything uncertain."""
        if isinstance(given, Rows):
            words = [self.nested(name, -1, value, row, [0]) for row, value in enumerate(given.values)]
            return torch.tensor(words, dtype=torch.int64)
        return self.nested(name, -1, given, None, [0])

    def tensor(self, name: str, given: Tensor) -> Tensor:
        """The column of a tensor of atoms, or of one list for each row."""
        if given.shape[0] != self.holes.batch:
            raise ArgumentError(f"holes[{name!r}]: got {given.shape[0]} rows, expected {self.holes.batch}")
        if given.dtype == torch.bool:
            words = torch.where(given.cpu(), TRUE, FALSE)
        else:
            words = given.cpu().to(torch.int64)
            beyond = (words < self.integers.start) | (words >= self.integers.stop)
            if bool(beyond.any()):
                self.holes.beyond[name] = beyond.reshape(len(words), -1).any(1)
                words = torch.where(beyond, 0, words)
        if words.dim() == 1:
            return words
        value: Column = EMPTY
        for place in reversed(range(words.shape[1])):
            value = self.holes.heap.write((words[:, place].contiguous(), value), len(words), of=PAIRS)
        return torch.full((len(words),), value) if isinstance(value, int) else value

    def finish(self) -> Holes:
        """The holes, with tables of the values that parts may have."""
        largest = max(map(len, self.domain), default=0)
        table = torch.zeros(len(self.domain), largest, dtype=torch.int64)
        for values, number in self.domain.items():
            for place, (kind, value) in enumerate(values):
                is_declared = kind is not int or value in self.integers
                table[number, place] = atom_word(value) if is_declared else _OVERFLOW
        self.holes.words = table
        self.holes.sizes = torch.tensor([len(values) for values in self.domain], dtype=torch.int64)
        return self.holes


def is_number(value: int) -> bool:
    """Whether a word is an integer."""
    return value < LEAST_OF_A_KIND
