"""What rule files mean: each clause of the format, on the smallest machine that shows it."""

import json
from typing import Any

import pytest

from neurallambda.automata import PDA, Automaton, Limits, Outcome, TuringMachine, library, loads
from neurallambda.automata.runs.trace import trace


def machine(kind: str, *rules: Any, symbols: str = "ab", **more: Any) -> Automaton:
    return loads(json.dumps({"machine": kind, "symbols": list(symbols), "rules": rules, **more}))


def test_any_in_every_slot_matches_an_empty_memory_too() -> None:
    anything = machine("pda", [["ANY", "ANY", "ANY"], ["P", "nullop"]], [["b", "P", "ANY"], ["ACCEPT", "nullop"]])
    assert [s for s in ("", "a", "b", "ab", "bb", "aab", "ba") if anything.accepts(s)] == ["ab", "bb", "aab"]


def test_null_matches_only_an_empty_memory() -> None:
    empty = machine(
        "pda", [["a", "INITIAL", None], ["INITIAL", ["push", "x"]]], [["b", "INITIAL", "x"], ["ACCEPT", "pop"]]
    )
    assert empty.accepts("ab")
    assert not empty.accepts("b")
    assert not empty.accepts("aab")


def test_popping_and_dequeuing_nothing_changes_nothing() -> None:
    for kind, operation in (("pda", "pop"), ("qa", "DEQL"), ("qa", "DEQR")):
        rules = [["a", "INITIAL", None], ["P", operation]], [["b", "P", None], ["ACCEPT", operation]]
        assert machine(kind, *rules).accepts("ab")


def test_a_deque_is_read_at_its_left_end() -> None:
    rules = (
        [["a", "INITIAL", "ANY"], ["P", ["ENQR", "1"]]],
        [["a", "P", "1"], ["Q", ["ENQR", "2"]]],
        [["a", "Q", "1"], ["R", ["ENQL", "3"]]],
        [["a", "R", "3"], ["S", "DEQR"]],
        [["a", "S", "3"], ["T", "DEQL"]],
        [["a", "T", "1"], ["ACCEPT", "DEQL"]],
    )
    found = machine("qa", *rules).run("aaaaaa")
    assert found.outcome == "accepted"
    assert trace(found).memories == (("",), ("1",), ("1 2",), ("3 1 2",), ("3 1",), ("1",), ("",))


def test_accept_holds_whatever_the_memory_holds_and_ends_the_run() -> None:
    rules = [["a", "INITIAL", "ANY"], ["ACCEPT", ["push", "x"]]], [["a", "ANY", "ANY"], ["P", "nullop"]]
    assert machine("pda", *rules).accepts("a")
    assert not machine("pda", *rules).accepts("aa")
    assert not machine("pda", *rules, acceptance={"memory": "empty"}).accepts("a")


def test_reject_ends_one_run_only() -> None:
    rules = [["ANY", "INITIAL"], ["REJECT"]], [["a", "INITIAL"], ["ACCEPT"]]
    assert machine("fsm", *rules).accepts("a")
    assert machine("fsm", *rules).decide("b") == "rejected"
    assert machine("fsm", *rules).is_deterministic


def test_strings_of_a_framed_machine_come_with_markers_or_without() -> None:
    anbn = library.load("anbn")
    assert anbn.is_framed
    assert anbn.accepts("^aabb$")
    assert anbn.accepts("aabb")
    assert anbn.accepts(["^", "a", "b", "$"])
    assert anbn.accepts(["a", "b"])
    assert not anbn.accepts("^aabb")
    assert not anbn.accepts("aa^bb$")


def test_a_file_as_the_first_tool_wrote_them() -> None:
    text = """{"machine": "PDA", "symbols": ["^", "a", "b", "$", ""], "rules": [
        [["^", "INITIAL", null], ["Q1", ["push", "$"]]],
        [["a", "Q1", "ANY"], ["Q1", ["push", "a"]]],
        [["b", "Q1", "a"], ["Q2", "pop"]],
        [["b", "Q2", "a"], ["Q2", "pop"]],
        [["$", "Q2", "$"], ["ACCEPT", "pop"]],
        [["ANY", "Q2", "ANY"], ["REJECT", "nullop"]]]}"""
    old = loads(text)
    assert [old.count(n) for n in range(7)] == [0, 0, 1, 0, 1, 0, 1]
    assert old.alphabet == ("a", "b")
    assert old.is_deterministic


def test_silent_steps_that_lead_back_are_a_loop() -> None:
    rules = [["", "INITIAL", "ANY"], ["P", "nullop"]], [["", "P", "ANY"], ["INITIAL", "nullop"]]
    assert machine("pda", *rules).decide("a") == "loops"
    assert machine("pda", *rules).accepts("a") is False
    assert machine("pda", *rules, [["a", "P", None], ["ACCEPT", "nullop"]]).accepts("a")


def test_a_pushdown_automaton_decides_even_where_its_stack_grows_without_end() -> None:
    rules = (
        [["", "INITIAL", "ANY"], ["INITIAL", ["push", "x"]]],
        [["a", "INITIAL", "x"], ["DOWN", "pop"]],
        [["a", "DOWN", "x"], ["DOWN", "pop"]],
        [["b", "DOWN", None], ["ACCEPT", "nullop"]],
    )
    grows = machine("pda", *rules)
    assert isinstance(grows, PDA)
    assert grows.accepts("a" * 9 + "b")
    assert not grows.accepts("b")
    assert grows.count_runs("aaab") == 1


def test_steps_and_cells_without_end_are_named_outcomes() -> None:
    runaway = machine("qa", [["", "INITIAL", "ANY"], ["INITIAL", ["ENQR", "x"]]])
    assert runaway.decide("a", limits=Limits(cells=50)) is Outcome.OUT_OF_MEMORY
    right = machine("tm", [["ANY", "INITIAL"], ["INITIAL", ["a", "R"]]])
    assert right.decide("", limits=Limits(steps=50)) is Outcome.OUT_OF_STEPS
    still = machine("tm", [["ANY", "INITIAL"], ["INITIAL", ["a", "S"]]])
    assert still.decide("") is Outcome.LOOPS


def test_a_turing_machine_need_not_read_its_string() -> None:
    first = machine("tm", [["a", "INITIAL"], ["ACCEPT", ["b", "L"]]])
    assert first.accepts("abba")
    assert first.count(5) == 2**4
    assert isinstance(first, TuringMachine)
    assert first.compute("abba") == "bbba"
    assert [step.configuration.state for step in first.run("ab").steps] == ["INITIAL", "ACCEPT"]


def test_symbols_of_several_characters() -> None:
    tags = library.load("html_tags")
    assert tags.tokens("<b>x</b>") == ("^", "<b>", "x", "</b>", "$")
    pump = library.load("gas_pump")
    assert pump.tokens("lift hang") == ("lift", "hang")
    assert pump.accepts("lift hang pay lift hang pay")
    assert not pump.accepts("lift fly")


@pytest.mark.parametrize("name", ["palindromes", "ww", "anbncn", "dyck2", "anbncn_tape", "binary_addition", "parity"])
def test_every_step_of_a_run_is_a_rule_of_the_machine(name: str) -> None:
    one = library.load(name)
    for n in (6, 7, 9):
        for text in one.samples(n, 3) if one.count(n) else ():
            found = one.run(text)
            assert found.accepted
            assert found.steps[0].rule is None
            for before, after in zip(found.steps, found.steps[1:], strict=False):
                assert after.rule is not None
                assert after.rule in one.rules
                assert after.rule.target == after.configuration.state
                assert after.rule.state in (before.configuration.state, "ANY")
            assert one.acceptance.admits(next(iter(one.runs(text)))[-1].configuration.state)


def test_all_accepting_runs_of_an_ambiguous_machine() -> None:
    rules = (
        [["a", "INITIAL", "ANY"], ["INITIAL", "nullop"]],
        [["a", "INITIAL", "ANY"], ["P", "nullop"]],
        [["a", "P", "ANY"], ["P", "nullop"]],
    )
    twice = machine("pda", *rules, acceptance={"states": ["P"]})
    assert isinstance(twice, PDA)
    for n in range(6):
        assert twice.count_runs("a" * n) == n == len(list(twice.runs("a" * n)))
        census = twice.census(n)
        assert (census.strings, census.runs, census.ambiguous) == (int(n > 0), n, n > 1)
    assert not twice.is_unambiguous


def test_exploring_what_grows_without_end_stops_before_it_fills_the_memory() -> None:
    runaway = machine("qa", [["", "INITIAL", "ANY"], ["INITIAL", ["ENQR", "x"]]])
    found = runaway.run("a", limits=Limits(storage=10_000))
    assert found.outcome is Outcome.OUT_OF_MEMORY
    assert sum(len(node.configuration.memories[0]) for node in found.exploration.nodes) <= 10_000


def test_a_run_that_goes_on_silently_after_accepting_may_accept_again() -> None:
    rules = [["a", "INITIAL", None], ["P", "nullop"]], [["", "P", None], ["ACCEPT", "nullop"]]
    twice = machine("pda", *rules, acceptance={"states": ["P", "ACCEPT"]})
    assert isinstance(twice, PDA)
    assert [len(steps) for steps in twice.runs("a")] == [2, 3]
    assert twice.count_runs("a") == 2
    assert twice.census(1).ambiguous
