"""Regular expressions and the classical constructions keep or change the language as they should."""

import re
from itertools import product as strings_of
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.automata import FSM, library, loads
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


LETTERS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-b]", "()"])
REGEXES = st.recursive(
    LETTERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{0}", "{2}", "{1,}", "{0,2}", "{2,3}", "{,1}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(REGEXES, REGEXES)
def test_any_regular_expression_is_what_python_says(one: str, other: str) -> None:
    """Python writes "at most one" with a zero; and has no `&`, which is put together from two answers."""
    first, second = (re.compile(regex.replace("{,", "{0,"), re.DOTALL) for regex in (one, other))
    machine, both = from_regex(one, "ab"), from_regex(f"({one})&({other})", "ab")
    for string in STRINGS:
        assert machine.accepts(string) == bool(first.fullmatch(string)), string
        assert both.accepts(string) == bool(first.fullmatch(string) and second.fullmatch(string)), string
    assert equivalent(machine, minimize(machine))
    assert len(minimize(machine).states) == len(machine.states)


def test_no_times_is_the_empty_string() -> None:
    machine = from_regex("a{0}", "ab")
    assert [s for s in STRINGS if machine.accepts(s)] == [""]
    assert [s for s in STRINGS if from_regex("a{0,2}b{0}", "ab").accepts(s)] == ["", "a", "aa"]
    assert [s for s in STRINGS if from_regex("", "ab").accepts(s)] == [""]
    assert not any(map(from_regex("a&b", "ab").accepts, STRINGS))
    assert from_regex(r"\(a\.\)", "a.()").accepts("(a.)")
    assert from_regex("a$", "a$").accepts("a$")
    assert from_regex("(a|b)*a(a|b){7}", "ab").accepts("a" * 8)


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        ("c", "at character 1, 'c' is not in the alphabet; add it to the symbols"),
        ("ac*", "at character 2, 'c' is not in the alphabet"),
        ("[ab", "at character 1, '[' is never closed; add ]"),
        ("[ac]", "at character 3, 'c' is not in the alphabet"),
        ("[c-d]", "at character 2, 'c' begins a range up to 'd' that has no symbol"),
        ("[]", "has no symbol in it"),
        ("a$", "at character 2, '$' is not in the alphabet; an expression matches whole strings"),
        ("^a", "at character 1, '^' is not in the alphabet; an expression matches whole strings"),
        ("a{1", "at character 2, '{' begins no number of times"),
        ("a{", "begins no number of times"),
        ("a{}", "begins no number of times"),
        ("a{,}", "begins no number of times"),
        ("a{x}", "begins no number of times"),
        ("a{-1}", "begins no number of times"),
        ("a{3,2}", "begins no range of at most 1000 times"),
        ("a{2000}", "begins no range of at most 1000 times"),
        ("{2}", "at character 1, '{' repeats nothing"),
        ("*a", "at character 1, '*' repeats nothing"),
        ("a|+", "at character 3, '+' repeats nothing"),
        ("(a", "at character 1, '(' is never closed"),
        ("a)", "at character 2, ')' closes nothing"),
        ("a]", "at character 2, ']' closes nothing"),
        ("a\\", "the end follows a backslash"),
        ("a b", "at character 2, ' ' is not in the alphabet"),
        ("(" * 5000, "is nested more than 100 deep"),
        ("(a|b)*a(a|b){13}", "needs more than 10,000 states"),
    ],
)
def test_what_is_no_regular_expression_is_said(regex: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        from_regex(regex, "ab")
    assert message in str(caught.value)


def test_alphabets_are_characters() -> None:
    wrong: Any = ["ab", 3]
    for symbols in ([one] for one in wrong):
        with pytest.raises(ArgumentError, match=r"expected (single characters|an iterable of text)"):
            from_regex("a", symbols)
    assert from_regex("", "").accepts("")


def test_constructions_keep_the_separator() -> None:
    machine = loads(
        '{"machine": "fsm", "symbols": ["x", "xx"], "separator": " ", "rules": [[["x", "INITIAL"], ["P"]], '
        '[["xx", "P"], ["ACCEPT"]]]}'
    )
    assert isinstance(machine, FSM)
    assert minimize(machine).accepts("x xx")
    assert not complement(machine).accepts("x xx")
    assert product(machine, machine).sample(2) == "x xx"


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
