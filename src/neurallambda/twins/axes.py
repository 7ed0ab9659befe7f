"""What the axes of a rule table mean: one table for every kind of machine.

A *cell* is all that a machine can see before a step: its state, the symbol to be read next (or that there is none), and
what each memory shows. A *move* is all that it can do: the state it enters, whether it reads on, and what it does to each
memory. A rule table gives each cell weights over the moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurallambda.automata.automaton import Automaton
from neurallambda.automata.rules.rule import Operation, Rule, Slot
from neurallambda.automata.rules.vocabulary import ANY, EPSILON, HALTING, REJECT
from neurallambda.errors import ArgumentError
from neurallambda.state import Batched, state

OTHER = "\0"
"""The label of any symbol that no rule names and that is not declared."""

MOST_ENTRIES = 2**24
"""A table has at most this many numbers."""


class Move(NamedTuple):
    """What one step does.

    Attributes:
        target: the state it enters.
        reads: whether it consumes the next symbol.
        operations: one for each memory.
    """

    target: str
    reads: bool
    operations: tuple[Operation, ...]


@state
class Strings(Batched):
    """A batch of strings, as numbers.

    Attributes:
        tokens: the symbols, one place longer than the longest string, filled up with the mark of the end.
        lengths: how many symbols each string has.
        legible: whether all of it is a string of the machine, with markers at its ends alone; others are refused.
    """

    tokens: Int[Tensor, "batch places"]
    lengths: Int[Tensor, " batch"]
    legible: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Layout:
    """The axes of the rule table of a machine, and strings in its terms.

    Attributes:
        machine: the exact machine whose states, symbols and rules label the axes.
    """

    machine: Automaton

    def __post_init__(self) -> None:
        entries = len(self.moves) + 1
        for size in self.shape:
            entries *= size
        if entries > MOST_ENTRIES:
            raise ArgumentError(
                f"machine: its rule table would have {entries:,} entries, at most {MOST_ENTRIES:,} are possible; "
                f"use fewer states, symbols or memories, or the exact machine"
            )

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, `INITIAL` first."""
        return self.machine.states

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """What may come next: symbols of strings, then any other, then the end. With tapes there is only the end."""
        if self.machine.reads_from_tape:
            return (EPSILON,)
        return (*self.machine.index.symbols, OTHER, EPSILON)

    @cached_property
    def shown(self) -> tuple[tuple[Slot, ...], ...]:
        """For each memory what it may show: nothing first. On the first tape there may be any other symbol."""
        found: list[tuple[Slot, ...]] = [(None, *symbols) for symbols in self.machine.memory_symbols]
        if self.machine.reads_from_tape:
            found[0] += (OTHER,)
        return tuple(found)

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """The different things that the rules do."""
        return tuple(dict.fromkeys(_move(rule) for rule in self.machine.rules))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many cells there are along each axis: states, inputs, then what each memory shows."""
        return len(self.states), len(self.inputs), *map(len, self.shown)

    def counts(self, *, device: torch.device | str | None = None, dtype: torch.dtype) -> Float[Tensor, "*cells moves"]:
        """How many rules take each move in each cell. A rule into `REJECT` gives way to any other."""
        counts = torch.zeros(*self.shape, len(self.moves), dtype=dtype)
        numbers = {move: number for number, move in enumerate(self.moves)}
        for rule in dict.fromkeys(self.machine.rules):
            counts[(*self._cells_of(rule), numbers[_move(rule)])] += 1
        refuses = torch.tensor([move.target == REJECT for move in self.moves])
        goes_on = counts[..., ~refuses].any(-1, keepdim=True)
        return torch.where(goes_on & refuses, 0.0, counts).to(device)

    def _cells_of(self, rule: Rule) -> tuple[Tensor, ...]:
        """The indices of the cells in which a rule applies, an open mesh with one more axis for the move."""
        leaves = [i for i, s in enumerate(self.states) if s not in HALTING and rule.state in (s, ANY)]
        if rule.input == EPSILON:
            reads = list(range(len(self.inputs)))
        else:
            declared = self.machine.index.symbols
            reads = [i for i, s in enumerate(self.inputs) if s == rule.input or (rule.input == ANY and s in declared)]
        sees = [
            [i for i, s in enumerate(axis) if slot in (ANY, s)]
            for axis, slot in zip(self.shown, rule.memory, strict=True)
        ]
        return torch.meshgrid(*(torch.tensor(axis, dtype=torch.long) for axis in (leaves, reads, *sees)), indexing="ij")

    def encode(self, strings: Sequence[str | Sequence[str]], *, device: torch.device | str | None = None) -> Strings:
        """Strings as numbers, with the markers of a framed machine.

        Args:
            strings: texts or sequences of symbols.
            device: where the numbers go.

        Returns:
            The batch. For a machine with tapes the numbers are those of the first tape.

        Raises:
            ArgumentError: it is one text instead of several, or something in it is no string.
        """
        if isinstance(strings, str) or not isinstance(strings, Sequence):
            raise ArgumentError(f"strings: got {strings!r}, expected a list of strings, such as {[strings]!r}")
        read = [self.machine.tokens(string) for string in strings]
        legible = [self.machine.legible(row) for row in read]
        axis = self.shown[0] if self.machine.reads_from_tape else self.inputs
        number = {symbol: index for index, symbol in enumerate(axis) if symbol not in (None, EPSILON, OTHER)}
        other, end = axis.index(OTHER), axis.index(None if self.machine.reads_from_tape else EPSILON)
        places = max(map(len, read), default=0) + 1
        rows = [[number.get(symbol, other) for symbol in row] + [end] * (places - len(row)) for row in read]
        if not self.machine.reads_from_tape:
            for row, tokens, place in zip(rows, read, legible, strict=True):
                row[place : place + (place < len(tokens))] = [other] * (place < len(tokens))
        return Strings(
            tokens=torch.tensor(rows, dtype=torch.long, device=device).reshape(len(rows), places),
            lengths=torch.tensor([len(row) for row in read], dtype=torch.long, device=device),
            legible=torch.tensor(
                [place == len(row) for place, row in zip(legible, read, strict=True)], dtype=torch.bool, device=device
            ),
        )


def _move(rule: Rule) -> Move:
    return Move(rule.target, rule.input != EPSILON, rule.operations)
