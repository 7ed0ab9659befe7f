"""Decoding: from the memory of a run back to cells, by the likeliest symbol of every part, and to how programs ended."""

from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import OPERATORS, POINTS_FIRST, POINTS_SECOND, Alphabet, Tag
from neurallambda.beta.cells import Cell, Cells, Column
from neurallambda.beta.explain import explained
from neurallambda.beta.memory import Memory
from neurallambda.beta.rules import ERRORS
from neurallambda.beta.write import UnreadableError, to_term
from neurallambda.errors import ErrorKind
from neurallambda.lang.outcome import Outcome

NAMED = frozenset({Tag.NAME, Tag.HOLE, Tag.VARIABLE})


def read_cells(memory: Memory, vectors: Float[Tensor, "symbols width"], alphabet: Alphabet) -> list[list[Cell]]:
    """The likeliest cells: each part by the most similar symbol of those that may stand there."""
    readers = (vectors / vectors.square().sum(-1, keepdim=True)).detach()
    tags = (memory.tag.detach() @ readers[alphabet.tags].mT).argmax(-1).tolist()
    first, second = memory.first.detach() @ readers.mT, memory.second.detach() @ readers[: alphabet.nothing + 1].mT
    addresses_1, operators, literals = (
        first[..., part].argmax(-1).tolist() for part in (alphabet.addresses, alphabet.operators, alphabet.literals)
    )
    addresses_2 = second[..., alphabet.addresses].argmax(-1).tolist()
    is_empty = (second[..., alphabet.nothing] > second[..., alphabet.addresses].amax(-1)).tolist()
    rows = []
    for row, row_tags in enumerate(tags):
        cells = []
        for address, number in enumerate(row_tags):
            tag = Tag(number)
            column_1: Column = None
            column_2: Column = None
            if tag in POINTS_FIRST or tag in NAMED:
                column_1 = addresses_1[row][address]
            elif tag is Tag.INTEGER:
                column_1 = alphabet.integers[literals[row][address]]
            elif tag in (Tag.UNARY, Tag.BINARY):
                column_1 = OPERATORS[operators[row][address]]
            if tag in POINTS_SECOND or (tag is Tag.VARIABLE and not is_empty[row][address]):
                column_2 = addresses_2[row][address]
            cells.append(Cell(tag, column_1, column_2))
        rows.append(cells)
    return rows


def outcome(
    cells: Sequence[Cell], program: Cells, ends: Sequence[float], steps: int, max_steps: int, alphabet: Alphabet
) -> Outcome:
    """How a program ended.

    Args:
        cells: what the memory holds at the end.
        program: the program, for its names.
        ends: how much of it was reduced, how much goes on, and how much ended in each of `ERRORS`.
        steps: how many steps were taken.
        max_steps: how many were allowed.
        alphabet: the integers and cells there are, for messages.
    """
    likeliest = max(range(len(ends)), key=ends.__getitem__)
    if likeliest == 0:
        try:
            return Outcome(term=to_term(cells, dict(program.names)), steps=steps)
        except UnreadableError as error:
            message = f"the memory cannot be read any more, since {error}; a wider or an exact codebook holds more"
            return Outcome(error=ErrorKind.OUT_OF_MEMORY, message=message, steps=steps)
    if likeliest == 1:
        message = f"no normal form within {max_steps:,} steps; allow more to go on"
        return Outcome(error=ErrorKind.OUT_OF_STEPS, message=message, steps=steps)
    kind = ERRORS[likeliest - 2]
    return replace(Outcome.of(explained(kind, program, alphabet)), steps=steps)
