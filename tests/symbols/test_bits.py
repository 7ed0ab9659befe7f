"""Bit patterns: every integer comes back, through as much noise as the copies allow."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.symbols import BitCodebook


def make(bits: int = 16, repeats: int = 5, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> BitCodebook:
    return BitCodebook.make(bits, repeats=repeats, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(st.integers(1, 63), st.integers(1, 4), st.integers(0, 9), st.data())
def test_what_goes_in_comes_out(bits: int, repeats: int, seed: int, data: st.DataObject) -> None:
    codebook = make(bits, repeats, seed=seed)
    integers = data.draw(
        st.lists(st.integers(codebook.integers.start, codebook.integers.stop - 1), min_size=1, max_size=5)
    )
    vectors = codebook.project(integers)
    assert vectors.shape == (len(integers), bits * repeats)
    assert bool((vectors.abs() == 1).all())
    assert codebook.unproject(vectors)[0] == integers
    assert torch.equal(codebook.snap(vectors), vectors)
    for integer, vector in zip(integers, vectors, strict=True):
        assert torch.equal(codebook.project(integer), vector)
        assert codebook.unproject(vector)[0] == integer


def test_all_bytes_and_their_ends() -> None:
    codebook = make(8)
    assert codebook.integers == range(-128, 128)
    assert codebook.unproject(codebook.project([list(codebook.integers)]))[0] == [list(codebook.integers)]
    for bits in (1, 63):
        ends = [make(bits).integers.start, make(bits).integers.stop - 1]
        assert make(bits).unproject(make(bits).project(ends))[0] == ends


def test_it_is_twos_complement_xor_the_mask() -> None:
    codebook = make(8, 3)
    hidden = (codebook.mask > 0).tolist()
    for value in (-128, -1, 0, 1, 100):
        bits = [bool((value % 256) >> place & 1) for place in range(8)]
        # In signs, equal is 1: the product is the negation of XOR.
        expected = [bit == hide for row in hidden for bit, hide in zip(bits, row, strict=True)]
        assert (codebook.project(value) > 0).tolist() == expected


@pytest.mark.parametrize(("repeats", "rate"), [(5, 0.02), (31, 0.15), (103, 0.25), (501, 0.4)])
def test_it_survives_as_many_flips_as_promised(repeats: int, rate: float) -> None:
    """Misreadings among a few thousand stay under the bound of the docstring (with three standard deviations of room)."""
    bits, trials = 16, 3_000
    generator = torch.Generator().manual_seed(1)
    codebook = make(bits, repeats)
    values = torch.randint(-(2**15), 2**15, (trials,), generator=generator).tolist()
    flips = torch.rand(trials, codebook.vec_size, generator=generator) < rate
    read, similarity = codebook.unproject(codebook.project(values).where(~flips, -codebook.project(values)))
    wrong = sum(a != b for a, b in zip(values, read, strict=True))
    bound = min(1.0, bits * math.exp(-2 * repeats * (0.5 - rate) ** 2))
    assert wrong <= trials * bound + 3 * math.sqrt(trials * bound)
    assert abs(float(similarity.mean()) - (1 - 2 * rate)) < 0.05


def test_it_survives_gaussian_noise_louder_than_the_signal() -> None:
    codebook = make(16, 101)
    values = list(range(-500, 500))
    noise = 2 * torch.randn(1_000, codebook.vec_size, generator=torch.Generator().manual_seed(1))
    assert codebook.unproject(codebook.project(values) + noise)[0] == values


def test_noise_that_is_all_there_is_reads_as_nothing() -> None:
    codebook = make(16, 101)
    noise = torch.randn(100, codebook.vec_size, generator=torch.Generator().manual_seed(1))
    assert codebook.unproject(noise)[1].max() < 0.2
    assert codebook.unproject(torch.zeros(codebook.vec_size))[1] == 0


def test_the_mask_hides_the_pattern_of_zero() -> None:
    assert abs(float(make(16, 101).project(0).mean())) < 0.1


def test_clean_up_takes_noise_away_and_is_fixed_in_its_limit() -> None:
    codebook = make(8, 11, dtype=torch.float64)
    vectors = codebook.project([-3, 77])
    torch.testing.assert_close(codebook.clean_up(vectors, inverse_temperature=30.0), vectors)
    noise = 0.5 * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(codebook.clean_up(vectors + noise, inverse_temperature=30.0), vectors)


def test_gradients() -> None:
    codebook = make(3, 2, dtype=torch.float64)
    noisy = (0.4 * codebook.project([1, -4])).requires_grad_()
    assert torch.autograd.gradcheck(lambda vectors: codebook.clean_up(vectors, inverse_temperature=1.5), noisy)
    assert torch.autograd.gradcheck(codebook.votes, noisy)


def test_one_seed_is_one_codebook() -> None:
    assert torch.equal(make(seed=3).mask, make(seed=3, dtype=torch.float64).to(dtype=torch.float32).mask)
    assert not torch.equal(make(seed=3).mask, make(seed=4).mask)


REFUSED = [
    (lambda: make(8).project(128), "got 128, expected -128 to 127, what 8 bits can hold"),
    (lambda: make(8).project(-129), "got -129"),
    (lambda: make(8).project(True), r"got True \(bool\), expected an integer"),
    (lambda: make(8).project(1.0), r"got 1.0 \(float\)"),
    (lambda: make(8).project([1, [2]]), "rectangular"),
    (lambda: make(64), "got 64, expected at most 63"),
    (lambda: make(0), "bits: got 0"),
    (lambda: make(8, 0), "repeats: got 0"),
    (lambda: make(8, 2).unproject(torch.zeros(8)), r"expected \(..., 16\)"),
    (lambda: make(1, 1).unproject(torch.tensor([torch.inf])), "NaN or infinite"),
]


@pytest.mark.parametrize(("mistake", "message"), REFUSED)
def test_a_mistake_is_told(mistake: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mistake()
