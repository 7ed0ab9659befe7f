"""Questions about the whole graph of cells in plain Python: what is reachable, what mentions a variable. See `graph`."""

from collections.abc import Iterator, Sequence, Set

from neurallambda.beta.alphabet import OWNERS, POINTS_FIRST, POINTS_SECOND, Tag
from neurallambda.beta.cells import ROOT, Cell


def reachable(cells: Sequence[Cell]) -> Set[int]:
    """The cells that the root leads to, itself included."""
    reached, todo = {ROOT}, [ROOT]
    while todo:
        for child in children(cells[todo.pop()]):
            if child not in reached:
                reached.add(child)
                todo.append(child)
    return reached


def children(cell: Cell) -> Iterator[int]:
    """The addresses that a cell refers to."""
    for column, tags in ((cell.first, POINTS_FIRST), (cell.second, POINTS_SECOND)):
        if cell.tag in tags:
            assert isinstance(column, int)
            yield column


def mentions(cells: Sequence[Cell], variable: int) -> Set[int]:
    """The cells that an application must clone: those in the function's body that mention its variable.

    A function that is cloned gets a variable of its own, so what mentions that variable is cloned as well.
    """
    owners = {cell.first: address for address, cell in enumerate(cells) if cell.tag in OWNERS}
    parents: dict[int, list[int]] = {}
    for address, cell in enumerate(cells):
        if cell.tag is Tag.FUNCTION and cell.first == variable:
            continue
        for child in children(cell):
            parents.setdefault(child, []).append(address)
    for owned, owner in owners.items():
        assert isinstance(owned, int)
        parents.setdefault(owner, []).append(owned)
    found: set[int] = set()
    todo = [variable]
    while todo:
        for parent in parents.get(todo.pop(), ()):
            if parent not in found and parent != variable:
                found.add(parent)
                todo.append(parent)
    return found
