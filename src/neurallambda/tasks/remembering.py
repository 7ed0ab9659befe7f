"""Tasks of remembering something for a while, answered at every token: latches, and what was n tokens ago."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.tasks.task import Rows, Task

OTHERS = ("a", "b", "c", "d", "e", "f")
"""Symbols that a latch does not mind."""
SET, RESET = len(OTHERS), len(OTHERS) + 1
Lengths = Int[np.ndarray, " rows"]


def latch(input: Sequence[int]) -> list[int]:  # noqa: A002
    """At each token, whether `set` has come by now.

    >>> latch([0, 3, SET, 1, SET, 0])
    [0, 0, 1, 1, 1, 1]
    """
    return [int(SET in input[: place + 1]) for place in range(len(input))]


def _latch(lengths: Lengths, random: np.random.Generator) -> Rows:
    """The first `set` comes at any place, or never, all equally likely; after it, one token in eight is another."""
    rows, width = len(lengths), int(lengths.max())
    places, first = np.arange(width), random.integers(0, lengths + 1)[:, None]
    again = (places > first) & (random.integers(0, 8, (rows, width)) == 0)
    strings = np.where((places == first) | again, SET, random.integers(0, len(OTHERS), (rows, width)))
    return Rows(inputs=strings, lengths=lengths, answers=(places >= first).astype(np.int64), sizes=lengths)


def resettable_latch(input: Sequence[int]) -> list[int]:  # noqa: A002
    """At each token, whether the last `set` or `reset` was a `set`; before any of them it is off.

    >>> resettable_latch([0, SET, 3, RESET, 1, SET])
    [0, 1, 1, 0, 0, 1]
    """
    answers, on = [], 0
    for symbol in input:
        on = {SET: 1, RESET: 0}.get(symbol, on)
        answers.append(on)
    return answers


def _resettable_latch(lengths: Lengths, random: np.random.Generator) -> Rows:
    """One token in eight is `set`, and one in eight `reset`."""
    shape = (len(lengths), int(lengths.max()))
    events = random.integers(0, 8, shape)
    strings = np.where(events < 2, SET + events, random.integers(0, len(OTHERS), shape))
    # The place of the last event up to each token; -1 where there was none.
    last = np.maximum.accumulate(np.where(events < 2, np.arange(shape[1]), -1), axis=1)
    on = (last >= 0) & (np.take_along_axis(strings, last.clip(0), 1) == SET)
    return Rows(inputs=strings, lengths=lengths, answers=on.astype(np.int64), sizes=lengths)


@checked
def n_back(n: int = 3, *, symbols: int = 8) -> Task:
    """The task to say, at each token, whether it is the same as `n` tokens ago. Half of them are.

    Args:
        n: how far to look back.
        symbols: how many there are, from 2 to 26.

    Example:
        >>> n_back(2).answer([0, 1, 0, 1, 2])
        [0, 0, 1, 1, 0]
    """
    check_count("n", n)
    check_count("symbols", symbols, least=2)

    def reference(input: Sequence[int]) -> list[int]:  # noqa: A002
        return [int(place >= n and input[place - n] == symbol) for place, symbol in enumerate(input)]

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        rows, width = len(lengths), int(lengths.max())
        strings = random.integers(0, symbols, (rows, width))
        # Another symbol is one at a random distance from the same one.
        distances = random.integers(1, symbols, (rows, width)) * random.integers(0, 2, (rows, width))
        for place in range(n, width):
            strings[:, place] = (strings[:, place - n] + distances[:, place]) % symbols
        answers = np.zeros_like(strings)
        answers[:, n:] = strings[:, n:] == strings[:, : max(width - n, 0)]
        return Rows(inputs=strings, lengths=lengths, answers=answers, sizes=lengths)

    return Task(
        name="n-back",
        description=f"at each token, whether it is the same as {n} tokens ago",
        level="regular",
        symbols=tuple(map(chr, range(97, 97 + symbols))),
        answers=("other", "same"),
        draw=draw,
        reference=reference,
        answer_length=lambda length: length,
        reads="along",
    )


LATCH = Task(
    name="latch",
    description="at each token, whether set has come by now",
    level="regular",
    symbols=(*OTHERS, "set"),
    answers=("off", "on"),
    draw=_latch,
    reference=latch,
    answer_length=lambda length: length,
    reads="along",
)
RESETTABLE_LATCH = Task(
    name="resettable-latch",
    description="at each token, whether set or reset came last",
    level="regular",
    symbols=(*OTHERS, "set", "reset"),
    answers=("off", "on"),
    draw=_resettable_latch,
    reference=resettable_latch,
    answer_length=lambda length: length,
    reads="along",
)
REMEMBERING = (LATCH, RESETTABLE_LATCH, n_back())
