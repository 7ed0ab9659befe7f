"""The rules that were learned, as they lie in the repository: what the exact machine makes of them at lengths never trained."""

import operator
from collections.abc import Callable
from random import Random

import pytest

from neurallambda.automata import CellularAutomaton, load
from tests.docs.blocks import ROOT

PAUSE = 4
"""For so many steps the multiplier is shown its sign."""


def digits(number: int) -> list[str]:
    """The binary digits of a number, the lowest first."""
    return list(f"{number:b}"[::-1])


@pytest.mark.parametrize(("one", "other"), [(3, 3), (40, 7), (250, 250), (480, 19)])
@pytest.mark.parametrize(
    ("name", "sign", "pause", "compute"),
    [("binary-multiplication", "*", PAUSE, operator.mul), ("binary-addition", "+", 8, operator.add)],
)
def test_learned_rules_compute_exactly(
    name: str, sign: str, pause: int, compute: Callable[[int, int], int], one: int, other: int
) -> None:
    machine = load(ROOT / f"results/rules/{name}.json", CellularAutomaton)
    random = Random(one + other)
    for _ in range(3):
        left, right = (random.getrandbits(size) | 1 << size - 1 for size in (one, other))
        wanted = [*digits(compute(left, right)), "end"]
        found = machine.transduce(digits(left), [sign] * pause + digits(right), steps=pause + len(wanted))
        assert list(found) == [None] * pause + wanted


def test_what_the_learned_multiplier_gets_wrong_no_rule_could_know() -> None:
    machine = load(ROOT / "results/rules/binary-multiplication.json", CellularAutomaton)
    random, wrong, unknowable = Random(0), 0, 0
    for _ in range(2_000):
        size = random.randint(1, 39)
        strings = [[random.randint(0, 1) for _ in range(length)] for length in (size, 40 - size)]
        long, short = sorted(strings, key=len, reverse=True)
        left, right = (sum(bit << place for place, bit in enumerate(bits)) for bits in (long, short))
        if not left * right:
            continue  # no number of a task is zero
        wanted = [*digits(left * right), "end"]
        shown = ["*"] * PAUSE + [str(bit) for bit in short]
        found = machine.transduce([str(bit) for bit in long], shown, steps=PAUSE + len(wanted))
        # News of a cell comes a cell a step, and the cell behind the number is the one that says that nothing follows.
        is_unknowable = len(long) > PAUSE + len(wanted) - 1
        wrong, unknowable = wrong + (list(found[PAUSE:]) != wanted), unknowable + is_unknowable
        assert is_unknowable or list(found[PAUSE:]) == wanted, (long, short)
    assert 0 < wrong <= unknowable < 20
