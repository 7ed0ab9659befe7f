"""What was perhaps meant by a name that means nothing."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 60
"""Longer names are not compared with others: that takes the product of two lengths."""

_EMPTY = "the empty list is `'()`"
_LIST = "a list is written `'(1 2 3)`"
_BOOLEAN = "the booleans are `true` and `false`"
_DEFINE = "`(def name value)` and `(defn name [x] body)` define"
ELSEWHERE = {
    "nil": _EMPTY,
    "null": _EMPTY,
    "None": _EMPTY,
    "list": _LIST,
    "quote": _LIST,
    "True": _BOOLEAN,
    "False": _BOOLEAN,
    "lambda": "a function is written `(fn [x] body)`",
    "define": _DEFINE,
    "defun": _DEFINE,
    "null?": "`empty?` asks whether a list is empty",
    "nil?": "`empty?` asks whether a list is empty",
    "head": "`car` gives the first item of a list",
    "tail": "`cdr` gives a list without its first item",
}
"""Words of other languages, and how this one says it."""


def suggestion(name: str, words: Iterable[str]) -> str:
    """What to write instead of a name.

    Args:
        name: the name that means nothing.
        words: those that would mean something.

    >>> suggestion("mpa", ["map", "max"]), suggestion("nil", [])
    ('did you mean `map`?', "the empty list is `'()`")
    """
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    close = get_close_matches(name, set(words), n=10) if len(name) <= LONGEST else []
    if not close:
        return "bind it, or define it with `def` or `defn`"
    return f"did you mean `{min(close, key=lambda word: edits(name, word))}`?"


def edits(first: str, second: str) -> int:
    """How many letters to change, add, drop or exchange with their neighbour, to make one word the other.

    >>> edits("mpa", "map"), edits("mpa", "max"), edits("lenght", "length")
    (1, 2, 1)
    """
    above: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        two_above, above, row = above, row, [i]
        for j, other in enumerate(second, 1):
            least = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, first[i - 2]) == (second[j - 2], other):
                least = min(least, two_above[j - 2] + 1)
            row.append(least)
    return row[-1]
