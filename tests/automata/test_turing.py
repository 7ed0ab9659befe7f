"""Turing machines with several tapes, or stacks and queues, made up by Hypothesis, against an oracle that shares nothing."""

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings

from neurallambda.automata import Limits, MachineError, Operation, Outcome, Rule, TuringMachine, dumps, loads
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.runs.limits import UNDECIDED
from neurallambda.errors import ArgumentError, ProgramError
from tests.automata.machines import turing_files
from tests.automata.naive_turing import verdict

STRINGS = ["".join(letters) for n in range(4) for letters in product("ab", repeat=n)] + ["abab", "bbaa"]
SMALL = Limits(configurations=2000, steps=2000, cells=200)


def check(data: dict[str, Any]) -> None:
    machine, settled = from_data(data), 0
    for string in STRINGS:
        expected, outcome = verdict(data, string), machine.decide(string, limits=SMALL)
        if expected.accepts:
            assert outcome is Outcome.ACCEPTED or outcome in UNDECIDED, string
        elif expected.whole:
            assert outcome is (Outcome.LOOPS if expected.loops else Outcome.REJECTED), string
        settled += expected.whole
    event(f"{settled // 6 * 6} strings settled")
    event("some accepted" if any(verdict(data, string).accepts for string in STRINGS) else "none accepted")


KINDS = [
    ("tapes", 2),
    ("tapes", 3),
    ("stacks", 2),
    ("stacks", 3),
    ("queues", 2),
    ("stacks and queues", 2),
    ("stacks and queues", 3),
]


@pytest.mark.parametrize(("kind", "memories"), KINDS)
def test_several_memories(kind: str, memories: int) -> None:
    @settings(max_examples=60)
    @given(turing_files(kind, memories))
    def examine(data: dict[str, Any]) -> None:
        check(data)

    examine()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "memories"), KINDS)
def test_many_with_several_memories(kind: str, memories: int) -> None:
    @settings(max_examples=1000)
    @given(turing_files(kind, memories))
    def examine(data: dict[str, Any]) -> None:
        check(data)

    examine()


def test_what_rules_write() -> None:
    """Each symbol is answered by the one that came two before it: a queue of length two."""
    rules = [
        [["ANY", "INITIAL", None], ["FULL", ["ENQR", "a"], "-"]],
        [["a", "FULL", "ANY"], ["FULL", ["ENQR", "a"], "-"]],
        [["b", "FULL", "a"], ["FULL", "DEQL", "was a"]],
        [["b", "FULL", None], ["REJECT", "NULLOP"]],
    ]
    data = {"machine": "tm", "symbols": ["a", "b"], "queues": 1, "acceptance": {"states": ["FULL"]}, "rules": rules}
    machine = loads(json.dumps(data))
    assert isinstance(machine, TuringMachine)
    assert (machine.tapes, machine.stacks, machine.queues) == (0, 0, 1)
    assert machine.transduce("aabb") == ("-", "-", "was a", "was a")
    assert loads(dumps(machine)) == machine
    assert [rule.output for rule in machine.rules] == ["-", "-", "was a", None]
    with pytest.raises(ArgumentError, match="does not accept 'abb'"):
        machine.transduce("abb")
    with pytest.raises(ArgumentError, match="this machine has no outputs"):
        replace(machine, rules=tuple(rule._replace(output=None) for rule in machine.rules)).transduce("a")
    with pytest.raises(ProgramError):
        machine.transduce("a" * 50, limits=Limits(steps=10))


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        ({"queues": 17}, "queues", "from 0 to 16"),
        ({"queues": 1, "tapes": 1}, "queues", "tapes or stacks and queues"),
        (
            {"queues": 1, "rules": [[["a", "INITIAL", None], ["ACCEPT", "pop"]]]},
            "rules[0][1][1]",
            "no operation of a deque",
        ),
        ({"queues": 1, "rules": [[["a", "INITIAL", None], ["ACCEPT", "DEQL", 3]]]}, "rules[0][1][2]", "expected text"),
        ({"rules": [[[None, "INITIAL"], ["ACCEPT", ["a", "R"], "x"]]]}, "rules[0][1]", "2 parts; got 3"),
    ],
)
def test_faults_of_machines_with_queues(change: dict[str, Any], place: str, message: str) -> None:
    with pytest.raises(MachineError, match=message) as caught:
        from_data({"machine": "tm", "symbols": ["a"], "rules": []} | change)
    assert caught.value.place == place


def test_machines_with_tapes_have_no_outputs() -> None:
    with pytest.raises(MachineError, match="a machine with tapes writes on them"):
        TuringMachine(symbols=("a",), rules=(Rule("", "INITIAL", ("a",), "ACCEPT", (Operation("R", "a"),), "x"),))
