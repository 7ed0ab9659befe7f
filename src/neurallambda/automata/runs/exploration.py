"""All runs of a machine on one string, breadth first: every configuration they reach, and how it was reached.

Configurations that two runs share are kept once, so a nondeterministic machine is explored as a graph and not as a
tree. Silent steps that lead back to where they started are found as cycles of that graph: such a run goes on for ever.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.runs.configuration import Configuration, Successor
from neurallambda.automata.runs.limits import Limits, Outcome
from neurallambda.automata.runs.stepping import accepting, size, start, stepper


class Node(NamedTuple):
    """A configuration that was reached.

    Attributes:
        configuration: where the run stands.
        parent: the number of the node before it; -1 at the start.
        rule: the rule that led here; None at the start, and where a tape only had a symbol read in.
        depth: the steps from the start, by the shortest way.
    """

    configuration: Configuration
    parent: int
    rule: Rule | None
    depth: int


@dataclass(frozen=True)
class Exploration:
    """What `explore` found.

    Attributes:
        outcome: what became of the string.
        nodes: every configuration reached, in the order in which they were found.
        accepting: the numbers of the nodes at which a run accepts; at most one where the search stopped at the first.
        arrows: for each node, the numbers of the nodes one step on and the rules that lead there.
    """

    outcome: Outcome
    nodes: tuple[Node, ...]
    accepting: tuple[int, ...]
    arrows: tuple[tuple[tuple[int, Rule | None], ...], ...]

    def path(self, number: int) -> tuple[Node, ...]:
        """The nodes from the start to node `number`."""
        found = []
        while number >= 0:
            found.append(self.nodes[number])
            number = self.nodes[number].parent
        return tuple(reversed(found))


def explore(machine: Machine, tokens: Sequence[str], *, limits: Limits, first: bool = True) -> Exploration:
    """Follow all runs of `machine` on `tokens`.

    Args:
        machine: the machine.
        tokens: the symbols it reads, as `Machine.tokens` gives them.
        limits: how far to go.
        first: stop at the first configuration that accepts. Otherwise find all of them.

    Returns:
        The configurations and the outcome. A limit that is met is an outcome, unless a run has accepted.
    """
    return _Explorer(machine, tokens, limits, first).explore()


_Silent = Callable[[Configuration], list[Successor]]


class _LimitError(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class _Explorer:
    machine: Machine
    tokens: Sequence[str]
    limits: Limits
    first: bool
    nodes: list[Node] = field(default_factory=list)
    arrows: list[list[tuple[int, Rule | None]]] = field(default_factory=list)
    accepting: list[int] = field(default_factory=list)
    loops: bool = False
    stored: int = 0

    def explore(self) -> Exploration:
        try:
            self._levels(self.machine.legible(self.tokens))
            outcome = Outcome.LOOPS if self.loops else Outcome.REJECTED
        except _LimitError as limit:
            outcome = limit.outcome
        if self.accepting:
            outcome = Outcome.ACCEPTED
        return Exploration(outcome, tuple(self.nodes), tuple(self.accepting), tuple(map(tuple, self.arrows)))

    def _levels(self, legible: int) -> None:
        """Go through the string symbol by symbol, as far as it is legible."""
        step = stepper(self.machine)
        level: dict[Configuration, int] = {}
        self._add(level, -1, Successor(None, start(self.machine)))
        if self.machine.reads_from_tape and legible < len(self.tokens):
            return  # a tape that holds no string of the machine: it may accept without looking at what is amiss
        for position in range(legible + 1):
            at_end = position == len(self.tokens)
            self._close(level, lambda c, at_end=at_end: step.silent(c, at_end=at_end), at_end)
            if position == legible or not level or (self.first and self.accepting):
                return
            following: dict[Configuration, int] = {}
            for configuration, number in level.items():
                if self.accepting and number in self.accepting:
                    continue
                for successor in step.reading(configuration, self.tokens[position]):
                    self._add(following, number, successor)
            level = following

    def _close(self, level: dict[Configuration, int], silent: _Silent, at_end: bool) -> None:
        """Follow all silent steps from the configurations of a level; new ones join it."""
        met_again = False
        todo = list(level.items())
        for configuration, number in todo:
            if (at_end or self.machine.reads_from_tape) and accepting(self.machine, configuration):
                self.accepting.append(number)
                if self.first:
                    return
            for successor in silent(configuration):
                known = len(level)
                child = self._add(level, number, successor)
                if len(level) > known:
                    todo.append((successor.configuration, child))
                else:
                    met_again = True
        if met_again and not self.loops:
            self.loops = self._has_cycle(level.values())

    def _add(self, level: dict[Configuration, int], parent: int, successor: Successor) -> int:
        rule, configuration = successor
        number = level.get(configuration)
        if number is None:
            number = level[configuration] = len(self.nodes)
            depth = self.nodes[parent].depth + 1 if parent >= 0 else 0
            if depth > self.limits.steps:
                raise _LimitError(Outcome.OUT_OF_STEPS)
            cells = size(self.machine, configuration)
            self.stored += cells
            limits = self.limits
            if number >= limits.configurations or cells > limits.cells or self.stored > limits.storage:
                raise _LimitError(Outcome.OUT_OF_MEMORY)
            self.nodes.append(Node(configuration, parent, rule, depth))
            self.arrows.append([])
        if parent >= 0:
            self.arrows[parent].append((number, rule))
        return number

    def _has_cycle(self, numbers: Iterable[int]) -> bool:
        inside = set(numbers)
        graph = {n: [m for m, _ in self.arrows[n] if m in inside] for n in inside}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError:
            return True
        return False
