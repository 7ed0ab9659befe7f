"""Markers anywhere: what is decided, counted, listed and drawn is one language, that of the strings in their frame."""

from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings

from neurallambda.automata import FSM, PDA, Automaton, Limits, Outcome, loads
from neurallambda.automata.classical import to_nfa
from neurallambda.automata.data.generate import Recipe, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.runs.limits import UNDECIDED
from neurallambda.automata.runs.prospects import prospects
from neurallambda.errors import ProgramError
from tests.automata.machines import marked_files
from tests.automata.oracle import verdict

SMALL = Limits(configurations=2000, steps=2000, cells=200)
TEXTS = ["".join(letters) for n in range(4) for letters in product("ab^$", repeat=n)]
TEXTS += [f"^{text}$" for text in TEXTS if len(text) == 2] + ["^$a$", "^a^a$", "^^a$$", "^a$a$"]
MIDDLE = """{"machine": "pda", "symbols": ["^", "a", "$"], "rules": [
    [["^", "INITIAL", null], ["Q", "nullop"]], [["$", "Q", null], ["R", "nullop"]],
    [["a", "R", null], ["R", "nullop"]],       [["$", "R", null], ["ACCEPT", "nullop"]]]}"""


def body_of(machine: Automaton, text: str) -> str | None:
    """The symbols between the markers, or None for what is no string of this machine; worked out anew."""
    if machine.is_framed:
        text = text[1:-1] if len(text) > 1 and text[0] == "^" and text[-1] == "$" else text
    return text if all(letter in machine.alphabet for letter in text) else None


def check_one_language(machine: Automaton, data: dict[str, Any]) -> None:
    members: dict[int, set[str] | None] = {}
    for n in range(3):
        try:
            language = machine.language(SMALL)
            count = language.count(n)
            members[n] = {machine.text(language.unrank(n, rank)) for rank in range(count)}
            assert count == len(members[n] or ())
        except ProgramError:
            members[n] = None
            event("out of reach")
    for text in TEXTS:
        outcome, body = machine.decide(text, limits=SMALL), body_of(machine, text)
        followed = machine.run(text, limits=SMALL).outcome
        assert UNDECIDED.intersection((outcome, followed)) or outcome is followed, text
        if body is None:
            assert outcome is not Outcome.ACCEPTED, text
            assert not list(machine.runs(text, limits=SMALL))
            if isinstance(machine, PDA):
                assert machine.count_runs(text) == 0
            continue
        known = members.get(len(body))
        if known is not None and outcome not in UNDECIDED:
            assert (outcome is Outcome.ACCEPTED) == (body in known), text
        expected = verdict({**data, "framed": machine.is_framed}, body)
        if expected.whole and outcome not in UNDECIDED:
            assert (outcome is Outcome.ACCEPTED) == (expected.runs > 0), text
        if isinstance(machine, FSM):
            assert (outcome is Outcome.ACCEPTED) == to_nfa(machine).accepts_input(body)
        if outcome is Outcome.ACCEPTED and not machine.reads_from_tape:
            try:
                assert prospects(machine, text, limits=SMALL)[-1][-1]
            except ProgramError:
                event("silent steps without end")
    lengths = [n for n, found in members.items() if found]
    if lengths:
        recipe = Recipe(size=4, lengths=Lengths(dict.fromkeys(lengths, 1.0)))
        assert all(
            machine.text(row.string) in (members[len(row.string)] or ())
            for row in generate(machine, recipe, limits=SMALL)
        )


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm"])
def test_every_verb_means_the_same_language(kind: str) -> None:
    @settings(max_examples=30)
    @given(marked_files(kind))
    def check(data: dict[str, Any]) -> None:
        check_one_language(from_data(data), data)

    check()


def test_a_marker_inside_a_string_is_refused() -> None:
    """The rules would read it, but no string of the machine has it."""
    machine = loads(MIDDLE)
    assert machine.decide("^$a$") is Outcome.REJECTED
    assert machine.decide("$a") is Outcome.REJECTED
    assert [machine.count(n) for n in range(4)] == [0, 0, 0, 0]
    assert [str(step.configuration.state) for step in machine.run("^$a$").steps] == ["INITIAL", "Q"]


def test_a_marker_that_is_no_symbol_is_not_read_without_a_frame() -> None:
    rules = '[[["a", "INITIAL"], ["P"]], [["$", "P"], ["ACCEPT"]]]'
    undeclared = loads(f'{{"machine": "fsm", "symbols": ["a"], "rules": {rules}}}')
    assert (undeclared.accepts("a$"), undeclared.count(2)) == (False, 0)
    declared = loads(f'{{"machine": "fsm", "symbols": ["a", "$"], "rules": {rules}}}')
    assert (declared.accepts("a$"), declared.count(2), list(declared.enumerate(2))) == (True, 1, ["a$"])


def test_a_tape_that_holds_no_string_is_refused_even_unread() -> None:
    machine = loads('{"machine": "tm", "symbols": ["a"], "rules": [[["ANY", "INITIAL"], ["ACCEPT", ["KEEP", "S"]]]]}')
    assert [machine.accepts(text) for text in ("", "a", "c", "ac")] == [True, True, False, False]
    assert machine.run("ac").outcome is Outcome.REJECTED
