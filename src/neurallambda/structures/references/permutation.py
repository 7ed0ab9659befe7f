"""Plain permutations of a list."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def plain_swap(items: Sequence[Item], first: int, second: int) -> list[Item]:
    """The list with two of its items exchanged.

    >>> plain_swap("abc", 0, 2)
    ['c', 'b', 'a']
    """
    found = list(items)
    found[first], found[second] = found[second], found[first]
    return found


def plain_move(items: Sequence[Item], source: int, target: int) -> list[Item]:
    """The list with one item taken out and put in again, so that it is at `target`.

    >>> plain_move("abcd", 0, 2)
    ['b', 'c', 'a', 'd']
    """
    found = list(items)
    found.insert(target, found.pop(source))
    return found
