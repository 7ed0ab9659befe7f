"""The classical constructions on finite-state machines, done by automata-lib (the extra `automata`).

Results are machines without markers, whose states are `INITIAL`, `Q1`, `Q2`, ... and which accept by a list of states.
A framed machine is read as the language of the strings between its markers.
"""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Literal

from neurallambda.arguments import checked
from neurallambda.automata.extras import extra
from neurallambda.automata.fsm import FSM
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import ANY, END, EPSILON, INITIAL, REJECT, START
from neurallambda.errors import ArgumentError

if TYPE_CHECKING:
    from automata.fa.dfa import DFA
    from automata.fa.nfa import NFA

Operation = Literal["intersection", "union", "difference", "symmetric_difference"]


@checked
def from_regex(regex: str, symbols: Iterable[str]) -> FSM:
    """The minimal deterministic machine of a regular expression, in automata-lib's syntax.

    Args:
        regex: built from symbols with `|`, `*`, `+`, `?`, `{m,n}`, `.`, `[...]`, `[^...]`, `&` (and) and parentheses.
        symbols: the alphabet, single characters.

    Raises:
        ArgumentError: the expression cannot be read.

    Example:
        >>> machine = from_regex("(ab)*", "ab")
        >>> machine.accepts("abab"), machine.accepts("aba")
        (True, False)
    """
    alphabet = tuple(dict.fromkeys(symbols))
    nfa = extra("automata.fa.nfa", "reading a regular expression").NFA
    problem = extra("automata.base.exceptions", "reading a regular expression").RegexException
    try:
        found = nfa.from_regex(regex, input_symbols=set(alphabet))
    except problem as error:
        raise ArgumentError(f"{regex!r} is no regular expression over {' '.join(alphabet)}: {error}") from error
    return _from_dfa(_dfa_class().from_nfa(found).minify(retain_names=True), alphabet)


@checked
def determinize(machine: FSM) -> FSM:
    """A deterministic machine for the same language, by the subset construction."""
    return _from_dfa(_to_dfa(machine), machine.alphabet)


@checked
def minimize(machine: FSM) -> FSM:
    """The smallest deterministic machine for the same language."""
    return _from_dfa(_to_dfa(machine).minify(retain_names=True), machine.alphabet)


@checked
def complement(machine: FSM) -> FSM:
    """A deterministic machine for the strings that `machine` does not accept."""
    return _from_dfa(_to_dfa(machine).complement(), machine.alphabet)


@checked
def product(one: FSM, other: FSM, operation: Operation = "intersection") -> FSM:
    """A deterministic machine that runs both at once and combines their verdicts.

    Args:
        one: a machine.
        other: another over the same alphabet.
        operation: how to combine: `intersection`, `union`, `difference` or `symmetric_difference`.

    Raises:
        ArgumentError: the alphabets differ, or there is no such operation.
    """
    if set(one.alphabet) != set(other.alphabet):
        raise ArgumentError(f"the alphabets differ: {' '.join(one.alphabet)} and {' '.join(other.alphabet)}")
    if operation not in ("intersection", "union", "difference", "symmetric_difference"):
        raise ArgumentError(
            f"unknown operation {operation!r}; known: intersection, union, difference, symmetric_difference"
        )
    left, right = _to_dfa(one), _to_dfa(other)
    return _from_dfa(getattr(left, operation)(right, retain_names=True, minify=False), one.alphabet)


@checked
def equivalent(one: FSM, other: FSM) -> bool:
    """Do two machines accept the same strings? Their alphabets must have the same symbols."""
    return set(one.alphabet) == set(other.alphabet) and _to_dfa(one) == _to_dfa(other)


def to_nfa(machine: FSM) -> "NFA":
    """The machine as automata-lib's NFA over the strings without markers."""
    nfa = extra("automata.fa.nfa", "converting a machine").NFA
    first, last = ("before", "after") if machine.is_framed else ("inside", "inside")
    arrows: dict[tuple[str, str], dict[str, set[tuple[str, str]]]] = {}
    places = [(state, phase) for state in machine.states for phase in dict.fromkeys((first, "inside", last))]
    for state, phase in places:
        found = arrows[state, phase] = {}
        moves = machine.index.at(state, ())
        for rule in moves.silent:
            found.setdefault("", set()).add((rule.target, phase))
        for symbol, rules in moves.reading.items():
            targets = {rule.target for rule in rules}
            if symbol in machine.alphabet:
                if phase == "inside":
                    found.setdefault(symbol, set()).update((target, phase) for target in targets)
            elif (phase, symbol) in (("before", START), ("inside", END)):
                after = "inside" if symbol == START else "after"
                found.setdefault("", set()).update((target, after) for target in targets)
    return nfa(
        states=set(places),
        input_symbols=set(machine.alphabet),
        transitions=arrows,
        initial_state=(INITIAL, first),
        final_states={(state, last) for state in machine.states if machine.acceptance.admits(state)},
    )


def _dfa_class() -> "type[DFA]":
    return extra("automata.fa.dfa", "converting a machine").DFA


def _to_dfa(machine: FSM) -> "DFA":
    return _dfa_class().from_nfa(to_nfa(machine), retain_names=True).to_complete()


def _from_dfa(dfa: "DFA", alphabet: tuple[str, ...]) -> FSM:
    """The machine of a DFA, its states named in the order in which they are met; traps from which none accepts go."""
    useful = _reaching(dfa)
    names: dict[Hashable, str] = {dfa.initial_state: INITIAL}
    order = [dfa.initial_state]
    rules = []
    for state in order:
        for symbol in alphabet:
            target = dfa.transitions[state].get(symbol)
            if target is None or target not in useful:
                continue
            if target not in names:
                names[target] = f"Q{len(order)}"
                order.append(target)
            rules.append(Rule(symbol, names[state], (), names[target], ()))
    if not rules:
        rules.append(Rule(EPSILON if not alphabet else ANY, INITIAL, (), REJECT, ()))
    accepting = tuple(names[state] for state in order if state in dfa.final_states)
    return FSM(
        symbols=alphabet, rules=tuple(rules), acceptance=Acceptance(states=accepting or ("ACCEPT",)), framed=False
    )


def _reaching(dfa: "DFA") -> set[Hashable]:
    found: set[Hashable] = set(dfa.final_states)
    grows = True
    while grows:
        more = {state for state, arrows in dfa.transitions.items() if found.intersection(arrows.values())}
        grows = not more <= found
        found |= more
    return found
