"""Random arithmetic with brackets, drawn for many rows at once, and its value in plain Python.

The published generator is recursive: it splits the length of an expression in two at random, draws both sides, and joins
them by a random sign in brackets; four symbols or fewer are a digit, `-d`, `(d)` or `(-d)`. Here all the splits of all rows
at one depth are drawn together, which is the same distribution without the recursion.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from neurallambda.errors import ArgumentError

MODULUS = 5
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2
Numbers = Int[np.ndarray, " spans"]


class Brackets(NamedTuple):
    """The numbers of the two brackets: they depend on whether there is a `*` before them."""

    open: int
    close: int


class _Spans(NamedTuple):
    """Parts of strings, each to become an expression: in which row, from where, how long."""

    row: Numbers
    start: Numbers
    length: Numbers


class _Depth(NamedTuple):
    """What one depth adds to the values: those of its leaves, the signs of its splits, and which part is which."""

    leaves: Int[np.ndarray, " leaves"]
    operators: Int[np.ndarray, " splits"]
    is_leaf: Bool[np.ndarray, " spans"]


def draw_expressions(
    lengths: Int[np.ndarray, " rows"], random: np.random.Generator, *, brackets: Brackets, products: bool
) -> tuple[Int[np.ndarray, "rows widest"], Int[np.ndarray, " rows"]]:
    """Random expressions and their values.

    Args:
        lengths: how long each is, at least 1.
        random: the source of randomness.
        brackets: the numbers that the brackets have.
        products: is there a `*` beside `+` and `-`?

    Returns:
        The expressions, and their values modulo 5.
    """
    strings = np.zeros((len(lengths), int(lengths.max())), np.int64)
    spans = _Spans(np.arange(len(lengths)), np.zeros_like(lengths), lengths)
    depths: list[_Depth] = []
    while len(spans.row):
        is_leaf = spans.length < 5
        leaves = _Spans(*(part[is_leaf] for part in spans))
        splits = _Spans(*(part[~is_leaf] for part in spans))
        operators = random.integers(PLUS, TIMES + 1 if products else TIMES, len(splits.row))
        depths.append(_Depth(_write_leaves(strings, leaves, random, brackets), operators, is_leaf))
        spans = _write_splits(strings, splits, operators, random, brackets)
    return strings, _values(depths)


def _write_leaves(
    strings: Int[np.ndarray, "rows widest"], leaves: _Spans, random: np.random.Generator, brackets: Brackets
) -> Numbers:
    """Write `d`, `-d`, `(d)` or `(-d)`, by their length; return their values."""
    row, start, length = leaves
    digits = random.integers(0, MODULUS, len(row))
    bracketed, negative = length >= 3, length % 2 == 0
    strings[row[bracketed], start[bracketed]] = brackets.open
    strings[row[bracketed], (start + length - 1)[bracketed]] = brackets.close
    strings[row[negative], (start + bracketed)[negative]] = MINUS
    strings[row, start + bracketed + negative] = digits
    return np.where(negative, -digits, digits) % MODULUS


def _write_splits(
    strings: Int[np.ndarray, "rows widest"],
    splits: _Spans,
    operators: Numbers,
    random: np.random.Generator,
    brackets: Brackets,
) -> _Spans:
    """Write the brackets and the signs; return both sides, all the left ones first."""
    row, start, length = splits
    left = random.integers(1, length - 3) if len(row) else length
    strings[row, start] = brackets.open
    strings[row, start + left + 1] = operators
    strings[row, start + length - 1] = brackets.close
    return _Spans(
        np.concatenate([row, row]),
        np.concatenate([start + 1, start + left + 2]),
        np.concatenate([left, length - left - 3]),
    )


def _values(depths: Sequence[_Depth]) -> Numbers:
    """The values of the expressions, from the innermost depth outwards."""
    inner = np.zeros(0, np.int64)
    for leaves, operators, is_leaf in reversed(depths):
        left, right = inner[: len(operators)], inner[len(operators) :]
        joined = np.where(operators == TIMES, left * right, left + np.where(operators == MINUS, -right, right))
        inner = np.empty(len(is_leaf), np.int64)
        inner[is_leaf], inner[~is_leaf] = leaves, joined % MODULUS
    return inner


def value(expression: Sequence[int], brackets: Brackets) -> int:
    """The value modulo 5 of an expression in which every operation has brackets of its own.

    >>> value([8, 3, PLUS, 4, 9], Brackets(8, 9))
    2

    Raises:
        ArgumentError: if it is no such expression.
    """
    waiting: list[list[int]] = [[]]
    for symbol in expression:
        if symbol == brackets.open:
            waiting.append([])
            continue
        if symbol == brackets.close and len(waiting) > 1:
            symbol = _operate(waiting.pop())
        waiting[-1].append(symbol)
    if len(waiting) > 1:
        raise _no_expression()
    return _operate(waiting[0])


def _operate(parts: list[int]) -> int:
    """The value of one operand, or of two with a sign between them."""
    left, rest = _operand(parts)
    if not rest:
        return left
    sign, (right, more) = rest[0], _operand(rest[1:])
    if more or not PLUS <= sign <= TIMES:
        raise _no_expression()
    return {PLUS: left + right, MINUS: left - right, TIMES: left * right}[sign] % MODULUS


def _operand(parts: list[int]) -> tuple[int, list[int]]:
    """The value of `d` or `-d` at the start, and what follows it."""
    is_negative = parts[:1] == [MINUS]
    number, *rest = parts[is_negative:] or [MODULUS]
    if number >= MODULUS:
        raise _no_expression()
    return (-number % MODULUS if is_negative else number), rest


def _no_expression() -> ArgumentError:
    return ArgumentError("input: expected an expression with brackets around each operation, as in (1+(2-3)) or (-4)")
