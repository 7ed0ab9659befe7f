"""The memories: values, and the few operations on them. Nothing here knows of states or rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from neurallambda.automata.rules.rule import Operation
from neurallambda.automata.rules.vocabulary import KEEP

MOST_MEMORIES = 16
"""A machine has at most this many."""

Cells = tuple[str | None, ...]


class Tape(NamedTuple):
    """A tape with its head on the first cell of `right`; past the ends of what is stored every cell is blank (None)."""

    left: Cells = ()
    right: Cells = ()


Memory = Cells | Tape


@dataclass(frozen=True, kw_only=True)
class MemoryKind:
    """How one kind of memory behaves.

    Attributes:
        name: what the kind is called.
        empty: the memory at the start of a run.
        bare: the verbs that take no symbol.
        loaded: the verbs that need one.
        read: the symbol that a rule sees, None where there is none.
        apply: the memory after an operation.
        size: how many cells it holds.
        show: the memory as one line of text.
    """

    name: str
    empty: Memory
    bare: tuple[str, ...]
    loaded: tuple[str, ...]
    read: Callable[..., str | None]
    apply: Callable[..., Memory]
    size: Callable[..., int]
    show: Callable[..., str]


def _stack_read(stack: Cells) -> str | None:
    return stack[-1] if stack else None


def _stack_apply(stack: Cells, operation: Operation) -> Cells:
    match operation.verb:
        case "push":
            return (*stack, operation.symbol)
        case "pop":
            return stack[:-1]
        case _:
            return stack


def _deque_read(deque: Cells) -> str | None:
    return deque[0] if deque else None


def _deque_apply(deque: Cells, operation: Operation) -> Cells:
    match operation.verb:
        case "ENQL":
            return (operation.symbol, *deque)
        case "ENQR":
            return (*deque, operation.symbol)
        case "DEQL":
            return deque[1:]
        case "DEQR":
            return deque[:-1]
        case _:
            return deque


def _show_cells(cells: Cells) -> str:
    return " ".join("_" if cell is None else cell for cell in cells)


def _tape_read(tape: Tape) -> str | None:
    return tape.right[0] if tape.right else None


def _tape_apply(tape: Tape, operation: Operation) -> Tape:
    """Write, then move. Blanks at the far left are dropped, so that a tape has one form."""
    cell = _tape_read(tape) if operation.symbol == KEEP else operation.symbol
    left, rest = tape.left, tape.right[1:]
    match operation.verb:
        case "R":
            return Tape((*left, cell) if left or cell is not None else (), rest)
        case "L":
            return Tape(left[:-1], (left[-1] if left else None, cell, *rest))
        case _:
            return Tape(left, (cell, *rest))


def trim(tape: Tape) -> Tape:
    """The same tape without stored blanks at its far right, for a tape on which nothing is left to be read in."""
    right = tape.right
    while right and right[-1] is None:
        right = right[:-1]
    return Tape(tape.left, right)


def _show_tape(tape: Tape) -> str:
    head = _tape_read(tape)
    parts = (_show_cells(tape.left), f"[{'_' if head is None else head}]", _show_cells(tape.right[1:]))
    return " ".join(part for part in parts if part)


STACK = MemoryKind(
    name="stack",
    empty=(),
    bare=("nullop", "pop"),
    loaded=("push",),
    read=_stack_read,
    apply=_stack_apply,
    size=len,
    show=_show_cells,
)
"""Last in, first out; the last cell is the top. Popping an empty stack changes nothing."""

DEQUE = MemoryKind(
    name="deque",
    empty=(),
    bare=("NULLOP", "DEQL", "DEQR"),
    loaded=("ENQL", "ENQR"),
    read=_deque_read,
    apply=_deque_apply,
    size=len,
    show=_show_cells,
)
"""A queue with two ends, read at its left one. Dequeuing from an empty one changes nothing."""

TAPE = MemoryKind(
    name="tape",
    empty=Tape(),
    bare=(),
    loaded=("L", "R", "S"),
    read=_tape_read,
    apply=_tape_apply,
    size=lambda tape: len(tape.left) + len(tape.right),
    show=_show_tape,
)
"""Endless in both directions; the head moves left, right, or stays."""
