"""The primitives on columns of words: results, and where operands are wrong."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.primitives import ARITHMETIC
from neurallambda.worlds.heap import Column, Heap, bounds
from neurallambda.worlds.words import EMPTY, FALSE, INDEX, LEAST_OF_A_KIND, PAIRS, SHIFT, TRUE, Kind, column

Faults = list[tuple[Tensor, ErrorKind]]
"""Which worlds end in which error; the first that names a world counts."""

_ARITHMETIC: dict[str, Callable[[Any, Any], Tensor]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "mod": operator.mod,
}
_ORDER: dict[str, Callable[[Any, Any], Tensor]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
}
_TRUE, _FALSE = torch.tensor(TRUE), torch.tensor(FALSE)


def binary(
    name: str, one: Column, other: Column, rows: int, integers: range, numbers: tuple[bool, ...] = (False, False)
) -> tuple[Column, Faults]:
    """A primitive of two operands other than `cons`; `numbers` says of which it is known that they are integers."""
    if isinstance(one, int) and isinstance(other, int):
        if one < LEAST_OF_A_KIND and other < LEAST_OF_A_KIND and (other or name not in ("/", "mod")):
            if name not in ARITHMETIC:
                return (TRUE if _ORDER[name](one, other) else FALSE), []
            result = ARITHMETIC[name](one, other)
            if result in integers:
                return result, []
        values, faults = _binary(name, column(one, 1), other, integers, numbers)
        return int(values), [(fault.expand(rows), kind) for fault, kind in faults]
    return _binary(name, one, other, integers, numbers)


def _binary(name: str, one: Column, other: Column, integers: range, numbers: tuple[bool, ...]) -> tuple[Tensor, Faults]:
    """The same, where one of both is a tensor at least."""
    faults: Faults = []
    if not (numbers[0] or _are_numbers(one)) or not (numbers[1] or _are_numbers(other)):
        wrong = _wrong(name, one, other)
        faults.append((wrong, ErrorKind.NOT_AN_INTEGER))
        if name not in _ORDER:
            one, other = torch.where(wrong, 1, one), torch.where(wrong, 1, other)
    if name in _ORDER:
        return _as_words(_ORDER[name](one, other)), faults
    if name in ("/", "mod") and not (isinstance(other, int) and other):
        zero = torch.as_tensor(other == 0).expand_as(one if isinstance(one, Tensor) else torch.as_tensor(other))
        if bool(zero.any()):
            faults.append((zero, ErrorKind.DIVISION_BY_ZERO))
            other = torch.where(zero, 1, other)
    result = _ARITHMETIC[name](one, other)
    least, most = bounds(result)
    if least < integers.start or most >= integers.stop:
        beyond = (result < integers.start) | (result >= integers.stop)
        faults.append((beyond, ErrorKind.OVERFLOW))
        result = torch.where(beyond, 0, result)
    return result, faults


def _wrong(name: str, one: Column, other: Column) -> Tensor:
    """Where operands are of a kind that a primitive does not take."""
    left, right = torch.as_tensor(one), torch.as_tensor(other)
    wrong = (left >= LEAST_OF_A_KIND) | (right >= LEAST_OF_A_KIND)
    if name != "=":
        return wrong
    booleans = ((left == TRUE) | (left == FALSE)) & ((right == TRUE) | (right == FALSE))
    return wrong & ~booleans & (left != EMPTY) & (right != EMPTY)


def _are_numbers(operand: Column) -> bool:
    return (operand if isinstance(operand, int) else bounds(operand)[1]) < LEAST_OF_A_KIND


def _as_words(mask: Tensor) -> Tensor:
    return torch.where(mask, _TRUE, _FALSE)


def unary(name: str, operand: Column, rows: int, heap: Heap) -> tuple[Column, Faults]:
    """A primitive of one operand."""
    if isinstance(operand, int):
        values, faults = _unary(name, column(operand, 1), heap)
        return int(values), [(fault.expand(rows), kind) for fault, kind in faults]
    return _unary(name, operand, heap)


def _unary(name: str, operand: Tensor, heap: Heap) -> tuple[Tensor, Faults]:
    if name == "empty?":
        return _as_words(operand == EMPTY), []
    if name == "not":
        return _as_words(operand != TRUE), boolean(operand, len(operand))
    least, most = bounds(operand)
    are_pairs = least >= PAIRS and most <= PAIRS + INDEX
    if name == "listp":
        if are_pairs:
            return torch.full_like(operand, TRUE), []
        return _as_words((operand == EMPTY) | (operand >> SHIFT == Kind.PAIR)), []
    faults: Faults = []
    if not are_pairs:
        wrong = operand >> SHIFT != Kind.PAIR
        faults.append((wrong, ErrorKind.NOT_A_PAIR))
        operand = torch.where(wrong, PAIRS - heap.first, operand)
    found = heap.read(operand, int(name == "cdr"), PAIRS)
    assert isinstance(found, Tensor)
    return found, faults


def boolean(value: Column, rows: int) -> Faults:
    """Where a condition is no boolean."""
    if isinstance(value, int):
        return [] if value in (TRUE, FALSE) else [(torch.ones(rows, dtype=torch.bool), ErrorKind.NOT_A_BOOLEAN)]
    least, most = bounds(value)
    if least >= TRUE and most <= FALSE:  # they are neighbours
        return []
    return [((value != TRUE) & (value != FALSE), ErrorKind.NOT_A_BOOLEAN)]


def pair(head: Column, tail: Column, rows: int, heap: Heap) -> Column:
    """`cons`."""
    return heap.write((head, tail), rows, of=PAIRS)
