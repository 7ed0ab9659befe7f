"""Machines made up by Hypothesis, against an interpreter that shares nothing with the package."""

from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings

from neurallambda.automata import PDA, Automaton, Limits, Outcome
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.languages.productions import EndlessDerivationsError
from neurallambda.automata.runs.exploration import explore
from neurallambda.errors import ProgramError
from tests.automata.machines import rule_files
from tests.automata.oracle import verdict

LONGEST = 4
STRINGS = ["".join(letters) for n in range(LONGEST + 1) for letters in product("ab", repeat=n)]
SMALL = Limits(configurations=2000, steps=2000, cells=200)


def check_verdicts(machine: Automaton, data: dict[str, Any]) -> None:
    for string in STRINGS:
        expected = verdict(data, string)
        outcome = machine.decide(string, limits=SMALL)
        if expected.runs:
            assert outcome is Outcome.ACCEPTED or (outcome is Outcome.OUT_OF_MEMORY and data["machine"] != "pda"), (
                string
            )
        elif expected.whole:
            assert outcome is (Outcome.LOOPS if expected.loops else Outcome.REJECTED), string


def check_counts(machine: Automaton, data: dict[str, Any]) -> None:
    for n in range(LONGEST + 1):
        verdicts = {s: verdict(data, s) for s in STRINGS if len(s) == n}
        if not all(found.whole for found in verdicts.values()):
            event("cut off")
            continue
        accepted = sorted(s for s, found in verdicts.items() if found.runs)
        try:
            assert machine.count(n) == len(accepted)
        except ProgramError:
            event("out of reach")
            continue
        assert sorted(machine.enumerate(n)) == accepted
        if accepted:
            assert set(machine.samples(n, 5)) <= set(accepted)


def check_runs(machine: PDA, data: dict[str, Any]) -> None:
    for string in STRINGS:
        expected = verdict(data, string)
        if expected.whole and not expected.loops:
            assert sum(1 for _ in machine.runs(string, limits=SMALL)) == expected.runs, string
            try:
                assert machine.count_runs(string) == expected.runs, string
            except EndlessDerivationsError:
                event("endless on another string")
    for n in range(LONGEST + 1):
        census = machine.census(n)
        verdicts = [verdict(data, s) for s in STRINGS if len(s) == n]
        if census.runs is not None and all(found.whole for found in verdicts):
            assert census.runs == sum(found.runs for found in verdicts)
            if census.strings is not None:
                assert census.ambiguous == any(found.runs > 1 for found in verdicts)


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm"])
def test_verdicts_and_counts(kind: str) -> None:
    @settings(max_examples=60)
    @given(rule_files(kind))
    def check(data: dict[str, Any]) -> None:
        machine = from_data(data)
        check_verdicts(machine, data)
        check_counts(machine, data)
        if isinstance(machine, PDA):
            check_runs(machine, data)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm"])
def test_verdicts_and_counts_of_many(kind: str) -> None:
    @settings(max_examples=200)
    @given(rule_files(kind))
    def check(data: dict[str, Any]) -> None:
        machine = from_data(data)
        check_verdicts(machine, data)
        check_counts(machine, data)
        if isinstance(machine, PDA):
            check_runs(machine, data)

    check()


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa"])
def test_the_fast_verdict_is_the_explored_one(kind: str) -> None:
    @settings(max_examples=150)
    @given(rule_files(kind))
    def check(data: dict[str, Any]) -> None:
        machine = from_data(data)
        if machine.is_deterministic:
            event("deterministic")
            for string in STRINGS:
                fast = machine.decide(string, limits=SMALL)
                explored = explore(machine, machine.tokens(string), limits=SMALL).outcome
                endless = {Outcome.OUT_OF_MEMORY, Outcome.OUT_OF_STEPS}
                assert fast == explored or (explored in endless and fast in endless | {Outcome.REJECTED}), string

    check()
