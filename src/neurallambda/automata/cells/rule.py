"""Rows of a cellular automaton's tables: what a cell goes to, and what the first cell writes."""

from typing import NamedTuple

from neurallambda.automata.rules.rule import Slot


class CellRule(NamedTuple):
    """A row of the local rule: a cell that sees all this goes to `target`.

    Attributes:
        symbol: what is written in the cell, which never changes; `ANY`, or None for a cell without a symbol.
        seen: the symbol that all cells see in this step; `ANY`, or None when no more symbols come.
        state: the state of the cell, or `ANY`.
        neighbours: the states of its neighbours, or `ANY`, one for each neighbour that the machine looks at.
        target: the state that the cell enters.
    """

    symbol: Slot
    seen: Slot
    state: str
    neighbours: tuple[str, ...]
    target: str

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All that the rule needs to see, in the order of a rule file."""
        return (self.symbol, self.seen, self.state, *self.neighbours)


class OutputRule(NamedTuple):
    """A row of the output table: what is written after a step.

    Attributes:
        seen: the symbol that all cells saw in the step; `ANY`, or None when no more symbols came.
        state: the state of the first cell after the step, or `ANY`.
        output: what is written.
    """

    seen: Slot
    state: str
    output: str

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All that the rule needs to see, in the order of a rule file."""
        return (self.seen, self.state)
