"""Cells: a program as a graph of cells with two columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from neurallambda.beta.alphabet import Tag
from neurallambda.lang.terms import Program

ROOT = 0
"""The address of the root, whose first column is the program."""

Column = int | str | None
"""An address, an integer or an operator, as the cell's tag says; None is nothing."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A tag and two columns. A cell that stands for a name has its own address in the first one, as a symbol for the name."""

    tag: Tag = Tag.FREE
    first: Column = None
    second: Column = None


@dataclass(frozen=True)
class Cells:
    """A program as cells.

    Attributes:
        cells: the cell at each address.
        names: what the addresses in the first columns of names, holes and variables stand for.
        program: what the cells were written from, to tell errors by.
    """

    cells: tuple[Cell, ...]
    names: Mapping[int, str]
    program: Program | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.cells)

    def filled(self, holes: Mapping[str, Cell]) -> "Cells":
        """The same cells, with another in the place of each hole that has one."""
        cells = (
            holes.get(self.names[address], cell) if cell.tag is Tag.HOLE else cell
            for address, cell in enumerate(self.cells)
        )
        return replace(self, cells=tuple(cells))

    @property
    def operators(self) -> frozenset[str]:
        """The primitives that occur."""
        return frozenset(str(cell.first) for cell in self.cells if cell.tag in (Tag.UNARY, Tag.BINARY))

    @property
    def holes(self) -> frozenset[str]:
        """The names of the holes."""
        return frozenset(self.names[address] for address, cell in enumerate(self.cells) if cell.tag is Tag.HOLE)
