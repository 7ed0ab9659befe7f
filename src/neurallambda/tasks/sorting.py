"""Sorting: all at once, as a queue can do it in rounds, and by the single insertion that a model can repeat."""

from bisect import insort
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from neurallambda.errors import ArgumentError
from neurallambda.tasks.sums import DIGITS
from neurallambda.tasks.task import Rows, Task

BAR = len(DIGITS)
"""Between the digits that are in order and the one that is to be inserted."""
Lengths = Int[np.ndarray, " rows"]


def sort(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The digits in order.

    >>> sort([3, 0, 9, 3])
    [0, 3, 3, 9]
    """
    return sorted(input)


def _sorted_digits(lengths: Lengths, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random digits, and the same in order; past their lengths the latter are greater than any digit."""
    width = max(int(lengths.max()), 1)
    digits = random.integers(0, len(DIGITS), (len(lengths), width))
    here = np.arange(width) < lengths[:, None]
    return digits, np.sort(np.where(here, digits, BAR), axis=1)


def _sort(lengths: Lengths, random: np.random.Generator) -> Rows:
    digits, ordered = _sorted_digits(lengths, random)
    return Rows(inputs=digits, lengths=lengths, answers=ordered, sizes=lengths)


def insertion(input: Sequence[int]) -> list[int]:  # noqa: A002
    """Digits in order, a bar and one digit more: all of them in order.

    >>> insertion([0, 3, 9, BAR, 4])
    [0, 3, 4, 9]

    Raises:
        ArgumentError: if the input is not of that form.
    """
    *ordered, bar, digit = input
    if bar != BAR or BAR in [*ordered, digit] or ordered != sorted(ordered):
        raise ArgumentError("input: expected digits in order, a bar and one digit more, as in 0 3 9 | 4")
    insort(ordered, digit)
    return ordered


def _insertion(lengths: Lengths, random: np.random.Generator) -> Rows:
    """The digit to insert goes before, between or after the others, all equally likely where they differ."""
    rows, width, every = len(lengths), int(lengths.max()), np.arange(len(lengths))
    _, ordered = _sorted_digits(lengths - 1, random)
    answers = np.concatenate([ordered, np.full((rows, 1), BAR)], axis=1)
    taken = random.integers(0, lengths - 1)
    places = np.arange(width)
    rest = np.take_along_axis(answers, np.minimum(places + (places >= taken[:, None]), answers.shape[1] - 1), 1)
    rest[every, lengths - 2], rest[every, lengths - 1] = BAR, answers[every, taken]
    return Rows(inputs=rest, lengths=lengths, answers=answers, sizes=lengths - 1)


SORTING = Task(
    name="sorting",
    description="digits in order",
    level="context-sensitive",
    symbols=DIGITS,
    answers=DIGITS,
    draw=_sort,
    reference=sort,
    answer_length=lambda length: length,
    notes="A machine with one queue sorts by going round: it takes one digit out in each round.",
)
INSERTION = Task(
    name="insertion",
    description="digits that are in order and one more, inserted in its place",
    level="context-sensitive",
    symbols=(*DIGITS, "|"),
    answers=DIGITS,
    draw=_insertion,
    reference=insertion,
    answer_length=lambda length: length - 1,
    shortest=2,
    notes="Who can insert can sort: beginning with nothing, insert each digit in turn.",
)
