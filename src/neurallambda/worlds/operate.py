"""The primitives on columns of words: results, and where operands are wrong."""

from collections.abc import Callable

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.primitives import ARITHMETIC, ORDER
from neurallambda.worlds.heap import Column, Heap
from neurallambda.worlds.words import EMPTY, FALSE, INDEX, LEAST_OF_A_KIND, SHIFT, TRUE, Kind, column, word

Faults = list[tuple[Tensor, ErrorKind]]
"""Which worlds end in which error; the first that names a world counts."""

_ARITHMETIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": lambda one, other: torch.div(one, other, rounding_mode="floor"),
    "mod": torch.remainder,
}
_ORDER: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "<": torch.lt,
    ">": torch.gt,
    "<=": torch.le,
    ">=": torch.ge,
    "=": torch.eq,
}


def binary(
    operator: str, one: Column, other: Column, rows: int, integers: range, numbers: tuple[bool, ...] = (False, False)
) -> tuple[Column, Faults]:
    """A primitive of two operands other than `cons`; `numbers` says of which it is known that they are integers."""
    if isinstance(one, int) and isinstance(other, int):
        if one < LEAST_OF_A_KIND and other < LEAST_OF_A_KIND and (other or operator not in ("/", "mod")):
            if operator not in ARITHMETIC:
                is_true = one == other if operator == "=" else ORDER[operator](one, other)
                return (TRUE if is_true else FALSE), []
            result = ARITHMETIC[operator](one, other)
            if result in integers:
                return result, []
        values, faults = _binary(operator, column(one, 1), column(other, 1), integers, numbers)
        return int(values), [(fault.expand(rows), kind) for fault, kind in faults]
    return _binary(operator, column(one, rows), column(other, rows), integers, numbers)


def _binary(
    operator: str, one: Tensor, other: Tensor, integers: range, numbers: tuple[bool, ...]
) -> tuple[Tensor, Faults]:
    faults: Faults = []
    strange = None
    for operand, is_number in ((one, numbers[0]), (other, numbers[1])):
        if not is_number and bool((wrong := operand >= LEAST_OF_A_KIND).any()):
            strange = wrong if strange is None else strange | wrong
    if strange is not None:
        if operator == "=":
            booleans = ((one == TRUE) | (one == FALSE)) & ((other == TRUE) | (other == FALSE))
            strange = strange & ~booleans & (one != EMPTY) & (other != EMPTY)
        faults.append((strange, ErrorKind.NOT_AN_INTEGER))
    if operator in _ORDER:
        return torch.where(_ORDER[operator](one, other), TRUE, FALSE), faults
    if operator in ("/", "mod") and bool((zero := other == 0).any()):
        faults.append((zero, ErrorKind.DIVISION_BY_ZERO))
        other = torch.where(zero, 1, other)
    if strange is not None:
        one, other = torch.where(strange, 1, one), torch.where(strange, 1, other)
    result = _ARITHMETIC[operator](one, other)
    beyond = (result < integers.start) | (result >= integers.stop)
    if bool(beyond.any()):
        faults.append((beyond, ErrorKind.OVERFLOW))
        result = torch.where(beyond, 0, result)
    return result, faults


def unary(operator: str, operand: Column, rows: int, heap: Heap) -> tuple[Column, Faults]:
    """A primitive of one operand."""
    if isinstance(operand, int):
        values, faults = _unary(operator, column(operand, 1), heap)
        return int(values), [(fault.expand(rows), kind) for fault, kind in faults]
    return _unary(operator, operand, heap)


def _unary(operator: str, operand: Tensor, heap: Heap) -> tuple[Tensor, Faults]:
    match operator:
        case "empty?":
            return torch.where(operand == EMPTY, TRUE, FALSE), []
        case "listp":
            return torch.where((operand == EMPTY) | (operand >> SHIFT == Kind.PAIR), TRUE, FALSE), []
        case "not":
            wrong = (operand != TRUE) & (operand != FALSE)
            return torch.where(operand == TRUE, FALSE, TRUE), _faults(wrong, ErrorKind.NOT_A_BOOLEAN)
    wrong = operand >> SHIFT != Kind.PAIR
    faults = _faults(wrong, ErrorKind.NOT_A_PAIR)
    place = (operand & INDEX) + heap.first + (operator == "cdr")
    if faults:
        place = torch.where(wrong, 0, place)
    return heap.words[place], faults


def boolean(value: Column, rows: int) -> Faults:
    """Where a condition is no boolean."""
    if isinstance(value, int):
        return [] if value in (TRUE, FALSE) else [(torch.ones(rows, dtype=torch.bool), ErrorKind.NOT_A_BOOLEAN)]
    return _faults((value != TRUE) & (value != FALSE), ErrorKind.NOT_A_BOOLEAN)


def pair(head: Column, tail: Column, rows: int, heap: Heap) -> Column:
    """`cons`."""
    return heap.write((head, tail), rows) + word(Kind.PAIR, 0)


def _faults(wrong: Tensor, kind: ErrorKind) -> Faults:
    return [(wrong, kind)] if bool(wrong.any()) else []
