"""The rules that were learned, as they lie in the repository: what the exact machine makes of them at lengths never trained."""

from random import Random

import pytest

from neurallambda.automata import CellularAutomaton, load
from tests.docs.blocks import ROOT

PAUSE = 4


def digits(number: int) -> list[str]:
    """The binary digits of a number, the lowest first."""
    return list(f"{number:b}"[::-1])


@pytest.mark.parametrize(("one", "other"), [(3, 3), (40, 7), (250, 250), (480, 19)])
def test_learned_rules_multiply_exactly(one: int, other: int) -> None:
    machine = load(ROOT / "results/rules/binary-multiplication.json", CellularAutomaton)
    random = Random(one + other)
    for _ in range(3):
        left, right = (random.getrandbits(size) | 1 << size - 1 for size in (one, other))
        wanted = [*digits(left * right), "end"]
        written = machine.transduce(digits(left), ["*"] * PAUSE + digits(right), steps=PAUSE + len(wanted))
        assert list(written) == [None] * PAUSE + wanted
