"""A run of a cellular automaton."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CellStep:
    """The row of cells after one step.

    Attributes:
        seen: the symbol that all cells saw; None where there was none, and before the first step.
        states: the states of the cells.
        output: what the first cell wrote; None where it wrote nothing.
    """

    seen: str | None
    states: tuple[str, ...]
    output: str | None


@dataclass(frozen=True)
class CellRun:
    """A run of a cellular automaton.

    Attributes:
        cells: the symbols in the cells; None in those that are empty.
        steps: the rows, the first of them before any step.
    """

    cells: tuple[str | None, ...]
    steps: tuple[CellStep, ...]

    @property
    def outputs(self) -> tuple[str | None, ...]:
        """What was written in each step; None where nothing was."""
        return tuple(step.output for step in self.steps[1:])
