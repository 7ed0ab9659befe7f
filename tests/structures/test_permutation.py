"""Soft permutations: the plain ones at the corners, their mean between them."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.structures import move, swap
from neurallambda.structures.references.permutation import plain_move, plain_swap

PAIRS = [(swap, plain_swap), (move, plain_move)]


@pytest.mark.parametrize(("soft", "plain"), PAIRS)
def test_all_corners(soft: type, plain: type) -> None:
    for count in (1, 2, 5):
        rows = torch.randn(1, count, 3, generator=torch.Generator().manual_seed(0))
        places = torch.eye(count)[:, None]
        for one, other in product(range(count), repeat=2):
            found = soft(rows, places[one], places[other])[0]
            assert torch.equal(found, torch.stack(plain(list(rows[0]), one, other)))


@pytest.mark.parametrize(("soft", "plain"), PAIRS)
@given(st.integers(0, 2**31), st.integers(1, 5))
@settings(max_examples=15)
def test_the_mean_over_independent_places(soft: type, plain: type, seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(2, count, 2, generator=generator, dtype=torch.float64)
    one, other = torch.randn(2, 2, count, generator=generator, dtype=torch.float64).softmax(-1)
    mean = torch.zeros_like(rows)
    for b, i, j in product(range(2), range(count), range(count)):
        mean[b] += one[b, i] * other[b, j] * torch.stack(plain(list(rows[b]), i, j))
    found = soft(rows, one, other)
    torch.testing.assert_close(found, mean)
    torch.testing.assert_close(found.sum(1), rows.sum(1))
    for b in range(2):
        torch.testing.assert_close(found[b : b + 1], soft(rows[b : b + 1], one[b : b + 1], other[b : b + 1]))


@pytest.mark.parametrize("soft", [swap, move])
@given(st.integers(0, 2**31), st.integers(1, 6))
@settings(max_examples=15)
def test_the_matrix_is_doubly_stochastic(soft: type, seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    one, other = torch.randn(2, 1, count, generator=generator, dtype=torch.float64).softmax(-1)
    matrix = soft(torch.eye(count, dtype=torch.float64)[None], one, other)[0]
    whole = torch.ones(count, dtype=torch.float64)
    torch.testing.assert_close(matrix.sum(0), whole)
    torch.testing.assert_close(matrix.sum(1), whole)
    assert (matrix > -1e-12).all()


@pytest.mark.parametrize("soft", [swap, move])
def test_gradients(soft: type) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, one, other = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 4, 2), (2, 4), (2, 4))
    )
    assert torch.autograd.gradcheck(
        lambda rows, one, other: soft(rows, one.softmax(-1), other.softmax(-1)), (rows, one, other)
    )


@pytest.mark.parametrize("soft", [swap, move])
def test_bad_input(soft: type) -> None:
    rows, place = torch.zeros(2, 3, 1), torch.full((2, 3), 1 / 3)
    with pytest.raises(ArgumentError, match="expected a distribution over the rows"):
        soft(rows, place.double(), place)
