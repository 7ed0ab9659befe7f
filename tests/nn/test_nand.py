"""NAND: its sharp limit is Boolean, between it is the probability, and every parameter has a gradient."""

import re
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.nn import EqualityChoice, Nand, NandChoice, soft_nand
from neurallambda.nn.nand_choice import with_products

COUNTS = (1, 2, 3, 4)
SHARP = 1e4
"""A logit whose sigmoid is exactly 0 or 1 in floating point."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def boolean_nand(truths: tuple[bool, ...], taking_part: tuple[bool, ...]) -> bool:
    """The oracle: it is not so that all the inputs that take part are true."""
    return not all(truth for truth, counts in zip(truths, taking_part, strict=True) if counts)


def numbers(rows: list[tuple[bool, ...]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("inputs", COUNTS)
def test_at_the_corners_it_is_boolean_nand(inputs: int) -> None:
    rows = list(product([False, True], repeat=inputs))
    table = soft_nand(numbers(rows)[:, None], numbers(rows))
    assert table.tolist() == [[float(boolean_nand(truths, part)) for part in rows] for truths in rows]


def sharpened(gates: Nand, polarity: Tensor, participation: Tensor) -> Nand:
    """The same gates in the sharp limit, with these answers to which inputs are negated and which take part."""
    with torch.no_grad():
        gates.log_sharpness.fill_(torch.tensor(SHARP).log())
        gates.polarity.copy_(SHARP * (2 * polarity - 1))
        gates.participation.copy_(SHARP * (2 * participation - 1))
    return gates


@pytest.mark.parametrize("inputs", COUNTS)
def test_sharp_gates_over_vectors_are_boolean_nand(inputs: int) -> None:
    """All assignments of matching and not matching inputs, against all gates: each input absent, plain, or negated."""
    rows = list(product([False, True], repeat=inputs))
    kinds = [(part, plain) for part in rows for plain in rows]
    gates = Nand(inputs=inputs, size=8, gates=len(kinds), generator=seeded(), dtype=torch.float64)
    gates = sharpened(gates, numbers([plain for _, plain in kinds]), numbers([part for part, _ in kinds]))
    with torch.no_grad():
        gates.patterns.copy_(gates.patterns[:1].clone())  # the same patterns for all gates: a table has shared inputs
    matching = torch.nn.functional.normalize(gates.patterns[0], dim=-1)
    others = torch.randn(matching.shape, generator=seeded(1), dtype=torch.float64)
    others = others - (others * matching).sum(-1, keepdim=True) * matching
    vectors = torch.where(torch.tensor(rows)[..., None], 3 * matching, others)
    expected = [
        [float(boolean_nand(tuple(m == p for m, p in zip(matches, plain, strict=True)), part)) for part, plain in kinds]
        for matches in rows
    ]
    assert gates(vectors).tolist() == expected


def test_nand_is_universal() -> None:
    """Exclusive or, out of four."""
    both = torch.ones(2)
    for a, b in product([0.0, 1.0], repeat=2):
        middle = soft_nand(torch.tensor([a, b]), both)
        sides = torch.stack([soft_nand(torch.stack([torch.tensor(x), middle]), both) for x in (a, b)])
        assert soft_nand(sides, both) == float(a != b)


@given(st.integers(1, 4), st.integers(0, 99))
def test_between_the_corners_it_is_the_probability(inputs: int, seed: int) -> None:
    """The sum over all worlds of the world's probability, where it makes the statement true."""
    truths, parts = torch.rand(2, inputs, generator=seeded(seed), dtype=torch.float64)
    expected = 0.0
    rows = list(product([False, True], repeat=inputs))
    for truth, part in product(rows, rows):
        chance = 1.0
        for p, happened in zip((*truths.tolist(), *parts.tolist()), (*truth, *part), strict=True):
            chance *= p if happened else 1 - p
        expected += chance * boolean_nand(truth, part)
    assert float(soft_nand(truths, parts)) == pytest.approx(expected)


def test_a_batch_is_its_single_rows() -> None:
    gates = Nand(inputs=3, size=5, gates=7, generator=seeded(), dtype=torch.float64)
    vectors = torch.randn(2, 4, 3, 5, generator=seeded(1), dtype=torch.float64)
    for row, column in product(range(2), range(4)):
        torch.testing.assert_close(gates(vectors)[row, column], gates(vectors[row, column]))


def test_gradients_reach_vectors_and_every_parameter() -> None:
    gates = Nand(inputs=3, size=4, gates=2, generator=seeded(), dtype=torch.float64)
    names, values = zip(*gates.named_parameters(), strict=True)
    vectors = torch.randn(2, 3, 4, generator=seeded(1), dtype=torch.float64, requires_grad=True)

    def through(vectors: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(gates, dict(zip(names, values, strict=True)), (vectors,))

    assert torch.autograd.gradcheck(through, (vectors, *(value.detach().requires_grad_() for value in values)))


def test_gradients_at_the_corners_are_finite() -> None:
    truths = torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    parts = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(soft_nand, (truths, parts))


def test_descent_finds_a_gate() -> None:
    """From random parameters, the truth table of "not (first and not second)", where the third input takes no part."""
    rows = list(product([False, True], repeat=3))
    wanted = torch.tensor([not (first and not second) for first, second, _ in rows]).float()
    symbols = torch.randn(3, 2, 16, generator=seeded())  # for each input, a vector that means no and one that means yes
    vectors = torch.stack([torch.stack([symbols[i, int(value)] for i, value in enumerate(row)]) for row in rows])
    gate = Nand(inputs=3, size=16, gates=1, generator=seeded(1))
    optimizer = torch.optim.Adam(gate.parameters(), lr=0.02)
    for _ in range(300):
        loss = (gate(vectors)[:, 0] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ((gate(vectors)[:, 0] > 0.5) == wanted.bool()).all()


def test_one_seed_is_one_gate_and_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (Nand(inputs=2, size=3, gates=4, generator=seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.patterns, again.patterns)
    assert not torch.equal(first.patterns, other.patterns)
    assert torch.equal(before, torch.get_rng_state())


def test_products_are_those_of_every_two() -> None:
    vectors = torch.tensor([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])
    assert with_products(vectors).tolist()[3:] == [[3.0, 10.0], [7.0, 22.0], [21.0, 55.0]]
    assert torch.equal(with_products(vectors)[:3], vectors)
    assert with_products(vectors[:1]).shape == (1, 2)


def test_chances_are_a_distribution_and_the_result_their_mixture() -> None:
    choice = NandChoice(candidates=3, size=6, gates=5, generator=seeded(), dtype=torch.float64)
    candidates = torch.randn(4, 3, 6, generator=seeded(1), dtype=torch.float64)
    chances = choice.chances(candidates)
    torch.testing.assert_close(chances.sum(-1), torch.ones(4, dtype=torch.float64))
    assert (chances >= 0).all()
    for row in range(4):
        mixed = sum(chance * candidate for chance, candidate in zip(chances[row], candidates[row], strict=True))
        torch.testing.assert_close(choice(candidates)[row], mixed)
        torch.testing.assert_close(choice(candidates[row]), choice(candidates)[row])


@pytest.mark.compile
def test_a_choice_compiles_whole() -> None:
    choice = NandChoice(candidates=3, size=6, gates=5, generator=seeded())
    candidates = torch.randn(4, 3, 6, generator=seeded(1))
    compiled = torch.compile(choice, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(candidates), choice(candidates))


def test_mistakes_are_told() -> None:
    gates = Nand(inputs=2, size=3, gates=4, generator=seeded())
    with pytest.raises(ArgumentError, match=re.escape("got shape (3, 2), expected (..., 2, 3)")):
        gates(torch.zeros(3, 2))
    with pytest.raises(ArgumentError, match="expected last axes of one size"):
        soft_nand(torch.zeros(3), torch.zeros(1))
    with pytest.raises(ArgumentError, match="gates: got 0"):
        Nand(inputs=2, size=3, gates=0, generator=seeded())
    with pytest.raises(ArgumentError, match="candidates: got 0"):
        NandChoice(candidates=0, size=3, gates=1, generator=seeded())


def test_a_choice_by_equality_sees_angles_alone() -> None:
    choice = EqualityChoice(candidates=3, gates=5, generator=seeded(), dtype=torch.float64)
    given = torch.randn(4, 3, 6, generator=seeded(1), dtype=torch.float64)
    turned = given @ torch.linalg.qr(torch.randn(6, 6, generator=seeded(2), dtype=torch.float64))[0]
    torch.testing.assert_close(choice.chances(given), choice.chances(7 * turned))
    torch.testing.assert_close(choice.chances(given).sum(-1), torch.ones(4, dtype=torch.float64))


def test_every_parameter_of_a_choice_by_equality_has_a_gradient() -> None:
    choice = EqualityChoice(candidates=3, gates=5, generator=seeded())
    choice(torch.randn(4, 3, 6, generator=seeded(1))).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in choice.parameters())


def test_mistakes_with_a_choice_by_equality_are_told() -> None:
    with pytest.raises(ArgumentError, match="candidates: got 1, expected an integer of at least 2"):
        EqualityChoice(candidates=1, gates=5, generator=seeded())
    choice = EqualityChoice(candidates=3, gates=5, generator=seeded())
    with pytest.raises(ArgumentError, match=r"candidates: got shape \(2, 6\), expected \(\.\.\., 3, size\)"):
        choice(torch.ones(2, 6))


@pytest.mark.parametrize("gates", [4, 16, 256])
def test_about_one_gate_takes_part_for_each_candidate_at_the_start(gates: int) -> None:
    choice = EqualityChoice(candidates=8, gates=gates, generator=seeded())
    assert 0.4 < float(choice.participation.detach().sigmoid().sum(-1).mean()) < 1.3
