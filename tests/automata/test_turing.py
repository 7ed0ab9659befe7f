"""Turing machines with two tapes, and with two stacks, made up by Hypothesis, against an oracle that shares nothing."""

from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings

from neurallambda.automata import Limits, Outcome
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.runs.limits import UNDECIDED
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


@pytest.mark.parametrize(("kind", "memories"), [("tapes", 2), ("tapes", 3), ("stacks", 2), ("stacks", 3)])
def test_several_tapes_or_stacks(kind: str, memories: int) -> None:
    @settings(max_examples=60)
    @given(turing_files(kind, memories))
    def examine(data: dict[str, Any]) -> None:
        check(data)

    examine()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "memories"), [("tapes", 2), ("tapes", 3), ("stacks", 2), ("stacks", 3)])
def test_many_with_several_tapes_or_stacks(kind: str, memories: int) -> None:
    @settings(max_examples=1000)
    @given(turing_files(kind, memories))
    def examine(data: dict[str, Any]) -> None:
        check(data)

    examine()
