"""Programs in words are the programs."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching.lisp_words import AND, BELOW, DIGITS, END, SIGNS, from_words, in_words
from neurallambda.tasks.lisp.programs import INTEGERS, SYMBOLS, WORDS, tokens, value_of, write_program


@given(st.lists(st.sampled_from(SYMBOLS)))
def test_words_can_be_read_back(program: list[str]) -> None:
    assert from_words(in_words(program)) == program


def test_every_token_of_programs_has_words_of_its_own() -> None:
    assert set(SIGNS) == set(WORDS)
    words = [*SIGNS.values(), *DIGITS, BELOW, AND, "is", END]
    assert len(set(words)) == len(words)
    assert len({tuple(in_words([str(number)])) for number in INTEGERS}) == len(INTEGERS)


def test_a_program_in_words_has_the_value_that_it_had() -> None:
    random = Random(0)
    for _ in range(50):
        program = write_program(20, random)
        assert value_of(from_words(in_words(program))) == value_of(program)
    assert in_words(tokens("'(12 -3)")) == ["list", "one", "and", "two", "below", "three", "out"]


@pytest.mark.parametrize("words", [["dog"], ["below"], ["and", "one"], ["one", "and"], ["in", "below", "out"]])
def test_other_words_are_refused(words: list[str]) -> None:
    with pytest.raises(ArgumentError, match="expected a program in the words"):
        from_words(words)


@pytest.mark.parametrize("token", ["foo", "1.5", "--1", "²", ""])
def test_other_tokens_are_refused(token: str) -> None:
    with pytest.raises(ArgumentError, match="expected numbers and"):
        in_words([token])
