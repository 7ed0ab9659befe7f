"""The classical constructions on finite-state machines, done by automata-lib (the extra `automata`).

Results are machines without markers, whose states are `INITIAL`, `Q1`, `Q2`, ... and which accept by a list of states.
A framed machine is read as the language of the strings between its markers.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from neurallambda.arguments import checked
from neurallambda.automata.extras import extra
from neurallambda.automata.fsm import FSM
from neurallambda.automata.languages.regex import NOTHING, derivative, matches_empty, parse_regex
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import ACCEPT, ANY, END, EPSILON, INITIAL, REJECT, START
from neurallambda.errors import ArgumentError

if TYPE_CHECKING:
    from automata.fa.dfa import DFA
    from automata.fa.nfa import NFA

_MOST_STATES = 10_000

Operation = Literal["intersection", "union", "difference", "symmetric_difference"]


@checked
def from_regex(regex: str, symbols: Iterable[str]) -> FSM:
    r"""The minimal deterministic machine of a regular expression.

    Args:
        regex: symbols and `|`, `*`, `+`, `?`, `{m,n}`, `.`, `[...]`, `[^...]`, `&` (and), parentheses, and a backslash before
            what is to be a symbol; see `neurallambda.automata.languages.regex.parse_regex`.
        symbols: the alphabet, single characters.

    Raises:
        ArgumentError: the expression cannot be read, a symbol is not a single character, or there are too many states.

    Example:
        >>> machine = from_regex("(ab)*", "ab")
        >>> machine.accepts("abab"), machine.accepts("aba")
        (True, False)
    """
    alphabet = tuple(dict.fromkeys(symbols))
    for symbol in alphabet:
        if not isinstance(symbol, str) or len(symbol) != 1:
            raise ArgumentError(f"symbols: got {symbol!r}, expected single characters")
    if not isinstance(regex, str):
        raise ArgumentError(f"regex: got {regex!r}, expected text")
    begin = parse_regex(regex, alphabet)
    names = {begin: INITIAL}
    order, rules = [begin], []
    for expression in order:
        for symbol in alphabet:
            following = derivative(expression, symbol)
            if following == NOTHING:
                continue
            if following not in names:
                if len(order) >= _MOST_STATES:
                    raise ArgumentError(f"regex: {regex!r} needs more than {_MOST_STATES:,} states; use a smaller one")
                names[following] = f"Q{len(order)}"
                order.append(following)
            rules.append(Rule(symbol, names[expression], (), names[following], ()))
    accepting = tuple(names[expression] for expression in order if matches_empty(expression))
    return minimize(_machine(rules, alphabet, accepting, ""))


@checked
def determinize(machine: FSM) -> FSM:
    """A deterministic machine for the same language, by the subset construction."""
    return _from_dfa(_to_dfa(machine), machine)


@checked
def minimize(machine: FSM) -> FSM:
    """The smallest deterministic machine for the same language."""
    return _from_dfa(_to_dfa(machine).minify(retain_names=True), machine)


@checked
def complement(machine: FSM) -> FSM:
    """A deterministic machine for the strings that `machine` does not accept."""
    return _from_dfa(_to_dfa(machine).complement(), machine)


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
    return _from_dfa(getattr(left, operation)(right, retain_names=True, minify=False), one)


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


def _from_dfa(dfa: "DFA", like: FSM) -> FSM:
    """The machine of a DFA, its states named in the order in which they are met; traps from which none accepts go."""
    alphabet, separator = like.alphabet, like.separator
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
    accepting = tuple(names[state] for state in order if state in dfa.final_states)
    return _machine(rules, alphabet, accepting, separator)


def _machine(rules: Sequence[Rule], alphabet: tuple[str, ...], accepting: tuple[str, ...], separator: str) -> FSM:
    """A machine without markers; one that goes nowhere has a rule that says so."""
    nowhere = Rule(ANY if alphabet else EPSILON, INITIAL, (), REJECT, ())
    return FSM(
        symbols=alphabet,
        rules=tuple(rules) or (nowhere,),
        acceptance=Acceptance(states=accepting or (ACCEPT,)),
        framed=False,
        separator=separator,
    )


def _reaching(dfa: "DFA") -> set[Hashable]:
    found: set[Hashable] = set(dfa.final_states)
    grows = True
    while grows:
        more = {state for state, arrows in dfa.transitions.items() if found.intersection(arrows.values())}
        grows = not more <= found
        found |= more
    return found
