"""A machine read symbol by symbol, all its runs at once.

A *front* is the set of all configurations in which a machine may be after a prefix of a string, without those from
which no run can accept any more. Two prefixes of the same length with the same front have the same continuations, so
exploring fronts explores *strings*, each once, however many runs it has: this is the subset construction, done on
demand and for any machine.
"""

from collections.abc import Iterable

from neurallambda.automata.languages.heights import HeightGraph
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.vocabulary import END, START
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.automata.runs.limits import Limits, Outcome, undecided
from neurallambda.automata.runs.stepping import accepting, size, start, stepper

Front = frozenset[Configuration]

_SHARE = 10
"""One front may take a tenth of what the limits allow: the others need room too."""


class Fronts:
    """The fronts of a machine on strings of one length. Positions and strings are without markers here.

    Args:
        machine: the machine.
        length: the length of the strings.
        limits: how far silent steps may go in one front.
    """

    def __init__(self, machine: Machine, length: int, limits: Limits) -> None:
        self._machine = machine
        self._limits = limits
        self._stepper = stepper(machine)
        looks_at_heights = bool(machine.memories) and not machine.reads_from_tape and not machine.grows_silently
        self._heights = HeightGraph(machine, length, limits) if looks_at_heights else None
        self._advanced: dict[tuple[Front, int, str], Front] = {}

    def start(self) -> Front:
        """The front of the empty prefix; a framed machine has read `^`."""
        if not self._machine.is_framed:
            return self._close([start(self._machine)], 0)
        front = self._close([start(self._machine)], -1)
        return self.advance(front, -1, START)

    def advance(self, front: Front, position: int, symbol: str) -> Front:
        """The front after one more symbol; empty where no accepted string goes on like this.

        Args:
            front: the front after `position` symbols.
            position: how many symbols have been read.
            symbol: the next one.

        Raises:
            ProgramError: the silent steps went past the limits.
        """
        key = (front, position if self._heights else 0, symbol)
        found = self._advanced.get(key)
        if found is None:
            read = [following for c in front for _, following in self._stepper.reading(c, symbol)]
            found = self._advanced[key] = self._close(read, position + 1)
        return found

    def accepts(self, front: Front, position: int) -> bool:
        """Is the string accepted that ends here, after `position` symbols?"""
        if self._machine.is_framed:
            front = self.advance(front, position, END)
        if self._machine.reads_from_tape:
            front = self._close(front, position, at_end=True)
        return any(accepting(self._machine, configuration) for configuration in front)

    def _close(self, configurations: Iterable[Configuration], position: int, *, at_end: bool = False) -> Front:
        """Follow the silent steps; keep the configurations that can read on or accept, others were passed through."""
        limits = self._limits
        found: dict[Configuration, None] = {}
        todo = [configuration._replace(position=0) for configuration in configurations]
        steps = stored = 0
        while todo:
            following: list[Configuration] = []
            for configuration in todo:
                if configuration in found or not self._is_live(configuration, position):
                    continue
                cells = size(self._machine, configuration)
                stored += cells
                if (
                    len(found) * _SHARE >= limits.configurations
                    or stored * _SHARE > limits.storage
                    or cells > limits.cells
                ):
                    raise undecided(Outcome.OUT_OF_MEMORY, "following the steps that read nothing")
                found[configuration] = None
                following += [c for _, c in self._stepper.silent(configuration, at_end=at_end)]
            todo = following
            steps += 1
            if steps > limits.steps:
                raise undecided(Outcome.OUT_OF_STEPS, "following the steps that read nothing")
        can_read = self._stepper.can_read
        return frozenset(c for c in found if accepting(self._machine, c) or can_read(c))

    def _is_live(self, configuration: Configuration, position: int) -> bool:
        if self._heights is None:
            return configuration.state in self._machine.live_states
        heights = tuple([len(memory) for memory in configuration.memories])
        return self._heights.allows(position + self._heights.offset, configuration.state, heights)
