"""Conditional lookup: the value of a key if there is one, on symbols of which half are kept for tests."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from neurallambda.errors import ArgumentError
from neurallambda.tasks.chomsky.published import classified, one
from neurallambda.tasks.palindromes import SEEN, SYMBOLS
from neurallambda.tasks.task import Draw, Rows, Task

QUERY = len(SYMBOLS)
NONE = len(SYMBOLS)
"""The answer where the key that is asked for was never given a value."""
KEYS = SEEN // 2
"""How many different keys a row has: so there are always others to ask for."""
Lengths = Int[np.ndarray, " rows"]


def conditional_lookup(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The value that the key after `?` was given last, or `none`.

    >>> conditional_lookup([3, 7, 4, 1, 3, 9, QUERY, 3])
    [9]
    >>> conditional_lookup([3, 7, 4, 1, QUERY, 1]) == [NONE]
    True

    Raises:
        ArgumentError: if the input is not pairs of a key and a value, `?`, and a key.
    """
    *pairs, query, key = input
    if query != QUERY or QUERY in [*pairs, key] or len(pairs) % 2:
        raise ArgumentError("input: expected pairs of a key and its value, then ? and a key, as in s1 s5 s2 s9 ? s1")
    return [dict(zip(pairs[::2], pairs[1::2], strict=True)).get(key, NONE)]


def _drawn_from(first: int) -> Draw:
    """Keys are drawn from half of the symbols, another half in each row; half of the rows ask for one that has a value.

    In half of the rows the key that is asked for is among the values too: who takes values for keys is wrong there.
    """

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        lengths = lengths - lengths % 2
        rows, width = len(lengths), int(lengths.max())
        every, pairs = np.arange(rows), lengths // 2 - 1
        shuffled = random.permuted(np.broadcast_to(np.arange(SEEN), (rows, SEEN)), axis=1)
        strings = random.integers(0, SEEN, (rows, width))
        strings[:, ::2] = np.take_along_axis(shuffled, random.integers(0, KEYS, (rows, width // 2)), 1)
        chosen = strings[every, 2 * random.integers(0, pairs)]
        is_there = random.integers(0, 2, rows) == 1
        asked = np.where(is_there, chosen, shuffled[every, random.integers(KEYS, SEEN, rows)])
        decoy = 2 * random.integers(0, pairs) + 1
        strings[every, decoy] = np.where(random.integers(0, 2, rows) == 1, asked, strings[every, decoy])
        here = np.arange(width // 2) < pairs[:, None]
        last = np.where(here & (strings[:, ::2] == asked[:, None]), np.arange(width // 2), -1).max(1)
        answers = np.where(is_there, strings[every, 2 * last.clip(0) + 1] + first, NONE)
        strings += first
        strings[every, lengths - 2], strings[every, lengths - 1] = QUERY, asked + first
        return classified(strings, lengths, answers)

    return draw


def _lookup(name: str, first: int, unseen: Task | None, described: str) -> Task:
    return Task(
        name=name,
        description=f"the value that a key was given last, or none, {described}",
        level="regular",
        symbols=(*SYMBOLS, "?"),
        answers=(*SYMBOLS, "none"),
        draw=_drawn_from(first),
        reference=conditional_lookup,
        answer_length=one,
        shortest=4,
        unseen=unseen,
        notes="Inputs have even lengths: an odd one is made one shorter. Half of the rows ask for a key that has no value, and "
        "half, of either kind, have that key among their values.",
    )


LOOKUP_UNSEEN = _lookup("conditional-lookup-unseen", SEEN, None, "of symbols that `conditional-lookup` never shows")
LOOKUP = _lookup("conditional-lookup", 0, LOOKUP_UNSEEN, "of 16 symbols; 16 others are kept for tests")
