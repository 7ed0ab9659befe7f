"""Encoding: a batch of different programs becomes tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import POINTS_FIRST, POINTS_SECOND, Alphabet, Tag
from neurallambda.beta.cells import Cells
from neurallambda.beta.letters import cell_of, columns, letters
from neurallambda.errors import ArgumentError
from neurallambda.holes import Filling, Soft, fillings
from neurallambda.html import table

SHOWN = 60
"""So many cells a notebook shows."""


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        batch, cells, width = self.tag.shape
        kind = f"{self.tag.dtype} on {self.tag.device}"
        return f"NeuralLambda(batch of {batch}, {cells} cells, vectors of width {width}, {kind})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the cells of the first program, as they were written."""
        program = self.programs[0]
        rows = [
            (
                f"A{at}",
                cell.tag.name.lower(),
                f"A{cell.first}"
                if cell.tag in POINTS_FIRST
                else program.names.get(at, "" if cell.first is None else cell.first),
                f"A{cell.second}" if cell.tag in POINTS_SECOND else "",
            )
            for at, cell in enumerate(program.cells[:SHOWN])
        ]
        return table(("address", "tag", "column 1", "column 2"), rows, note=repr(self))


def encode(
    programs: Sequence[Cells],
    vectors: Float[Tensor, "symbols width"],
    alphabet: Alphabet,
    holes: Mapping[str, Filling] | None,
) -> NeuralLambda:
    """Write programs as tensors, with free cells up to the capacity.

    Raises:
        ProgramError: `out-of-memory`, where a program needs more cells; `overflow`, where a literal is out of range.
        ArgumentError: where a filling does not fit.
    """
    filled = fillings(holes, alphabet.integers, len(programs))
    places = torch.tensor([letters(program, alphabet, filled) for program in programs], device=vectors.device)
    contents = vectors[places]
    operators = frozenset[str]().union(*(program.operators for program in programs))
    for name, soft in filled.items():
        _check_kinds(name, soft, alphabet)
        if any(name in program.holes for program in programs):
            contents, used = _fill(contents, programs, name, soft, vectors, alphabet)
            operators |= used
    tag, first, second = contents.unbind(2)
    return NeuralLambda(tag, first, second, tuple(programs), operators)


def _fill(
    contents: Tensor,
    programs: Sequence[Cells],
    name: str,
    soft: Soft,
    vectors: Tensor,
    alphabet: Alphabet,
) -> tuple[Tensor, frozenset[str]]:
    """Write a filling into the cells of a hole; gradients flow from the cells to the logits."""
    letters = [[alphabet.tags.start + cell.tag, *columns(cell, alphabet)] for cell in map(cell_of, soft.values)]
    probabilities = soft.logits.to(vectors).softmax(-1)
    filled = torch.einsum("...v,vcw->...cw", probabilities, vectors[torch.tensor(letters)])
    filled = filled.expand(len(programs), *filled.shape[-2:])
    mask = torch.zeros(contents.shape[:2], dtype=torch.bool)
    for row, program in enumerate(programs):
        for address, cell in enumerate(program.cells):
            mask[row, address] = cell.tag is Tag.HOLE and program.names[address] == name
    mask = mask.to(contents.device)[:, :, None, None]
    used = frozenset(value for value in soft.values if isinstance(value, str))
    return torch.where(mask, filled[:, None], contents), used


def _check_kinds(name: str, soft: Soft, alphabet: Alphabet) -> None:
    """Refuse a mixture that cells cannot hold."""
    cells = [cell_of(value) for value in soft.values]
    if len({"boolean" if cell.tag in (Tag.TRUE, Tag.FALSE) else cell.tag for cell in cells}) > 1:
        raise ArgumentError(
            f"holes[{name!r}]: got {soft.values}, expected values of one kind: integers, booleans, or primitives of as "
            f"many operands; a column is read given its tag, and a mixture would lose which goes with which"
        )
    outside = [cell.first for cell in cells if cell.tag is Tag.INTEGER and cell.first not in alphabet.integers]
    if outside and len(cells) > 1:
        raise ArgumentError(
            f"holes[{name!r}]: got {outside[0]} among several values, expected integers from {alphabet.integers[0]} to "
            f"{alphabet.integers[-1]}; there is no cell for a part that is out of range"
        )
