"""A run of a cellular automaton as a table."""

from neurallambda.automata.cells.run import CellRun
from neurallambda.automata.runs.table import aligned


def cell_table(run: CellRun) -> str:
    """A run as text, one step a line: number, what was seen, the states of the cells and what was written.

    Args:
        run: the run.

    Returns:
        Aligned columns; the headings of the cells are their symbols, `_` where a cell or what is seen is empty.
    """
    rows = [["step", "seen", *("_" if symbol is None else symbol for symbol in run.cells), "written"]]
    for number, step in enumerate(run.steps):
        seen = "" if number == 0 else "_" if step.seen is None else step.seen
        rows.append([str(number), seen, *step.states, step.output or ""])
    return aligned(rows)
