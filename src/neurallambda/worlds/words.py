"""Values as 64-bit words: what a word says by itself, and hashes of words.

A small number is the integer itself. Above that the top bits say which kind a word is, and the rest says which one: an
atom of the language, an address in the heap, or a part of a hole that is not drawn yet.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.core import NIL, Atom, Nil, Operator
from neurallambda.lang.terms import PRIMITIVES

Number = TypeVar("Number", int, Tensor)

SHIFT = 44
LEAST_OF_A_KIND = 1 << SHIFT
"""Words below this are integers."""
INDEX = LEAST_OF_A_KIND - 1
"""The bits that say which one of its kind a word is."""
WIDEST = range(-(2**31), 2**31)
"""The integers that can be declared: products of two of them are still numbers."""


class Kind(IntEnum):
    """What a word is that is no integer."""

    PAIR = 1
    CLOSURE = 2
    PARTIAL = 3
    ATOM = 4
    PART = 5
    """A part of a hole: it has a value in every world, and in some it is not drawn yet."""
    ERROR = 6


def word(kind: Kind, index: int) -> int:
    """The word of a thing of some kind."""
    return (kind << SHIFT) | index


PAIRS, CLOSURES, PARTIALS = (word(kind, 0) for kind in (Kind.PAIR, Kind.CLOSURE, Kind.PARTIAL))
"""The first words of those kinds that have records: a word is its address more."""
EMPTY = word(Kind.ATOM, 0)
TRUE = word(Kind.ATOM, 1)
FALSE = word(Kind.ATOM, 2)
_FIRST_OPERATOR = 3
OPERATORS = {name: word(Kind.ATOM, _FIRST_OPERATOR + index) for index, name in enumerate(PRIMITIVES)}
ERRORS = {kind: word(Kind.ERROR, index) for index, kind in enumerate(ErrorKind)}
KINDS = tuple(ErrorKind)

_PART_SHIFT = 24
MOST_PARTS = (1 << _PART_SHIFT) - 1


def atom_word(value: Atom | str) -> int:
    """The word of an atom.

    >>> atom_word(7), atom_word(True) == TRUE
    (7, True)
    """
    match value:
        case bool():
            return TRUE if value else FALSE
        case int():
            return value
        case Nil():
            return EMPTY
        case Operator(name):
            return OPERATORS[name]
        case str():
            return OPERATORS[value]


def word_atom(value: int) -> Atom:
    """The atom of a word that is an integer or an atom."""
    if value < LEAST_OF_A_KIND:
        return value
    match value & INDEX:
        case 0:
            return NIL
        case 1:
            return True
        case 2:
            return False
        case index:
            return Operator(PRIMITIVES[index - _FIRST_OPERATOR])


def part_word(hole: int, distance: int) -> int:
    """The word of a part of a hole; its distance is that from the end, 1 for the last part."""
    return word(Kind.PART, (hole << _PART_SHIFT) | distance)


def part_of(value: Number) -> tuple[Number, Number]:
    """The hole and the distance of the word of a part."""
    index = value & INDEX
    return index >> _PART_SHIFT, index & MOST_PARTS


def is_pointer(words: Tensor) -> Tensor:
    """Which words are addresses in the heap."""
    return (words >= LEAST_OF_A_KIND) & (words < (Kind.ATOM << SHIFT))


def is_part(words: Tensor) -> Tensor:
    """Which words are parts of holes."""
    return (words >> SHIFT) == Kind.PART


_FIRST, _SECOND = -7046029254386353131, -4658895280553007687


def mix(words: Tensor) -> Tensor:
    """Well mixed bits of words, another number for each.

    Shifts of signed integers copy the sign: without the masks a word and its complement would come to the same.
    """
    words = (words >> 30).bitwise_and_(0x3FFFFFFFF).bitwise_xor_(words).mul_(_FIRST)
    words = (words >> 27).bitwise_and_(0x1FFFFFFFFF).bitwise_xor_(words).mul_(_SECOND)
    return (words >> 31).bitwise_and_(0x1FFFFFFFF).bitwise_xor_(words)


def mix_one(word: int) -> int:
    """The same of one word.

    >>> mix_one(-5) == int(mix(torch.tensor([-5])))
    True
    """
    word = _wrapped((word ^ ((word >> 30) & 0x3FFFFFFFF)) * _FIRST)
    word = _wrapped((word ^ ((word >> 27) & 0x1FFFFFFFFF)) * _SECOND)
    return word ^ ((word >> 31) & 0x1FFFFFFFF)


def _wrapped(number: int) -> int:
    """A number as 64 bits hold it."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


@cache
def _factor(place: int) -> int:
    """An odd number with its bits well mixed, another for each place in a sequence."""
    return mix_one(place + 1) | 1


def combined(columns: Sequence[Tensor | int]) -> Tensor | int:
    """The hash of a sequence of words for each row; a number where all rows have the same."""
    constant, total = 0, None
    for place, values in enumerate(columns):
        if isinstance(values, int):
            constant += values * _factor(place)
        else:
            scaled = values * _factor(place)
            total = scaled if total is None else total.add_(scaled)
    constant = _wrapped(constant)
    return mix_one(constant) if total is None else mix(total.add_(constant))


def column(value: Tensor | int, rows: int) -> Tensor:
    """A column, of one that may be a number for all rows."""
    return torch.full((rows,), value, dtype=torch.int64) if isinstance(value, int) else value
