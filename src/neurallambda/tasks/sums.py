"""Sums of digits modulo 10, answered at every token."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from jaxtyping import Int

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.tasks.task import Rows, Task

MODULUS = 10
DIGITS = tuple(map(str, range(MODULUS)))
Lengths = Int[np.ndarray, " rows"]


def running_sum(input: Sequence[int]) -> list[int]:  # noqa: A002
    """At each digit, the sum of all digits so far, modulo 10.

    >>> running_sum([3, 8, 1])
    [3, 1, 2]
    """
    return [total % MODULUS for total in accumulate(input)]


def _running_sum(lengths: Lengths, random: np.random.Generator) -> Rows:
    digits = random.integers(0, MODULUS, (len(lengths), int(lengths.max())))
    return Rows(inputs=digits, lengths=lengths, answers=digits.cumsum(1) % MODULUS, sizes=lengths)


@checked
def sliding_window_sum(width: int = 3) -> Task:
    """The task to say, at each digit, the sum of it and the digits before it in a window, modulo 10.

    Args:
        width: how many digits the window has.

    Example:
        >>> sliding_window_sum(2).answer([3, 8, 1])
        [3, 1, 9]
    """
    check_count("width", width)

    def reference(input: Sequence[int]) -> list[int]:  # noqa: A002
        return [sum(input[max(0, place - width + 1) : place + 1]) % MODULUS for place in range(len(input))]

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        digits = random.integers(0, MODULUS, (len(lengths), int(lengths.max())))
        sums = digits.cumsum(1)
        answers = sums.copy()
        answers[:, width:] -= sums[:, : max(sums.shape[1] - width, 0)]
        return Rows(inputs=digits, lengths=lengths, answers=answers % MODULUS, sizes=lengths)

    return Task(
        name="sliding-window-sum",
        description=f"at each digit, the sum of the last {width} digits modulo 10",
        level="regular",
        symbols=DIGITS,
        answers=DIGITS,
        draw=draw,
        reference=reference,
        answer_length=lambda length: length,
        reads="along",
    )


RUNNING_SUM = Task(
    name="running-sum",
    description="at each digit, the sum of all digits so far, modulo 10",
    level="regular",
    symbols=DIGITS,
    answers=DIGITS,
    draw=_running_sum,
    reference=running_sum,
    answer_length=lambda length: length,
    reads="along",
)
SUMS = (RUNNING_SUM, sliding_window_sum())
