"""Encoding: a batch of different programs becomes tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import OPERATORS, Alphabet, Tag
from neurallambda.beta.cells import Cell, Cells, Column
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.terms import BINARY_PRIMITIVES, UNARY_PRIMITIVES
from neurallambda.machine.encode import Soft


@dataclass(frozen=True)
class NeuralLambda:
    """A batch of programs in cells, whose parts are vectors of a codebook.

    Every part may be any vector, for instance a mixture of the vectors of several tags; gradients reach all three.

    Attributes:
        tag, first, second: tag, column 1 and column 2 of the cell at each address.
        programs: the same programs as discrete cells, for their names.
        operators: the primitives that may occur.
    """

    tag: Float[Tensor, "batch cells width"]
    first: Float[Tensor, "batch cells width"]
    second: Float[Tensor, "batch cells width"]
    programs: tuple[Cells, ...]
    operators: frozenset[str]

    def __len__(self) -> int:
        return self.tag.shape[0]


Filling = Soft | int | bool | str
"""What may fill a hole: a distribution over integers, booleans, or primitives of as many operands; or one of them."""


def encode(
    programs: Sequence[Cells],
    vectors: Float[Tensor, "symbols width"],
    alphabet: Alphabet,
    holes: Mapping[str, Filling],
) -> NeuralLambda:
    """Write programs as tensors, with free cells up to the capacity.

    Raises:
        ProgramError: `out-of-memory`, where a program needs more cells; `overflow`, where a literal is out of range.
        ArgumentError: where a filling does not fit.
    """
    places = torch.tensor([letters(program, alphabet) for program in programs], device=vectors.device)
    contents = vectors[places]
    operators = frozenset[str]().union(*(program.operators for program in programs))
    for name, filling in holes.items():
        contents, used = _fill(contents, programs, name, filling, vectors, alphabet)
        operators |= used
    tag, first, second = contents.unbind(2)
    return NeuralLambda(tag, first, second, tuple(programs), operators)


def letters(program: Cells, alphabet: Alphabet) -> list[list[int]]:
    """The places of a program's symbols in the alphabet: tag, column 1 and column 2 of every cell.

    Raises:
        ProgramError: where the program does not fit.
    """
    if len(program) > alphabet.cells:
        message = f"the program alone needs {len(program):,} cells of {alphabet.cells:,}"
        raise ProgramError(ErrorKind.OUT_OF_MEMORY, message)
    cells = (*program.cells, *[Cell()] * (alphabet.cells - len(program)))
    return [[alphabet.tags.start + cell.tag, *_columns(cell, alphabet)] for cell in cells]


def _columns(cell: Cell, alphabet: Alphabet) -> tuple[int, int]:
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


def _fill(
    contents: Tensor,
    programs: Sequence[Cells],
    name: str,
    filling: Filling,
    vectors: Tensor,
    alphabet: Alphabet,
) -> tuple[Tensor, frozenset[str]]:
    """Write a filling into the cells of a hole; gradients flow from the cells to the logits."""
    soft = filling if isinstance(filling, Soft) else Soft((filling,), torch.zeros(1))
    cells = [_cell(name, value) for value in soft.values]
    if len({"boolean" if cell.tag in (Tag.TRUE, Tag.FALSE) else cell.tag for cell in cells}) > 1:
        raise ArgumentError(
            f"holes[{name!r}]: got {soft.values}, expected values of one kind: integers, booleans, or primitives of as "
            f"many operands; a column is read given its tag, and a mixture would lose which goes with which"
        )
    letters = [[alphabet.tags.start + cell.tag, *_columns(cell, alphabet)] for cell in cells]
    filled = torch.einsum("...v,vcw->...cw", soft.probabilities.to(vectors), vectors[torch.tensor(letters)])
    filled = filled.expand(len(programs), *filled.shape[-2:])
    mask = torch.zeros(contents.shape[:2], dtype=torch.bool)
    for row, program in enumerate(programs):
        for address, cell in enumerate(program.cells):
            mask[row, address] = cell.tag is Tag.HOLE and program.names[address] == name
    mask = mask.to(contents.device)[:, :, None, None]
    used = frozenset(value for value in soft.values if isinstance(value, str))
    return torch.where(mask, filled[:, None], contents), used


def _cell(name: str, value: int | bool | str) -> Cell:
    if isinstance(value, bool):
        return Cell(Tag.TRUE if value else Tag.FALSE)
    if isinstance(value, int):
        return Cell(Tag.INTEGER, value)
    if value not in UNARY_PRIMITIVES + BINARY_PRIMITIVES:
        raise ArgumentError(f"holes[{name!r}]: {value!r} is not a primitive; those are {' '.join(OPERATORS)}")
    return Cell(Tag.UNARY if value in UNARY_PRIMITIVES else Tag.BINARY, value)
