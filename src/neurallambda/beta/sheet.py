"""A sheet of cells while a program is written on it."""

from collections.abc import Sequence

from neurallambda.beta.alphabet import POINTS_FIRST, POINTS_SECOND, Tag
from neurallambda.beta.cells import Cell, Cells, Column
from neurallambda.errors import ErrorKind, ProgramError


class Sheet:
    """Cells, in the order of their addresses; some may be reserved and written later."""

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._names: dict[int, str] = {}
        self._by_name: dict[str, int] = {}
        self._aliases: dict[Column, int] = {}

    def reserve(self) -> int:
        """The address of a cell that is written later."""
        self._cells.append(Cell())
        return len(self._cells) - 1

    def put(self, cell: Cell, at: int | None = None) -> int:
        """Write a cell, at a reserved address or at the next, and give its address."""
        address = self.reserve() if at is None else at
        self._cells[address] = cell
        return address

    def named(self, tag: Tag, name: str, second: Column = None, *, at: int | None = None) -> int:
        """Write a cell that stands for a name."""
        address = self.reserve() if at is None else at
        self._names[address] = name
        return self.put(Cell(tag, address, second), at=address)

    def by_this_name(self, name: str) -> int:
        """The cell that is just a name."""
        if name not in self._by_name:
            self._by_name[name] = self.named(Tag.NAME, name)
        return self._by_name[name]

    def applied(self, function: int, arguments: Sequence[int]) -> int:
        """The application of one cell to others."""
        if not arguments:
            return self.put(Cell(Tag.FORCE, function))
        for argument in arguments:
            function = self.put(Cell(Tag.APPLY, function, argument))
        return function

    def alias(self, address: int, other: int) -> None:
        """Let a reserved address be another name for a cell."""
        self._aliases[address] = other

    def finished(self) -> Cells:
        """The cells, with references that lead to them.

        Raises:
            ProgramError: `out-of-steps`, for an address that is only another name for itself.
        """
        return Cells(tuple(map(self._resolved, self._cells)), self._names)

    def _resolve(self, column: Column) -> Column:
        """The address that a reference leads to."""
        seen: list[Column] = []
        while column in self._aliases:
            if column in seen:
                raise ProgramError(ErrorKind.OUT_OF_STEPS, "a name is defined as itself")
            seen.append(column)
            column = self._aliases[column]
        return column

    def _resolved(self, cell: Cell) -> Cell:
        first = self._resolve(cell.first) if cell.tag in POINTS_FIRST else cell.first
        second = self._resolve(cell.second) if cell.tag in POINTS_SECOND else cell.second
        return Cell(cell.tag, first, second)
