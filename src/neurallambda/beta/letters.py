"""The letters that cells are written with: places in the alphabet."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from neurallambda.beta.alphabet import OPERATORS, Alphabet, Tag
from neurallambda.beta.cells import Cell, Cells, Column
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.terms import UNARY_PRIMITIVES


def letters(program: Cells, alphabet: Alphabet, filled: Mapping[str, Any] = MappingProxyType({})) -> list[list[int]]:
    """The places of a program's symbols in the alphabet: tag, column 1 and column 2 of every cell.

    Raises:
        ProgramError: where the program, or an integer that is certain to fill one of its holes, does not fit.
    """
    if len(program) > alphabet.cells:
        message = f"the program alone needs {len(program):,} cells of {alphabet.cells:,}"
        raise ProgramError(ErrorKind.OUT_OF_MEMORY, message)
    for name in program.holes & filled.keys():
        if len(filled[name].values) == 1:
            columns(cell_of(filled[name].values[0]), alphabet)
    cells = (*program.cells, *[Cell()] * (alphabet.cells - len(program)))
    return [[alphabet.tags.start + cell.tag, *columns(cell, alphabet)] for cell in cells]


def columns(cell: Cell, alphabet: Alphabet) -> tuple[int, int]:
    """The places of a cell's two columns in the alphabet.

    Raises:
        ProgramError: `overflow`, where an integer is out of range.
    """
    return _letter(cell.tag, cell.first, alphabet), _letter(cell.tag, cell.second, alphabet)


def _letter(tag: Tag, column: Column, alphabet: Alphabet) -> int:
    if column is None:
        return alphabet.nothing
    if isinstance(column, str):
        return alphabet.operators.start + OPERATORS.index(column)
    return _literal(column, alphabet) if tag is Tag.INTEGER else alphabet.addresses.start + column


def _literal(value: int, alphabet: Alphabet) -> int:
    integers = alphabet.integers
    if value not in integers:
        message = f"the literal {value} is outside the integers {integers[0]} to {integers[-1]}"
        raise ProgramError(ErrorKind.OVERFLOW, message)
    return alphabet.literals.start + value - integers.start


def cell_of(value: int | bool | str) -> Cell:
    """An atom as a cell."""
    if isinstance(value, bool):
        return Cell(Tag.TRUE if value else Tag.FALSE)
    if isinstance(value, int):
        return Cell(Tag.INTEGER, value)
    return Cell(Tag.UNARY if value in UNARY_PRIMITIVES else Tag.BINARY, value)
