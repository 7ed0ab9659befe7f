"""The runs of a pushdown automaton as derivations of a grammar, one for one.

The construction is the classical one with triples. Two kinds of nonterminals, for a state `q` and a stack symbol `X`
on top (or the bottom, where the stack is empty):

- `(q, X, p)`: what is read from `q` until this `X` has been popped, arriving in `p`;
- `(q, X)`: what is read from `q` to acceptance with this `X` never popped.

A push of `Y` gives `(q', Y, r) (r, X, p)`: first the run until `Y` is popped, then the one until `X` is. The bottom is
never popped, since popping an empty stack changes nothing. A framed machine also keeps count of its markers: `^` first,
`$` last and neither in between; both count as reading nothing, so lengths are those of the strings between them.

Reference: J. E. Hopcroft, R. Motwani, J. D. Ullman, *Introduction to Automata Theory, Languages, and Computation*, 6.3.
"""

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from neurallambda.automata.languages.productions import Form, Forms, trimmed
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import END, INITIAL, START

_BOTTOM = None
_BEFORE, _INSIDE, _AFTER = range(3)


class _Place(NamedTuple):
    """A state, and how much of the frame has been read."""

    state: str
    phase: int


class _Arc(NamedTuple):
    letters: tuple[str, ...]
    target: _Place
    operation: Operation


class _Popped(NamedTuple):
    place: _Place
    top: str | None
    arrival: _Place


class _Accepted(NamedTuple):
    place: _Place
    top: str | None


class NamedForms(NamedTuple):
    """The untrimmed forms and what their nonterminals stand for."""

    names: tuple[Hashable, ...]
    table: tuple[tuple[Form, ...], ...]


def pda_forms(machine: Machine) -> Forms:
    """The trimmed forms whose derivations are the accepting runs of a machine with one stack."""
    return trimmed(0, named_forms(machine).table)


def named_forms(machine: Machine) -> NamedForms:
    """All forms of a machine with one stack; the first nonterminal is the start."""
    return _Builder(machine).build()


class _Builder:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._arcs: dict[tuple[_Place, str | None], tuple[_Arc, ...]] = {}
        self._popped: dict[tuple[_Place, str | None], dict[_Place, None]] = {}

    def build(self) -> NamedForms:
        phase = _BEFORE if self._machine.is_framed else _INSIDE
        begin = _Accepted(_Place(INITIAL, phase), _BOTTOM)
        self._find_arrivals(begin)
        names: dict[Hashable, int] = {begin: 0}
        table = []
        todo: list[_Popped | _Accepted] = [begin]
        for head in todo:
            row = []
            for letters, children in self._forms_of(head):
                for child in children:
                    if child not in names:
                        names[child] = len(todo)
                        todo.append(child)
                row.append(Form(letters, tuple(names[child] for child in children)))
            table.append(tuple(row))
        return NamedForms(tuple(names), tuple(table))

    def _find_arrivals(self, begin: _Accepted) -> None:
        """For each (state, top) that can occur, the states in which a run can arrive that pops this top."""
        known = self._popped
        known[begin.place, begin.top] = {}
        grows = True
        while grows:
            before = sum(map(len, known.values())), len(known)
            for place, top in list(known):
                for arc in self._arcs_from(place, top):
                    known[place, top].update(self._arrivals(arc, top))
            grows = before != (sum(map(len, known.values())), len(known))

    def _arrivals(self, arc: _Arc, top: str | None) -> dict[_Place, None]:
        match arc.operation.verb:
            case "push":
                found: dict[_Place, None] = {}
                for arrival in self._popped.setdefault((arc.target, arc.operation.symbol), {}):
                    found.update(self._popped.setdefault((arrival, top), {}))
                return found
            case "pop" if top is not _BOTTOM:
                return {arc.target: None}
            case _:
                return dict(self._popped.setdefault((arc.target, top), {}))

    def _forms_of(
        self, head: "_Popped | _Accepted"
    ) -> Iterator[tuple[tuple[str, ...], tuple["_Popped | _Accepted", ...]]]:
        if isinstance(head, _Accepted) and self._accepts(head):
            yield (), ()
        for letters, target, operation in self._arcs_from(head.place, head.top):
            for children in self._children(head, target, operation):
                yield letters, children

    def _children(
        self, head: "_Popped | _Accepted", target: _Place, operation: Operation
    ) -> Iterator[tuple["_Popped | _Accepted", ...]]:
        match operation.verb:
            case "push":
                pushed = operation.symbol
                if isinstance(head, _Accepted):
                    yield (_Accepted(target, pushed),)
                for arrival in self._popped.get((target, pushed), ()):
                    if isinstance(head, _Accepted) or head.arrival in self._popped.get((arrival, head.top), ()):
                        yield _Popped(target, pushed, arrival), head._replace(place=arrival)
            case "pop" if head.top is not _BOTTOM:
                if isinstance(head, _Popped) and head.arrival == target:
                    yield ()
            case _:
                yield (head._replace(place=target),)

    def _accepts(self, head: _Accepted) -> bool:
        acceptance = self._machine.acceptance
        phase = _AFTER if self._machine.is_framed else _INSIDE
        fits = head.top is _BOTTOM or not acceptance.empty_memory
        return head.place.phase == phase and acceptance.admits(head.place.state) and fits

    def _arcs_from(self, place: _Place, top: str | None) -> tuple[_Arc, ...]:
        found = self._arcs.get((place, top))
        if found is None:
            found = self._arcs[place, top] = tuple(self._search(place, top))
        return found

    def _search(self, place: _Place, top: str | None) -> Iterator[_Arc]:
        moves = self._machine.index.at(place.state, (top,))
        live = self._machine.live_states
        for rule in moves.silent:
            if rule.target in live:
                yield _Arc((), _Place(rule.target, place.phase), rule.operations[0])
        letters: dict[Rule, list[str]] = {}
        for symbol, rules in moves.reading.items():
            for rule in rules:
                if rule.target not in live:
                    continue
                if symbol in self._machine.alphabet:
                    letters.setdefault(rule, []).append(symbol)
                elif (place.phase, symbol) in ((_BEFORE, START), (_INSIDE, END)):
                    yield _Arc((), _Place(rule.target, place.phase + 1), rule.operations[0])
        if place.phase == _INSIDE:
            for rule, symbols in letters.items():
                yield _Arc(tuple(symbols), _Place(rule.target, _INSIDE), rule.operations[0])
