"""Palindromes over symbols of which half are kept for tests: is it the rule that was learned, or its instances?"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from neurallambda.tasks.chomsky.published import classified, one
from neurallambda.tasks.task import Draw, Rows, Task

SEEN = 16
"""How many symbols are shown in training, and how many others in tests."""
SYMBOLS = tuple(f"s{number}" for number in range(2 * SEEN))
Lengths = Int[np.ndarray, " rows"]


def palindrome(input: Sequence[int]) -> list[int]:  # noqa: A002
    """Whether a string is the same backwards.

    >>> palindrome([3, 1, 3]), palindrome([3, 1, 1])
    ([1], [0])
    """
    return [int(list(input) == list(reversed(input)))]


def _drawn_from(first: int) -> Draw:
    """Half of the rows are palindromes, at each length. Of the others three quarters differ from one in a single symbol.

    In random strings nearly every pair of symbols differs, so that to compare any one of them would do.
    """

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        rows, width = len(lengths), int(lengths.max())
        every, places = np.arange(rows), np.arange(width)
        strings = random.integers(0, SEEN, (rows, width))
        mirrored = np.take_along_axis(strings, np.minimum(places, (lengths[:, None] - 1 - places).clip(0)), 1)
        kind = random.integers(0, 8, rows)
        strings = np.where(kind[:, None] < 7, mirrored, strings)
        # What is no palindrome differs at one place, at least, from the place that mirrors it.
        place = random.integers(0, np.maximum(lengths // 2, 1))
        is_palindrome = kind < 4
        other = (strings[every, lengths - 1 - place] + random.integers(1, SEEN, rows)) % SEEN
        strings[every, place] = np.where(is_palindrome, strings[every, place], other)
        return classified(strings + first, lengths, is_palindrome.astype(np.int64))

    return draw


def _palindromes(name: str, first: int, unseen: Task | None, described: str) -> Task:
    return Task(
        name=name,
        description=f"whether a string is the same backwards, {described}",
        level="context-free",
        symbols=SYMBOLS,
        answers=("no", "yes"),
        draw=_drawn_from(first),
        reference=palindrome,
        answer_length=one,
        shortest=2,
        unseen=unseen,
        notes="Half of the rows of each length are palindromes; of the others three quarters differ from one in a "
        "single symbol.",
    )


PALINDROMES_UNSEEN = _palindromes("palindromes-unseen", SEEN, None, "of symbols that `palindromes` never shows")
PALINDROMES = _palindromes("palindromes", 0, PALINDROMES_UNSEEN, "of 16 symbols; 16 others are kept for tests")
