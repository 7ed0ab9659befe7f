"""Regular expressions and the classical constructions keep or change the language as they should."""

import re
from itertools import product as strings_of

import pytest
from hypothesis import given, settings

from neurallambda.automata import FSM, library
from neurallambda.automata.classical import complement, determinize, equivalent, from_regex, minimize, product
from neurallambda.automata.extras import MissingExtraError, extra
from neurallambda.automata.files.rule_file import from_data
from neurallambda.errors import ArgumentError
from tests.automata.machines import rule_files

pytest.importorskip("automata.fa.dfa")
STRINGS = ["".join(letters) for n in range(5) for letters in strings_of("ab", repeat=n)]


@settings(max_examples=60)
@given(rule_files("fsm"), rule_files("fsm"))
def test_constructions_on_any_machines(one: dict[str, object], other: dict[str, object]) -> None:
    left, right = from_data(one), from_data(other)
    assert isinstance(left, FSM)
    assert isinstance(right, FSM)
    by_left = {s for s in STRINGS if left.accepts(s)}
    by_right = {s for s in STRINGS if right.accepts(s)}

    def accepted(machine: FSM) -> set[str]:
        assert machine.is_deterministic
        return {s for s in STRINGS if machine.accepts(s)}

    assert accepted(determinize(left)) == by_left
    assert accepted(minimize(left)) == by_left
    assert accepted(complement(left)) == set(STRINGS) - by_left
    assert accepted(product(left, right)) == by_left & by_right
    assert accepted(product(left, right, "union")) == by_left | by_right
    assert accepted(product(left, right, "difference")) == by_left - by_right
    assert accepted(product(left, right, "symmetric_difference")) == by_left ^ by_right
    assert equivalent(left, minimize(left))
    assert len(minimize(left).states) <= len(determinize(left).states)


@pytest.mark.parametrize("regex", ["(ab)*", "a|b+", "a{2,3}b?", "(a|b)*abb", "[^a]+", "b*"])
def test_regular_expressions(regex: str) -> None:
    machine = from_regex(regex, "ab")
    assert [s for s in STRINGS if machine.accepts(s)] == [s for s in STRINGS if re.fullmatch(regex, s)]


def test_regular_expressions_of_the_library() -> None:
    angle = library.load("angle_tag")
    assert isinstance(angle, FSM)
    assert equivalent(from_regex("<[^>]+>", angle.alphabet), angle)
    with pytest.raises(ArgumentError, match="no regular expression"):
        from_regex("(a", "ab")
    with pytest.raises(ArgumentError, match="alphabets differ"):
        product(angle, from_regex("a", "ab"))


def test_a_missing_package_is_named_with_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"needs the package nothing_like_it.*neurallambda\[automata\]"):
        extra("nothing_like_it.part", "this")
