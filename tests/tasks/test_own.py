"""The project's own tasks: answers are those of the definition, and nothing else gives them away."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate, parse_term, to_text
from neurallambda.tasks import Task, task
from neurallambda.tasks.lisp.programs import tokens, value_of, write_program
from neurallambda.tasks.remembering import n_back
from neurallambda.tasks.sums import sliding_window_sum
from tests.tasks.own_checkers import OWN_CHECKERS


def rows(asked: Task, lengths: int | tuple[int, int], count: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    batch = asked.batch(lengths, count, generator=torch.Generator().manual_seed(seed))
    records = [asked.record(batch, row) for row in range(count)]
    return [(record["input"], record["answer"]) for record in records]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("name", OWN_CHECKERS)
@settings(max_examples=20)
@given(st.integers(0, 30), st.integers(0, 20), st.integers(0, 10_000))
def test_batches_are_what_the_definition_says(name: str, low: int, more: int, seed: int) -> None:
    asked = task(name)
    low += asked.shortest
    for names, answer in rows(asked, (low, low + more), 5, seed):
        assert answer == OWN_CHECKERS[name](names)
        plain = asked.answer([asked.symbols.index(symbol) for symbol in names])
        assert [asked.answers[symbol] for symbol in plain] == answer


@pytest.mark.parametrize("name", ["palindromes", "conditional-lookup"])
def test_symbols_kept_for_tests_are_never_shown(name: str) -> None:
    asked = task(name)
    unseen = task(f"{name}-unseen")
    assert asked.unseen is unseen
    assert asked.symbols == unseen.symbols
    assert asked.answers == unseen.answers
    shown = {symbol for names, _ in rows(asked, (4, 20), 300) for symbol in names} - {"?"}
    kept = {symbol for names, _ in rows(unseen, (4, 20), 300) for symbol in names} - {"?"}
    assert len(shown) == len(kept) == 16
    assert not shown & kept


@pytest.mark.parametrize(("name", "yes"), [("palindromes", "yes"), ("conditional-lookup", None)])
@pytest.mark.parametrize("length", [4, 5, 12])
def test_half_of_the_rows_of_each_length_are_of_either_kind(name: str, yes: str | None, length: int) -> None:
    answers = Counter(
        answer[0] == "yes" if yes else answer[0] != "none" for _, answer in rows(task(name), length, 3_000)
    )
    assert abs(answers[True] - 1_500) < 150


def test_the_latest_value_of_a_key_counts() -> None:
    asked = task("conditional-lookup")
    again = [names for names, _ in rows(asked, 20, 300) if names[:-2:2].count(names[-1]) > 1]
    assert len(again) > 50


@pytest.mark.parametrize("length", [8, 40])
def test_values_taken_for_keys_give_wrong_answers(length: int) -> None:
    """Whoever looks at what follows the key, wherever it stands last, is wrong in a quarter of the rows at least."""
    wrong = 0
    for names, answer in rows(task("conditional-lookup"), length, 2_000):
        after = [follows for name, follows in pairwise(names[:-1]) if name == names[-1]]
        wrong += (after[-1] if after else "none") != answer[0]
    assert wrong / 2_000 > 0.25


@pytest.mark.parametrize("place", [0, 4, 9])
def test_no_pair_of_symbols_tells_whether_a_string_is_a_palindrome(place: int) -> None:
    found = rows(task("palindromes"), 20, 4_000)
    right = sum((names[place] == names[~place]) == (answer == ["yes"]) for names, answer in found)
    assert right / 4_000 < 0.7


def test_all_answers_at_a_place_come_about_as_often() -> None:
    for name in ("latch", "n-back"):
        answers = [answer for _, answer in rows(task(name), 20, 2_000)]
        share = sum(answer[15] in ("on", "same") for answer in answers) / 2_000
        assert 0.4 < share < 0.85, name


@given(st.integers(1, 6), st.integers(2, 9), st.integers(1, 15), st.integers(0, 99))
def test_the_distance_is_a_parameter(n: int, symbols: int, length: int, seed: int) -> None:
    for names, answer in rows(n_back(n, symbols=symbols), length, 3, seed):
        expected = ["same" if place >= n and names[place] == names[place - n] else "other" for place in range(length)]
        assert answer == expected


@given(st.integers(1, 9), st.integers(1, 15), st.integers(0, 99))
def test_the_window_is_a_parameter(width: int, length: int, seed: int) -> None:
    for names, answer in rows(sliding_window_sum(width), length, 3, seed):
        digits = list(map(int, names))
        assert answer == [str(sum(digits[: place + 1][-width:]) % 10) for place in range(length)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("conditional-lookup", "s1 s2 s3 ? s1", "pairs of a key and its value"),
        ("conditional-lookup", "s1 s2 s1 s1", "pairs of a key and its value"),
        ("conditional-lookup", "s1 s2 ? ?", "pairs of a key and its value"),
        ("insertion", "3 1 | 2", "digits in order"),
        ("insertion", "1 3 2", "digits in order"),
        ("lisp-value", "( car '( ) )", "ends in a value"),
        ("lisp-step", "'( 1 2 3 )", "this one has none"),
    ],
)
def test_inputs_that_are_none_are_refused(name: str, text: str, message: str) -> None:
    asked = task(name)
    with pytest.raises(ArgumentError, match=message):
        asked.answer([asked.symbols.index(symbol) for symbol in text.split()])


@given(st.integers(1, 60), st.integers(0, 10_000))
def test_programs_are_written_canonically_and_end(length: int, seed: int) -> None:
    program = write_program(length, Random(seed))
    assert 1 <= len(program) <= length
    assert tokens(to_text(parse_term(" ".join(program)))) == program
    assert str(value_of(program).error) in ("None", "overflow", "not-a-pair")


def test_programs_are_nearly_as_long_as_asked_for_and_of_every_kind() -> None:
    random = Random(0)
    drawn = [write_program(40, random) for _ in range(300)]
    assert sum(map(len, drawn)) / 300 > 34
    words = {word for program in drawn for word in program}
    assert {"fn", "let", "letrec", "if", "cons", "cdr", "empty?", "true", "not", "<=", "'("} <= words


def test_steps_lead_to_the_value() -> None:
    """A program reduced as often as a step can be taken has the value that the evaluator gives."""
    step, value = task("lisp-step"), task("lisp-value")
    for names, answer in rows(value, (5, 16), 20):
        term = [step.symbols.index(symbol) for symbol in names]
        for _ in range(60):
            try:
                *term, _end = step.reference(term)
            except ArgumentError:
                break
        assert [step.symbols[symbol] for symbol in term] == answer[:-1]


def test_a_step_keeps_the_value() -> None:
    for names, answer in rows(task("lisp-step"), (8, 30), 60):
        before, after = (evaluate(" ".join(text)) for text in (names, answer[:-1]))
        if before.error is None:
            assert before.text == after.text
