"""The fifteen tasks: rows, answers and distributions are those of the definition."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.tasks import CHOMSKY, Task, task
from tests.tasks.checkers import CHECKERS

NAMES = [one.name for one in CHOMSKY]
LEVELS = {"regular": 4, "deterministic context-free": 4, "context-sensitive": 7}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(asked: Task, lengths: int | tuple[int, int], count: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    batch = asked.batch(lengths, count, generator=seeded(seed))
    records = [asked.record(batch, row) for row in range(count)]
    return [(record["input"], record["answer"]) for record in records]  # pyright: ignore[reportReturnType]


def numbers(asked: Task, names: list[str]) -> list[int]:
    return [asked.symbols.index(name) for name in names]


def test_there_are_fifteen_in_three_classes() -> None:
    assert len(set(NAMES)) == 15
    assert Counter(one.level for one in CHOMSKY) == LEVELS
    assert set(CHECKERS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(0, 20), st.integers(0, 10_000))
def test_batches_and_plain_answers_are_what_the_definition_says(name: str, low: int, more: int, seed: int) -> None:
    asked = task(name)
    if name == "compute-sqrt":
        low %= 20  # the checker counts up to the root
    for given_names, answer in rows(asked, (max(low, 1), max(low, 1) + more), 6, seed):
        assert answer == CHECKERS[name](given_names)
        plain = asked.answer(numbers(asked, given_names))
        assert [asked.answers[symbol] for symbol in plain] == answer


@pytest.mark.parametrize("name", NAMES)
def test_every_length_from_the_shortest_is_drawn_right(name: str) -> None:
    asked = task(name)
    for length in range(1, 12):
        for given_names, answer in rows(asked, length, 30, seed=length):
            assert len(given_names) == (length - (length % 2 == 0) if name == "modular-arithmetic-simple" else length)
            assert answer == CHECKERS[name](given_names)
            assert 1 <= len(answer) <= asked.answer_length(length)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("compute-sqrt", "modular-arithmetic-brackets")]
)
def test_long_rows_are_right_too(name: str) -> None:
    asked = task(name)
    if name != "solve-equation":
        for given_names, answer in rows(asked, (480, 500), 3):
            assert answer == CHECKERS[name](given_names)


def test_long_roots_and_long_expressions_are_right() -> None:
    for given_names, answer in rows(task("compute-sqrt"), (480, 500), 5):
        number, root = int("".join(given_names), 2), int("".join(answer), 2)
        assert root**2 <= number < (root + 1) ** 2
    for name in ("modular-arithmetic-brackets", "solve-equation"):
        asked = task(name)
        for given_names, answer in rows(asked, (480, 500), 5):
            assert [asked.answers[symbol] for symbol in asked.answer(numbers(asked, given_names))] == answer


@given(st.integers(1, 60), st.integers(0, 1000))
def test_a_missing_duplicate_is_the_parity_of_the_ones(length: int, seed: int) -> None:
    for given_names, answer in rows(task("missing-duplicate"), length, 4, seed):
        assert answer == [str(given_names.count("1") % 2)]


def test_even_pairs_asks_whether_both_ends_are_equal() -> None:
    for given_names, answer in rows(task("even-pairs"), (1, 20), 50):
        assert (answer == ["even"]) == (given_names[0] == given_names[-1])


def recursive_expression(length: int, random: np.random.Generator, *, products: bool) -> str:
    """An expression as the paper's appendix draws it, one at a time."""
    digit = str(random.integers(5))
    if length < 5:
        return ["", digit, f"-{digit}", f"({digit})", f"(-{digit})"][length]
    left = int(random.integers(1, length - 3))
    sides = [recursive_expression(part, random, products=products) for part in (left, length - left - 3)]
    return f"({sides[0]}{random.choice(list('+-*' if products else '+-'))}{sides[1]})"


@pytest.mark.parametrize("length", [5, 6, 9, 14])
def test_expressions_are_distributed_as_the_recursive_ones(length: int) -> None:
    """The shapes: an expression with its digits forgotten."""
    count, random = 6_000, np.random.default_rng(1)

    def shapes(texts: list[str]) -> Counter[str]:
        return Counter("".join("d" if letter.isdigit() else letter for letter in text) for text in texts)

    ours = shapes(["".join(names) for names, _ in rows(task("modular-arithmetic-brackets"), length, count)])
    theirs = shapes([recursive_expression(length, random, products=True) for _ in range(count)])
    common = [shape for shape in theirs if theirs[shape] >= 60]
    assert set(common) <= set(ours)
    # The difference of two such counts has the variance of their sum: five standard deviations are never met.
    assert all(abs(ours[shape] - theirs[shape]) < 5 * (ours[shape] + theirs[shape]) ** 0.5 for shape in common)


def test_the_unknown_is_the_next_digit_after_a_random_place() -> None:
    """In `(a+b)` three of five places lead to `a`, from the end and around, or from before it."""
    drawn = rows(task("solve-equation"), 7, 4_000)
    places = Counter(names.index("x") for names, _ in drawn)
    assert set(places) == {1, 3}
    assert abs(places[1] / 4_000 - 3 / 5) < 0.04
    assert {answer[0] for _, answer in drawn} == set("01234")


@pytest.mark.parametrize(("name", "sign"), [("binary-addition", "+"), ("binary-multiplication", "*")])
def test_numbers_are_uniform_and_never_zero(name: str, sign: str) -> None:
    splits, values = Counter[int](), Counter[str]()
    for names, _ in rows(task(name), 6, 4_000):
        left, right = "".join(names).split(sign)
        splits[len(left)] += 1
        values.update(text for text in (left, right) if len(text) == 2)
    assert set(splits) == {1, 2, 3, 4}
    assert all(abs(number - 1_000) < 150 for number in splits.values())
    assert set(values) == {"10", "01", "11"}
    assert max(values.values()) - min(values.values()) < 150


def test_stacks_have_every_size() -> None:
    sizes = Counter(sum(name in "01" for name in names) for names, _ in rows(task("stack-manipulation"), 5, 4_000))
    assert set(sizes) == {1, 2, 3, 4}
    assert all(abs(number - 1_000) < 150 for number in sizes.values())


def test_short_inputs_are_those_of_the_published_code() -> None:
    assert rows(task("binary-addition"), 1, 5) == [(["0"], ["0", "end"])] * 5
    assert {"".join(names) for names, _ in rows(task("binary-addition"), 2, 50)} == {"00", "10", "01"}
    assert rows(task("binary-multiplication"), 1, 2) == [(["0"], ["end"])] * 2
    assert {tuple(answer) for _, answer in rows(task("binary-multiplication"), 2, 20)} == {("0", "end")}
    assert rows(task("missing-duplicate"), 1, 2) == [(["1"], ["1"])] * 2
    assert rows(task("solve-equation"), 2, 2) == [(["0", "0"], ["0"])] * 2


@pytest.mark.parametrize("name", NAMES)
def test_all_symbols_and_answers_come(name: str) -> None:
    asked = task(name)
    drawn = rows(asked, (1, 20), 400)
    assert {symbol for names, _ in drawn for symbol in names} == set(asked.symbols)
    assert {symbol for _, names in drawn for symbol in names} == set(asked.answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_published_figures_are_there(name: str) -> None:
    published = task(name).published
    assert published is not None
    assert list(published.figures) == ["RNN", "Stack-RNN", "Tape-RNN", "Transformer", "LSTM"]
    assert all(20 < figure <= 100 for figure in published.figures.values())
    assert "ICLR 2023" in published.source


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("modular-arithmetic-brackets", ("Stack-RNN", 96.1)),
        ("solve-equation", ("LSTM", 67.8)),
        ("binary-multiplication", ("Tape-RNN", 58.5)),
        ("compute-sqrt", ("Tape-RNN", 57.8)),
        ("bucket-sort", ("LSTM", 99.3)),
        ("odds-first", ("Tape-RNN", 100.0)),
    ],
)
def test_the_best_published_figures(name: str, best: tuple[str, float]) -> None:
    published = task(name).published
    assert published is not None
    assert published.best == best


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("modular-arithmetic-simple", "1 2", "digits and signs in turn"),
        ("modular-arithmetic-simple", "1 +", "digits and signs in turn"),
        ("stack-manipulation", "0 pop 1", "the stack first"),
        ("modular-arithmetic-brackets", "( 1 + 2", "brackets around each operation"),
        ("modular-arithmetic-brackets", "1 + 2 )", "brackets around each operation"),
        ("modular-arithmetic-brackets", "1 + 2 + 3", "brackets around each operation"),
        ("modular-arithmetic-brackets", "( ) + 2", "brackets around each operation"),
        ("modular-arithmetic-brackets", "- - 2", "brackets around each operation"),
        ("solve-equation", "( 1 + 2 ) = 3", "with one x"),
        ("solve-equation", "( 1 + x ) 3 =", "with one x"),
        ("missing-duplicate", "0 1 1 0", "written twice"),
        ("missing-duplicate", "0 ? 1 0", "written twice"),
        ("missing-duplicate", "0 ? 1", "written twice"),
        ("binary-addition", "1 1 1", "one sign between them"),
        ("binary-addition", "1 1 +", "one sign between them"),
        ("binary-addition", "1 +", "one sign between them"),
        ("binary-multiplication", "1 * 1 * 1", "one sign between them"),
    ],
)
def test_inputs_that_are_none_are_refused(name: str, text: str, message: str) -> None:
    asked = task(name)
    with pytest.raises(ArgumentError, match=message):
        asked.answer(numbers(asked, text.split()))
