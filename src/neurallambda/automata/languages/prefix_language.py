"""The strings of a machine, counted and numbered exactly by walking the fronts of its prefixes.

Works for every machine, by dynamic programming over the levels of fronts of one length: the number of ways to go on
from a front is the sum over the fronts one symbol on. A finite-state machine has finitely many fronts, so this is
always exact and cheap. Other machines may need as many fronts as there are prefixes; the limits bound that.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.runs.front import Front, Fronts
from neurallambda.automata.runs.limits import Limits, Outcome, undecided


class _Arrow(NamedTuple):
    symbol: str
    target: int


class _Level(NamedTuple):
    """The fronts after some number of symbols: for each, the arrows to the next level and the ways to acceptance."""

    arrows: tuple[tuple[_Arrow, ...], ...]
    ways: tuple[int, ...]
    bounds: tuple[tuple[int, ...], ...]


class PrefixLanguage:
    """Numbers the accepted strings of one length, in the order of the alphabet.

    Args:
        machine: any machine.
        length: the length, without markers.
        limits: `configurations` bounds the configurations in all fronts together.

    Raises:
        ProgramError: the limits do not reach that far.

    Attributes:
        count: how many strings are accepted.
    """

    def __init__(self, machine: Machine, length: int, limits: Limits) -> None:
        self._alphabet = machine.alphabet
        self._length = length
        self._levels = _levels(machine, length, limits)
        self.count = self._levels[0].ways[0] if self._levels[0].ways else 0

    def unrank(self, rank: int) -> tuple[str, ...]:
        """The accepted string with number `rank`, from 0, without markers."""
        front, string = 0, []
        for level in self._levels[:-1]:
            bounds, arrows = level.bounds[front], level.arrows[front]
            index = bisect_right(bounds, rank) - 1
            rank -= bounds[index]
            symbol, front = arrows[index]
            string.append(symbol)
        return tuple(string)

    @property
    def count_outside(self) -> int:
        """How many strings of this length are not accepted."""
        return len(self._alphabet) ** self._length - self.count

    def unrank_outside(self, rank: int) -> tuple[str, ...]:
        """The string with number `rank` among those of this length that are not accepted, without markers."""
        front: int | None = 0 if self._levels[0].ways else None
        string = []
        for depth, level in enumerate(self._levels[1:], 1):
            everything = len(self._alphabet) ** (self._length - depth)
            onward = dict(self._levels[depth - 1].arrows[front]) if front is not None else {}
            for symbol in self._alphabet:
                front = onward.get(symbol)
                outside = everything - (level.ways[front] if front is not None else 0)
                if rank < outside:
                    string.append(symbol)
                    break
                rank -= outside
        return tuple(string)


def _levels(machine: Machine, length: int, limits: Limits) -> list[_Level]:
    fronts = Fronts(machine, length, limits)
    begin = fronts.start()
    level: dict[Front, int] = {begin: 0} if begin else {}
    arrows: list[list[tuple[_Arrow, ...]]] = []
    configurations = 0
    for position in range(length):
        following: dict[Front, int] = {}
        row = []
        for front in level:
            onward = []
            for symbol in machine.alphabet:
                reached = fronts.advance(front, position, symbol)
                if reached:
                    if reached not in following:
                        following[reached] = len(following)
                        configurations += len(reached)
                        if configurations > limits.configurations:
                            raise undecided(Outcome.OUT_OF_MEMORY, f"telling the prefixes of length {length} apart")
                    onward.append(_Arrow(symbol, following[reached]))
            row.append(tuple(onward))
        arrows.append(row)
        level = following
    ways = tuple(int(fronts.accepts(front, length)) for front in level)
    levels = [_Level(((),) * len(ways), ways, ((),) * len(ways))]
    for row in reversed(arrows):
        levels.append(_level(row, levels[-1].ways))
    return levels[::-1]


def _level(row: list[tuple[_Arrow, ...]], ways: tuple[int, ...]) -> _Level:
    arrows = tuple(tuple(arrow for arrow in onward if ways[arrow.target]) for onward in row)
    sums = [tuple(accumulate((ways[arrow.target] for arrow in onward), initial=0)) for onward in arrows]
    return _Level(arrows, tuple(total[-1] for total in sums), tuple(total[:-1] for total in sums))
