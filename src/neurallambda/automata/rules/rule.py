"""One rule: what it needs to see, and what it then does."""

from typing import NamedTuple

from neurallambda.automata.rules.vocabulary import ANY

Slot = str | None
"""What a rule needs to see in a memory: a symbol, `ANY`, or None for an empty memory (on a tape: a blank cell)."""


class Operation(NamedTuple):
    """What a rule does to one memory.

    Attributes:
        verb: a stack's `nullop`, `push`, `pop`; a deque's `NULLOP`, `ENQL`, `ENQR`, `DEQL`, `DEQR`; a tape's `L`, `R`, `S`,
            the way its head moves.
        symbol: what is pushed, enqueued or written. On a tape None writes a blank and `KEEP` leaves the cell.
    """

    verb: str
    symbol: str | None = None


class Rule(NamedTuple):
    """A row of a machine's table: in `state`, seeing `input` and `memory`, go to `target` and do `operations`.

    Attributes:
        input: the symbol that the step reads, `ANY`, or `""` for a step that reads nothing. A Turing machine's rules read
            their symbols from the tapes and have `""` here.
        state: the state it leaves, or `ANY`.
        memory: one slot for each memory.
        target: the state it enters.
        operations: one operation for each memory.
        output: what a Mealy machine writes in this step.
    """

    input: str
    state: str
    memory: tuple[Slot, ...]
    target: str
    operations: tuple[Operation, ...]
    output: str | None = None


def overlaps(one: Slot, other: Slot) -> bool:
    """Is there something that both slots match?"""
    return one == other or ANY in (one, other)
