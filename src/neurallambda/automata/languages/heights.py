"""What can be said of all accepting runs on strings of one length by looking at *how much* the memories hold, not what.

Replace every memory by its height: a rule that sees a symbol needs a height above zero, one that sees nothing needs
zero, a push adds one and a pop takes one. The graph of (symbols read, state, heights) is small, and every real run is
a path in it. So whatever cannot reach acceptance here cannot in the real machine, and can be left out of a search:
a machine that guesses the middle of its string is left with the one guess that comes out even.
"""

from collections.abc import Iterator
from typing import NamedTuple

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Rule, Slot
from neurallambda.automata.rules.vocabulary import ANY, END, EPSILON, HALTING, INITIAL, START
from neurallambda.automata.runs.limits import Limits

_CHANGES = {"push": 1, "ENQL": 1, "ENQR": 1, "pop": -1, "DEQL": -1, "DEQR": -1}


class Height(NamedTuple):
    """A configuration with its memories replaced by their heights."""

    position: int
    state: str
    heights: tuple[int, ...]


class Arrow(NamedTuple):
    """A step between heights; `symbols` are those that it may read, none for a silent step."""

    symbols: frozenset[str]
    target: Height


class HeightGraph:
    """The heights on paths from the start to acceptance, for strings of one length.

    Args:
        machine: a machine that does not read from a tape.
        length: the length, without markers.
        limits: `configurations` bounds the graph; past it nothing is known, and `arrows` is None.
    """

    def __init__(self, machine: Machine, length: int, limits: Limits) -> None:
        self._machine = machine
        frame = ({START}, {END}) if machine.is_framed else (set[str](), set[str]())
        self._symbols = [frozenset(s) for s in (frame[0], *[set(machine.alphabet)] * length, frame[1]) if s]
        self.end = len(self._symbols)
        self.offset = 1 if machine.is_framed else 0
        self._rules: dict[str, list[Rule]] = {
            state: [
                rule
                for rule in dict.fromkeys(machine.rules)
                if rule.state in (state, ANY) and state not in HALTING and rule.target in machine.live_states
            ]
            for state in machine.states
        }
        self.start = Height(0, INITIAL, (0,) * len(machine.memories))
        self.arrows = self._explore(limits.configurations)

    def allows(self, position: int, state: str, heights: tuple[int, ...]) -> bool:
        """Can a run that stands there accept, as far as heights can tell?"""
        return self.arrows is None or Height(position, state, heights) in self.arrows

    def accepts(self, height: Height) -> bool:
        """Does a run accept that stands here?"""
        acceptance = self._machine.acceptance
        empty = not (acceptance.empty_memory and any(height.heights))
        return height.position == self.end and acceptance.admits(height.state) and empty

    def _explore(self, most: int) -> dict[Height, list[Arrow]] | None:
        forward: dict[Height, list[Arrow]] = {self.start: []}
        before: dict[Height, list[Height]] = {}
        todo = [self.start]
        for height in todo:
            for arrow in self._steps(height):
                forward[height].append(arrow)
                before.setdefault(arrow.target, []).append(height)
                if arrow.target not in forward:
                    if len(forward) >= most:
                        return None
                    forward[arrow.target] = []
                    todo.append(arrow.target)
        useful = {height for height in forward if self.accepts(height)}
        ends = list(useful)
        while ends:
            fresh = [height for height in before.get(ends.pop(), ()) if height not in useful]
            useful.update(fresh)
            ends += fresh
        return {
            height: [arrow for arrow in arrows if arrow.target in useful]
            for height, arrows in forward.items()
            if height in useful
        }

    def _steps(self, height: Height) -> Iterator[Arrow]:
        position, state, heights = height
        here = self._symbols[position] if position < self.end else frozenset[str]()
        for rule in self._rules[state]:
            if not all(map(_fits, rule.memory, heights)):
                continue
            after = tuple(
                max(0, h + _CHANGES.get(operation.verb, 0))
                for h, operation in zip(heights, rule.operations, strict=True)
            )
            if rule.input == EPSILON:
                yield Arrow(frozenset(), Height(position, rule.target, after))
            else:
                symbols = here if rule.input == ANY else here & {rule.input}
                if symbols:
                    yield Arrow(symbols, Height(position + 1, rule.target, after))


def _fits(slot: Slot, height: int) -> bool:
    return slot == ANY or (slot is None) == (height == 0)


class _Pending(NamedTuple):
    """A run that has chosen the step with which it reads next, and waits for the other to read too."""

    arrow: Arrow


_Side = Height | _Pending


def is_unambiguous_at(graph: HeightGraph, limits: Limits) -> bool:
    """Is it certain that no string of this length is accepted by two runs?

    Follows two runs over the same symbols from where they first differ. If no such pair reaches the end even when only
    heights are looked at, there is none. False says that there may be one.

    Args:
        graph: the heights for one length.
        limits: `configurations` bounds the pairs.
    """
    if graph.arrows is None:
        return False
    todo: list[tuple[_Side, _Side]] = []
    for height, arrows in graph.arrows.items():
        if graph.accepts(height) and arrows:
            return False
        for index, one in enumerate(arrows):
            todo += [pair for other in arrows[:index] for pair in _split(one, other)]
    seen = set(todo)
    while todo:
        one, other = todo.pop()
        if one == other or (_position(one) == _position(other) == graph.end):
            return False
        for pair in _follow(graph.arrows, one, other):
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
        if len(seen) > limits.configurations:
            return False
    return True


def _split(one: Arrow, other: Arrow) -> Iterator[tuple[_Side, _Side]]:
    """How two runs go on that leave the same place by different steps."""
    if one.symbols and other.symbols:
        if one.symbols & other.symbols:
            yield one.target, other.target
    else:
        yield _Pending(one) if one.symbols else one.target, _Pending(other) if other.symbols else other.target


def _follow(arrows: dict[Height, list[Arrow]], one: _Side, other: _Side) -> Iterator[tuple[_Side, _Side]]:
    reading: list[list[Arrow]] = []
    for side in (one, other):
        reading.append([side.arrow] if isinstance(side, _Pending) else [a for a in arrows[side] if a.symbols])
    if isinstance(one, Height):
        yield from ((arrow.target, other) for arrow in arrows[one] if not arrow.symbols)
    if isinstance(other, Height):
        yield from ((one, arrow.target) for arrow in arrows[other] if not arrow.symbols)
    yield from ((a.target, b.target) for a in reading[0] for b in reading[1] if a.symbols & b.symbols)


def _position(side: _Side) -> int:
    return side.position if isinstance(side, Height) else side.arrow.target.position - 1
