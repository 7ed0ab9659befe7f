"""One step of any machine. There are two ways to read a string, and everything else is the same for both.

A `Stream` is read once, from left to right, by the rules themselves. A string `OnTape` is what the first memory holds
at the start, but its cells are read in only when the head first reaches them: the head moves one cell at a time, so it
meets them in order, and a symbol that was never looked at was never needed. Both therefore consume a string symbol by
symbol, and whatever explores all strings (counting, sampling) works on every machine.
"""

from abc import ABC, abstractmethod

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.memory import Memory, Tape, trim
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.rule_index import Moves
from neurallambda.automata.rules.vocabulary import INITIAL
from neurallambda.automata.runs.configuration import Configuration, Successor


class Stepper(ABC):
    """How a machine goes on from a configuration."""

    @abstractmethod
    def silent(self, configuration: Configuration, *, at_end: bool) -> list[Successor]:
        """The steps that consume no symbol; `at_end` says that the string has no more."""

    @abstractmethod
    def reading(self, configuration: Configuration, symbol: str) -> list[Successor]:
        """The steps that consume `symbol`."""

    @abstractmethod
    def can_read(self, configuration: Configuration) -> bool:
        """Is there a symbol that it can consume?"""


def stepper(machine: Machine) -> Stepper:
    """The way `machine` reads its strings."""
    return OnTape(machine) if machine.reads_from_tape else Stream(machine)


def start(machine: Machine) -> Configuration:
    """The configuration at the start of every run: `INITIAL`, with empty memories."""
    return Configuration(INITIAL, 0, tuple(kind.empty for kind in machine.memories))


def accepting(machine: Machine, configuration: Configuration) -> bool:
    """Does a run accept that stands here with nothing left to read?"""
    if not machine.acceptance.admits(configuration.state):
        return False
    return not (machine.acceptance.empty_memory and any(map(len, configuration.memories)))


def size(machine: Machine, configuration: Configuration) -> int:
    """How many cells the memories hold."""
    return sum([kind.size(memory) for kind, memory in zip(machine.memories, configuration.memories, strict=True)])


class _Table:
    """The rules that apply to a configuration, and their effect on the memories."""

    def __init__(self, machine: Machine) -> None:
        self._at = machine.index.at
        self._reads = tuple(kind.read for kind in machine.memories)
        self._applies = tuple(kind.apply for kind in machine.memories)

    def moves(self, configuration: Configuration) -> Moves:
        shown = [read(memory) for read, memory in zip(self._reads, configuration.memories, strict=True)]
        return self._at(configuration.state, tuple(shown))

    def operate(self, rule: Rule, memories: tuple[Memory, ...]) -> tuple[Memory, ...]:
        changed = [
            apply(memory, operation)
            for apply, memory, operation in zip(self._applies, memories, rule.operations, strict=True)
        ]
        return tuple(changed)


class Stream(Stepper):
    """The string is read once, from left to right, by the rules."""

    def __init__(self, machine: Machine) -> None:
        self._table = _Table(machine)

    def silent(self, configuration: Configuration, *, at_end: bool) -> list[Successor]:
        """The rules that read nothing; a stream does not show that it has ended."""
        return self._after(configuration, self._table.moves(configuration).silent, 0)

    def reading(self, configuration: Configuration, symbol: str) -> list[Successor]:
        """The rules that read `symbol`."""
        return self._after(configuration, self._table.moves(configuration).reading.get(symbol, ()), 1)

    def can_read(self, configuration: Configuration) -> bool:
        """Does a rule apply that reads something?"""
        return bool(self._table.moves(configuration).reading)

    def _after(self, configuration: Configuration, rules: tuple[Rule, ...], read: int) -> list[Successor]:
        _, position, memories = configuration
        operate = self._table.operate
        return [Successor(rule, Configuration(rule.target, position + read, operate(rule, memories))) for rule in rules]


class OnTape(Stepper):
    """The string is on the first tape, read in when the head reaches it; a machine that halts need not read it all."""

    def __init__(self, machine: Machine) -> None:
        self._admits = machine.acceptance.admits
        self._table = _Table(machine)

    def silent(self, configuration: Configuration, *, at_end: bool) -> list[Successor]:
        """All rules that apply; none once it accepts, or while the head waits for a symbol that is still to be read in."""
        if self._admits(configuration.state) or (_waits(configuration) and not at_end):
            return []
        found = []
        for rule in self._table.moves(configuration).silent:
            first, *others = map(_tape, self._table.operate(rule, configuration.memories))
            memories = (trim(first) if at_end else first, *map(trim, others))
            found.append(Successor(rule, Configuration(rule.target, configuration.position, memories)))
        return found

    def reading(self, configuration: Configuration, symbol: str) -> list[Successor]:
        """Put `symbol` under a head that waits for it; a machine that has halted ignores it."""
        state, position, (first, *others) = configuration
        if self._admits(state):
            return [Successor(None, configuration._replace(position=position + 1))]
        if _waits(configuration):
            memories = (Tape(_tape(first).left, (symbol,)), *others)
            return [Successor(None, Configuration(state, position + 1, memories))]
        return []

    def can_read(self, configuration: Configuration) -> bool:
        """Does the head wait for a symbol, or has the machine accepted whatever follows?"""
        return _waits(configuration) or self._admits(configuration.state)


def _waits(configuration: Configuration) -> bool:
    return not _tape(configuration.memories[0]).right


def _tape(memory: Memory) -> Tape:
    assert isinstance(memory, Tape)
    return memory
