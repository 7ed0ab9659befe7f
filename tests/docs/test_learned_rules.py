"""The rules that were learned, as they lie in the repository: what the exact machine makes of them at lengths never trained."""

import operator
from collections.abc import Callable
from random import Random

import pytest

from neurallambda.automata import CellularAutomaton, load
from tests.docs.blocks import ROOT


def digits(number: int) -> list[str]:
    """The binary digits of a number, the lowest first."""
    return list(f"{number:b}"[::-1])


@pytest.mark.parametrize(("one", "other"), [(3, 3), (40, 7), (250, 250), (480, 19)])
@pytest.mark.parametrize(
    ("name", "sign", "pause", "compute"),
    [("binary-multiplication", "*", 4, operator.mul), ("binary-addition", "+", 8, operator.add)],
)
def test_learned_rules_compute_exactly(
    name: str, sign: str, pause: int, compute: Callable[[int, int], int], one: int, other: int
) -> None:
    machine = load(ROOT / f"results/rules/{name}.json", CellularAutomaton)
    random = Random(one + other)
    for _ in range(3):
        left, right = (random.getrandbits(size) | 1 << size - 1 for size in (one, other))
        wanted = [*digits(compute(left, right)), "end"]
        written = machine.transduce(digits(left), [sign] * pause + digits(right), steps=pause + len(wanted))
        assert list(written) == [None] * pause + wanted
