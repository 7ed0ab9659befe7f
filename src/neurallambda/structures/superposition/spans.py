"""How far apart copies of the cells are kept, by scans whose backward pass runs each span of steps again from its copy.

Keeping the cells at every step would take time * capacity * width numbers. A copy at every n-th step takes 1/n of that,
and while a span of n steps is run again, its own cells are needed. So n is as small as the promise of
time * (capacity + width) allows.
"""

SHORTEST = 16
"""Steps a span has at least: below that, more copies only cost time."""


def steps_a_copy(copy: int, step: int) -> int:
    """The steps of a span, for copies that take at most twice the room of what each step brings, or a 16th of a copy.

    Args:
        copy: how many numbers a copy of the cells holds.
        step: how many numbers a step brings, counting those that are needed to tell where anything lies: the value and
            the occupancy.

    Returns:
        The number of steps between two copies.
    """
    return max(SHORTEST, -(-copy // (2 * step)))
