"""The rules of a machine, found by what a configuration shows."""

from collections import defaultdict
from itertools import combinations
from typing import NamedTuple

from neurallambda.automata.rules.rule import Rule, Slot, overlaps
from neurallambda.automata.rules.vocabulary import ANY, EPSILON, HALTING


class Moves(NamedTuple):
    """The rules that fit a state and what its memories show.

    Attributes:
        silent: those that read nothing.
        reading: for each input symbol, those that read it.
    """

    silent: tuple[Rule, ...]
    reading: dict[str, tuple[Rule, ...]]


class Conflict(NamedTuple):
    """Two rules that can apply in the same configuration."""

    one: Rule
    other: Rule


class RuleIndex:
    """Looks rules up, remembering every answer. Rules that are written twice count once."""

    def __init__(self, *, rules: tuple[Rule, ...], symbols: tuple[str, ...]) -> None:
        self.symbols = symbols
        self._legible = frozenset(symbols)
        self._rules_in: dict[str, list[Rule]] = defaultdict(list)
        self._anywhere: list[Rule] = []
        self._order = {rule: number for number, rule in enumerate(dict.fromkeys(rules))}
        for rule in self._order:
            (self._anywhere if rule.state == ANY else self._rules_in[rule.state]).append(rule)
        self._found: dict[tuple[str, tuple[Slot, ...]], Moves] = {}

    def at(self, state: str, shown: tuple[Slot, ...]) -> Moves:
        """The rules for a state and the symbols that its memories show (None: nothing there).

        Args:
            state: the current state.
            shown: one symbol or None for each memory.

        Returns:
            The moves, in the order of the rules.
        """
        key = (state, shown)
        moves = self._found.get(key)
        if moves is None:
            moves = self._found[key] = self._search(state, shown)
        return moves

    def _search(self, state: str, shown: tuple[Slot, ...]) -> Moves:
        if state in HALTING:
            return Moves((), {})
        candidates = sorted((*self._rules_in.get(state, ()), *self._anywhere), key=self._order.__getitem__)
        fitting = [rule for rule in candidates if all(map(_matches, rule.memory, shown))]
        reading: dict[str, list[Rule]] = defaultdict(list)
        for rule in fitting:
            if rule.input != EPSILON:
                for symbol in self.symbols if rule.input == ANY else (rule.input,):
                    if symbol in self._legible:
                        reading[symbol].append(rule)
        return Moves(
            tuple(rule for rule in fitting if rule.input == EPSILON),
            {symbol: tuple(found) for symbol, found in reading.items()},
        )

    def conflicts(self, live: frozenset[str]) -> list[Conflict]:
        """The pairs of rules that can apply at once and both lead to `live` states."""
        useful = [rule for rule in self._order if rule.target in live and rule.state not in HALTING]
        groups: dict[str, list[Rule]] = defaultdict(list)
        for rule in useful:
            groups[rule.state].append(rule)
        anywhere = groups.pop(ANY, [])
        found = _conflicts_within(anywhere)
        for group in groups.values():
            found += _conflicts_within(group)
            found += [Conflict(one, other) for one in anywhere for other in group if _clash(one, other)]
        return found


def _conflicts_within(rules: list[Rule]) -> list[Conflict]:
    """Rules that name all they see clash only with their equals, so only the others are compared with each."""
    named: dict[tuple[str, tuple[Slot, ...]], list[Rule]] = defaultdict(list)
    open_ended: list[Rule] = []
    for rule in rules:
        is_open = rule.input in (ANY, EPSILON) or ANY in rule.memory
        (open_ended if is_open else named[rule.input, rule.memory]).append(rule)
    pairs = [pair for group in named.values() for pair in combinations(group, 2)]
    pairs += combinations(open_ended, 2)
    pairs += [(one, other) for one in open_ended for group in named.values() for other in group]
    return [Conflict(one, other) for one, other in pairs if _clash(one, other)]


def _matches(slot: Slot, shown: Slot) -> bool:
    return slot in (ANY, shown)


def _clash(one: Rule, other: Rule) -> bool:
    inputs = EPSILON in (one.input, other.input) or overlaps(one.input, other.input)
    return inputs and all(map(overlaps, one.memory, other.memory))
