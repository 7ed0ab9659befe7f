"""The term that the cells of NeuralBeta stand for."""

from collections.abc import Collection, Mapping, Sequence

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cells import Cell
from neurallambda.beta.write import UnreadableError, to_term
from neurallambda.errors import ArgumentError
from neurallambda.lang.syntax.printer import to_text
from neurallambda.traces.contexts import LARGEST, MARK
from neurallambda.traces.pictures import Picture


def cells_picture(
    cells: Sequence[Cell], names: Mapping[int, str], visited: int | None, opened: Collection[int] | None
) -> Picture:
    """The term that the root leads to.

    Args:
        cells: the cell at each address.
        names: what the addresses in the first columns of names, holes and variables stand for.
        visited: the address of the cell that the next step works on.
        opened: the addresses that reduction is at, or has been; None: it is over. As `to_term` takes it.
    """
    try:
        text = _text(cells, names, opened)
    except (UnreadableError, ArgumentError) as error:
        return Picture(None, omitted=str(error))
    return Picture(text, _redex(cells, names, visited, opened, text))


def _text(cells: Sequence[Cell], names: Mapping[int, str], opened: Collection[int] | None) -> str:
    return to_text(to_term(cells, dict(names), opened=opened), limit=10 * LARGEST)


def _redex(
    cells: Sequence[Cell], names: Mapping[int, str], visited: int | None, opened: Collection[int] | None, text: str
) -> tuple[int, int] | None:
    """Where the visited cell stands in the text, at the first of its places."""
    if not visited:
        return None
    symbol = len(cells)
    marked = [*cells]
    marked[visited] = Cell(Tag.NAME, symbol)
    try:
        before, found, _ = _text(marked, {**names, symbol: MARK}, opened).partition(MARK)
    except (UnreadableError, ArgumentError):
        return None
    if not found or not text.startswith(before):
        return None
    return len(before), len(before) + expression_length(text[len(before) :])


def expression_length(text: str) -> int:
    """How long the expression is that a text begins with."""
    depth = 0
    for place, letter in enumerate(text):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
            if depth <= 0:
                return place + (depth == 0)
        elif letter == " " and depth == 0:
            return place
    return len(text)
