"""The four regular tasks: a finite-state machine is enough."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from neurallambda.errors import ArgumentError
from neurallambda.tasks.chomsky.published import classified, one, published, uniform
from neurallambda.tasks.task import Rows, Task

MODULUS = 5
"""Of the arithmetic, and the length of the cycle."""
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2
Lengths = Int[np.ndarray, " rows"]


def even_pairs(input: Sequence[int]) -> list[int]:  # noqa: A002
    """Whether the pairs `ab` and `ba` are together even (0) or odd (1) in number.

    Each such pair is a change, so it is the same as asking whether the first symbol equals the last.

    >>> even_pairs([0, 0, 1, 0])
    [0]
    """
    return [sum(first != second for first, second in pairwise(input)) % 2]


def _even_pairs(lengths: Lengths, random: np.random.Generator) -> Rows:
    strings = uniform(2, lengths, random)
    return classified(strings, lengths, strings[:, 0] ^ strings[np.arange(len(lengths)), lengths - 1])


def parity_check(input: Sequence[int]) -> list[int]:  # noqa: A002
    """Whether the number of `1`s is even (0) or odd (1).

    >>> parity_check([1, 1, 0, 1])
    [1]
    """
    return [sum(input) % 2]


def _parity_check(lengths: Lengths, random: np.random.Generator) -> Rows:
    strings = uniform(2, lengths, random)
    return classified(strings, lengths, strings.sum(1) % 2)


def cycle_navigation(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The place on a cycle of five after steps back (0), none (1) or forward (2), from place 0.

    >>> cycle_navigation([2, 2, 1, 0])
    [1]
    """
    return [sum(step - 1 for step in input) % MODULUS]


def _cycle_navigation(lengths: Lengths, random: np.random.Generator) -> Rows:
    steps = uniform(3, lengths, random)
    return classified(steps, lengths, (steps.sum(1) - lengths) % MODULUS)


def modular_arithmetic(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The value modulo 5 of digits joined by `+`, `-` and `*`, where `*` binds more tightly.

    >>> modular_arithmetic([1, PLUS, 2, TIMES, 4])
    [4]

    Raises:
        ArgumentError: if digits and signs do not take turns.
    """
    total, term = 0, 0
    sign, operator = 1, PLUS
    for place, symbol in enumerate(input):
        if (symbol < MODULUS) != (place % 2 == 0) or len(input) % 2 == 0:
            raise ArgumentError("input: expected digits and signs in turn, a digit first and last, as in 1 + 2 * 4")
        if place % 2:
            operator = symbol
        elif operator == TIMES:
            term *= symbol
        else:
            total, term, sign = total + sign * term, symbol, -1 if operator == MINUS else 1
    return [(total + sign * term) % MODULUS]


def _modular_arithmetic(lengths: Lengths, random: np.random.Generator) -> Rows:
    lengths = lengths - (lengths % 2 == 0)
    rows, width = len(lengths), int(lengths.max())
    strings = np.empty((rows, width), np.int64)
    strings[:, ::2] = random.integers(0, MODULUS, (rows, width // 2 + 1))
    strings[:, 1::2] = random.integers(PLUS, TIMES + 1, (rows, width // 2))
    return classified(strings, lengths, _values(strings, lengths))


def _values(strings: Int[np.ndarray, "rows widest"], lengths: Lengths) -> Lengths:
    """The values of many expressions at once: what is past a string is a `+ 0`."""
    here = np.arange(strings.shape[1]) < lengths[:, None]
    digits = np.where(here, strings, 0)[:, ::2].T
    operators = np.where(here, strings, PLUS)[:, 1::2].T
    total, term = np.zeros_like(lengths), digits[0]
    for operator, digit in zip(operators, digits[1:], strict=True):
        product = operator == TIMES
        total = np.where(product, total, total + term)
        term = np.where(product, term * digit % MODULUS, np.where(operator == MINUS, -digit, digit))
    return (total + term) % MODULUS


EVEN_PAIRS = Task(
    name="even-pairs",
    description="whether the pairs 01 and 10 are together even or odd in number: whether both ends are equal",
    level="regular",
    symbols=("0", "1"),
    answers=("even", "odd"),
    draw=_even_pairs,
    reference=even_pairs,
    answer_length=one,
    published=published(100.0, 100.0, 100.0, 96.4, 100.0),
)
PARITY_CHECK = Task(
    name="parity-check",
    description="whether the number of 1s is even or odd",
    level="regular",
    symbols=("0", "1"),
    answers=("even", "odd"),
    draw=_parity_check,
    reference=parity_check,
    answer_length=one,
    published=published(100.0, 100.0, 100.0, 52.0, 100.0),
)
CYCLE_NAVIGATION = Task(
    name="cycle-navigation",
    description="the place on a cycle of five after steps back, forward or none",
    level="regular",
    symbols=("-", "=", "+"),
    answers=("0", "1", "2", "3", "4"),
    draw=_cycle_navigation,
    reference=cycle_navigation,
    answer_length=one,
    published=published(100.0, 100.0, 100.0, 61.9, 100.0),
)
MODULAR_ARITHMETIC_SIMPLE = Task(
    name="modular-arithmetic-simple",
    description="the value modulo 5 of digits joined by +, - and *",
    level="regular",
    symbols=("0", "1", "2", "3", "4", "+", "-", "*"),
    answers=("0", "1", "2", "3", "4"),
    draw=_modular_arithmetic,
    reference=modular_arithmetic,
    answer_length=one,
    published=published(100.0, 100.0, 100.0, 24.2, 100.0),
    notes=(
        "Inputs have odd lengths: as in the published code, an even length is made one shorter. That code keeps a ninth "
        "symbol, a blank, which never comes; here it is left out."
    ),
)
REGULAR = (EVEN_PAIRS, MODULAR_ARITHMETIC_SIMPLE, PARITY_CHECK, CYCLE_NAVIGATION)
