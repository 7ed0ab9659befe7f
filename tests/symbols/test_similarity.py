"""Similarity: the plain formulas, no broadcasting, and a gradient everywhere."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.symbols import cosine, cosine_with_all, dot, dot_with_all

PAIRWISE = [dot, cosine]
WITH_ALL = [dot_with_all, cosine_with_all]


def vectors(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 99), st.integers(1, 5))
def test_they_are_the_formulas(seed: int, size: int) -> None:
    left, right = vectors(3, size, seed=seed), vectors(3, size, seed=seed + 100)
    for row in range(3):
        product = sum(a * b for a, b in zip(left[row].tolist(), right[row].tolist(), strict=True))
        lengths = sum(a * a for a in left[row].tolist()) ** 0.5 * sum(b * b for b in right[row].tolist()) ** 0.5
        assert float(dot(left, right)[row]) == pytest.approx(product)
        assert float(cosine(left, right)[row]) == pytest.approx(product / lengths)


@pytest.mark.parametrize(("pairwise", "with_all"), list(zip(PAIRWISE, WITH_ALL, strict=True)))
def test_with_all_is_every_pair(pairwise: Callable[..., Tensor], with_all: Callable[..., Tensor]) -> None:
    left, right = vectors(2, 3, 5), vectors(4, 5, seed=1)
    table = with_all(left, right)
    assert table.shape == (2, 3, 4)
    for place in range(4):
        torch.testing.assert_close(table[..., place], pairwise(left, right[place].expand(2, 3, 5)))


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_a_cosine_does_not_depend_on_lengths(scale: float) -> None:
    left, right = vectors(5), vectors(5, seed=1)
    torch.testing.assert_close(cosine(left * scale, right), cosine(left, right))


def test_a_zero_vector_is_like_nothing_and_has_a_gradient() -> None:
    zero = torch.zeros(4, requires_grad=True)
    similarity = cosine(zero, torch.ones(4))
    similarity.backward()
    assert similarity == 0
    assert zero.grad is not None
    assert zero.grad.isfinite().all()


@pytest.mark.parametrize("measure", [*PAIRWISE, *WITH_ALL])
def test_gradients(measure: Callable[..., Tensor]) -> None:
    assert torch.autograd.gradcheck(measure, (vectors(3, 4).requires_grad_(), vectors(3, 4, seed=1).requires_grad_()))


@pytest.mark.parametrize("measure", PAIRWISE)
@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((1, 4), (3, 4)), ((3, 4), (3, 1)), ((), ())])
def test_nothing_broadcasts(measure: Callable[..., Tensor], shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ArgumentError, match=r"expected two equal shapes .* cosine_with_all, .*\.expand"):
        measure(torch.ones(shapes[0]), torch.ones(shapes[1]))


@pytest.mark.parametrize("measure", WITH_ALL)
def test_sizes_must_agree(measure: Callable[..., Tensor]) -> None:
    with pytest.raises(ArgumentError, match=r"got shape \(3, 1\), expected \(..., 4\)"):
        measure(torch.ones(3, 1), torch.ones(2, 4))


@pytest.mark.parametrize("measure", [*PAIRWISE, *WITH_ALL])
def test_dtypes_must_agree(measure: Callable[..., Tensor]) -> None:
    with pytest.raises(ArgumentError, match="convert one to the other"):
        measure(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64))
