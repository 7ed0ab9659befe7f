"""The verdict on one string of a deterministic machine, by the shortest road: one configuration, changed in place.

`exploration` gives the same answer and can say why; this one is for deciding strings by the ten thousand.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import INITIAL, REJECT
from neurallambda.automata.runs.limits import Limits, Outcome


def _push(memory: list[str], symbol: str) -> None:
    memory.append(symbol)


def _pop(memory: list[str], _: str) -> None:
    if memory:
        memory.pop()


def _enqueue_left(memory: list[str], symbol: str) -> None:
    memory.insert(0, symbol)


def _dequeue_left(memory: list[str], _: str) -> None:
    if memory:
        del memory[0]


_Change = Callable[[list[str], str], None]
_CHANGES: dict[str, _Change] = {
    "push": _push,
    "pop": _pop,
    "ENQL": _enqueue_left,
    "ENQR": _push,
    "DEQL": _dequeue_left,
    "DEQR": _pop,
}
_Move = tuple[str, _Change | None, str]


class _Moves(NamedTuple):
    silent: _Move | None
    reading: dict[str, _Move]


class FastVerdict:
    """Decides strings for a deterministic machine with at most one memory, a stack or a deque.

    The next move is looked up by (state, symbol shown): either a silent step, or a table by input symbol. Rules into
    `REJECT` are left out: stopping says the same.

    Args:
        machine: a deterministic machine that does not read from a tape.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._admits = {state: machine.acceptance.admits(state) for state in machine.states}
        self._empty_memory = machine.acceptance.empty_memory
        self._top = -1 if machine.memories and machine.memories[0].name == "stack" else 0
        self._moves: dict[tuple[str, str | None], _Moves] = {}

    @staticmethod
    def fits(machine: Machine) -> bool:
        """Can `machine` be decided this way?"""
        return machine.is_deterministic and not machine.reads_from_tape and len(machine.memories) <= 1

    def __call__(self, tokens: Sequence[str], limits: Limits) -> Outcome:
        """What becomes of `tokens`.

        A machine that goes on silently is watched by Brent's method: the configuration is compared with one saved
        after 1, 2, 4, 8, ... silent steps, so a loop is found within three times its length.
        """
        state: str = INITIAL
        memory: list[str] = []
        position = steps = silent = 0
        saved: tuple[str, list[str]] = ("", [])
        at, end, legible = self._moves.get, len(tokens), self._machine.legible(tokens)
        while True:
            shown = memory[self._top] if memory else None
            moves = at((state, shown)) or self._find(state, shown)
            if position == end and self._admits[state] and not (self._empty_memory and memory):
                return Outcome.ACCEPTED
            if moves.silent is not None:
                came_from, (state, change, value) = state, moves.silent
                silent += 1
                if silent & (silent - 1) == 0:
                    saved = (came_from, memory.copy())
            else:
                move = moves.reading.get(tokens[position]) if position < legible else None
                if move is None:
                    return Outcome.REJECTED
                state, change, value = move
                position += 1
                silent = 0
            if change is not None:
                change(memory, value)
                if len(memory) > limits.cells:
                    return Outcome.OUT_OF_MEMORY
            steps += 1
            if silent and state == saved[0] and memory == saved[1]:
                return Outcome.LOOPS
            if steps > limits.steps:
                return Outcome.OUT_OF_STEPS

    def _find(self, state: str, shown: str | None) -> _Moves:
        moves = self._machine.index.at(state, (shown,) if self._machine.memories else ())
        silent = [rule for rule in moves.silent if rule.target != REJECT]
        reading = {symbol: [rule for rule in rules if rule.target != REJECT] for symbol, rules in moves.reading.items()}
        found = _Moves(
            _move(silent[0]) if silent else None,
            {symbol: _move(rules[0]) for symbol, rules in reading.items() if rules},
        )
        self._moves[state, shown] = found
        return found


def _move(rule: Rule) -> _Move:
    operation = rule.operations[0] if rule.operations else None
    change = _CHANGES.get(operation.verb) if operation else None
    return rule.target, change, (operation.symbol if operation else None) or ""
