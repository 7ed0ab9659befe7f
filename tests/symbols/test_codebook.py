"""Codebooks: what goes in comes out, of every kind, in any batch; and what cannot go in is refused."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.symbols import Codebook, Kind, cosine_with_all

KINDS = list(Kind)
EXACT = [Kind.ONEHOT, Kind.ORTHONORMAL]
WIDTH = 256

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.just(1 + 0j)
)
SYMBOLS = st.recursive(LEAVES, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=2), max_leaves=4)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(symbols: Any, kind: Kind | str, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Codebook:
    return Codebook.make(symbols, kind=kind, vec_size=WIDTH, generator=seeded(seed), dtype=dtype)


def exact(symbol: Any) -> Any:
    """A symbol's whole identity as text: an oracle of its own for when two are the same."""
    if isinstance(symbol, frozenset):
        return "frozenset", sorted(map(repr, map(exact, symbol)))
    if isinstance(symbol, tuple):
        return "tuple", [exact(item) for item in symbol]
    return type(symbol).__name__, repr(symbol)


def distinct(symbols: list[Any]) -> list[Any]:
    return list({repr(exact(symbol)): symbol for symbol in symbols}.values())


@given(st.lists(SYMBOLS, min_size=1, max_size=8).map(distinct), st.sampled_from(KINDS), st.integers(0, 99))
def test_what_goes_in_comes_out(symbols: list[Any], kind: Kind, seed: int) -> None:
    codebook = make(symbols, kind, seed=seed)
    back, similarity = codebook.unproject(codebook.project(symbols))
    assert [exact(symbol) for symbol in back] == [exact(symbol) for symbol in symbols]
    torch.testing.assert_close(similarity, torch.ones(len(symbols)))


def test_types_count() -> None:
    symbols = [1, True, 1.0, "1", b"1", (1,), (True,), 0.0, -0.0, frozenset({1}), frozenset({1.0}), float("nan")]
    codebook = Codebook.make(symbols)
    assert codebook.index(symbols).tolist() == list(range(len(symbols)))
    assert codebook.index(float("nan")) == 11
    assert 1 in codebook
    assert False not in codebook
    assert (1.0,) not in codebook


@dataclass(frozen=True)
class Address:
    number: int


def test_symbols_may_be_objects_of_classes_of_your_own() -> None:
    codebook = Codebook.make([Address(0), Address(1), Kind.ONEHOT, "onehot"])
    assert codebook.index([Address(1), Kind.ONEHOT, "onehot"]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_batch_is_its_single_rows(kind: Kind, data: st.DataObject) -> None:
    codebook = make(range(6), kind, dtype=torch.float64)
    rows = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    noise = torch.randn(len(rows), WIDTH, generator=seeded(data.draw(st.integers(0, 9))), dtype=torch.float64)
    vectors = codebook.project(rows) + 0.1 * noise
    together = [
        codebook.project(rows),
        codebook.unproject(vectors)[1],
        codebook.attend(vectors, inverse_temperature=2.0),
        codebook.clean_up(vectors, inverse_temperature=2.0),
        codebook.snap(vectors),
    ]
    for row, (symbol, vector) in enumerate(zip(rows, vectors, strict=True)):
        alone = [
            codebook.project(symbol),
            codebook.unproject(vector)[1],
            codebook.attend(vector, inverse_temperature=2.0),
            codebook.clean_up(vector, inverse_temperature=2.0),
            codebook.snap(vector),
        ]
        for whole, part in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[row], part, rtol=1e-12, atol=1e-12)
        assert codebook.unproject(vectors)[0][row] == codebook.unproject(vector)[0]


def test_batches_are_lists_of_any_depth() -> None:
    codebook = Codebook.make(["a", "b", ("a", "b")])
    assert codebook.project(("a", "b")).shape == (3,)
    assert codebook.project([[["a", "b"]], [["b", "b"]]]).shape == (2, 1, 2, 3)
    assert codebook.unproject(codebook.project([[["a", "b"]], [["b", "b"]]]))[0] == [[["a", "b"]], [["b", "b"]]]
    assert codebook.project([]).shape == (0, 3)
    assert codebook.unproject(codebook.project([]))[0] == []
    assert codebook.unproject(torch.zeros(2, 0, 3))[0] == [[], []]


@pytest.mark.parametrize("kind", EXACT)
def test_exact_kinds_are_orthonormal(kind: Kind) -> None:
    vectors = make(range(40), kind, dtype=torch.float64).vectors
    torch.testing.assert_close(vectors @ vectors.mT, torch.eye(40, dtype=torch.float64), rtol=0, atol=1e-14)


def test_random_kinds_have_the_moments_they_should() -> None:
    gaussian = Codebook.make(range(64), kind="gaussian", vec_size=4096, generator=seeded()).vectors
    assert abs(gaussian.mean()) < 0.01
    assert abs(gaussian.std() - 1) < 0.01
    bipolar = Codebook.make(range(64), kind="bipolar", vec_size=4096, generator=seeded()).vectors
    assert set(bipolar.unique().tolist()) == {-1.0, 1.0}
    assert abs(bipolar.mean()) < 0.01
    for vectors in (gaussian, bipolar):
        crosstalk = cosine_with_all(vectors, vectors).fill_diagonal_(0)
        assert 0.8 < crosstalk.pow(2).mean().sqrt() * 4096**0.5 < 1.2


def test_orthonormal_directions_are_spread_evenly() -> None:
    """Without the correction of signs, QR alone leaves the first entries one-sided."""
    entries = torch.stack(
        [Codebook.make("a", kind="orthonormal", vec_size=3, generator=seeded(seed)).vectors[0] for seed in range(200)]
    )
    assert entries.mean(0).abs().max() < 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_is_one_codebook_in_every_process_and_precision(kind: Kind) -> None:
    code = (
        "import torch; torch.set_num_threads(1); from neurallambda.symbols import Codebook\n"
        f"made = Codebook.make('abcd', kind={str(kind)!r}, vec_size=24, generator=torch.Generator().manual_seed(7))\n"
        "print(made.vectors.flatten().tolist())"
    )
    printed = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
        for environment in (
            {"PYTHONHASHSEED": "1", "PYTHONPATH": _path()},
            {"PYTHONHASHSEED": "2", "PYTHONPATH": _path()},
        )
    ]
    here = Codebook.make("abcd", kind=kind, vec_size=24, generator=seeded(7))
    assert printed[0] == printed[1] == f"{here.vectors.flatten().tolist()}\n"
    wide = Codebook.make("abcd", kind=kind, vec_size=24, generator=seeded(7), dtype=torch.float64)
    assert torch.equal(wide.to(dtype=torch.float32).vectors, here.vectors)
    other = Codebook.make("abcd", kind=kind, vec_size=24, generator=seeded(8))
    assert torch.equal(other.vectors, here.vectors) == (kind is Kind.ONEHOT)


def _path() -> str:
    import neurallambda

    return str(neurallambda.__path__[0]).removesuffix("/neurallambda")


def test_making_one_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    for kind in KINDS:
        make("abc", kind)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("kind", KINDS)
def test_the_codebook_is_fixed_under_clean_up(kind: Kind) -> None:
    codebook = make(range(20), kind, dtype=torch.float64)
    assert torch.equal(codebook.snap(codebook.vectors), codebook.vectors)
    sharp = codebook.clean_up(codebook.vectors, inverse_temperature=100.0)
    torch.testing.assert_close(sharp, codebook.vectors, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 99))
def test_clean_up_takes_noise_away(kind: Kind, seed: int) -> None:
    codebook = make(range(20), kind, dtype=torch.float64)
    length = codebook.vectors.norm(dim=-1).mean()
    noise = torch.randn(20, WIDTH, generator=seeded(seed), dtype=torch.float64) * length * 0.3 / WIDTH**0.5
    noisy = codebook.vectors + noise
    cleaned = codebook.clean_up(noisy, inverse_temperature=float(40 / length**2))
    assert (cleaned - codebook.vectors).norm() < 1e-3 * noise.norm()
    assert codebook.unproject(noisy)[0] == list(range(20))
    assert torch.equal(codebook.snap(noisy), codebook.vectors)


def test_clean_up_goes_from_the_mean_to_the_hard_form() -> None:
    codebook = make("abcd", "orthonormal", dtype=torch.float64)
    vector = codebook.project("a") + 0.9 * codebook.project("b")
    cold = codebook.clean_up(vector, inverse_temperature=1e-9)
    torch.testing.assert_close(cold, codebook.vectors.mean(0), rtol=0, atol=1e-9)
    hot = codebook.clean_up(vector, inverse_temperature=1e3)
    torch.testing.assert_close(hot, codebook.snap(vector), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: Kind) -> None:
    small = Codebook.make("abc", kind=kind, vec_size=5, generator=seeded(), dtype=torch.float64)
    vectors = (small.vectors + 0.3).requires_grad_()
    book = small.vectors.clone().requires_grad_()

    def through(book: torch.Tensor, vectors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        codebook = Codebook(symbols=small.symbols, vectors=book, kind=small.kind)
        return (
            codebook.project(["b", "a"]),
            codebook.attend(vectors, inverse_temperature=1.3),
            codebook.clean_up(vectors, inverse_temperature=1.3),
            codebook.unproject(vectors)[1],
        )

    assert torch.autograd.gradcheck(through, (book, vectors))


def test_transforms_see_through_a_codebook() -> None:
    codebook = make("abc", "gaussian")

    def loss(codebook: Codebook, vector: torch.Tensor) -> torch.Tensor:
        return codebook.clean_up(vector, inverse_temperature=0.01).square().sum()

    gradient = torch.func.grad(loss)(codebook, codebook.project("a"))
    assert gradient.symbols == codebook.symbols
    assert gradient.vectors.any()
    each = torch.vmap(loss, in_dims=(None, 0))(codebook, codebook.vectors)
    torch.testing.assert_close(each[1], loss(codebook, codebook.project("b")))


@pytest.mark.compile
def test_a_clean_up_compiles_whole() -> None:
    codebook = make("abc", "gaussian")
    step = torch.compile(
        lambda vector: codebook.clean_up(vector, inverse_temperature=0.01), backend="eager", fullgraph=True
    )
    torch.testing.assert_close(step(codebook.vectors), codebook.clean_up(codebook.vectors, inverse_temperature=0.01))


REFUSED = [
    (lambda: Codebook.make("abc").project("d"), r"got 'd' \(str\), .* expected one of 'a' \(str\)"),
    (lambda: Codebook.make([True, 2]).project(1), r"got 1 \(int\).* did you mean True \(bool\)\? Types count"),
    (lambda: Codebook.make(range(99)).project(100), "and 87 more"),
    (lambda: Codebook.make("abc").project(["a", ["b"]]), "rectangular"),
    (lambda: Codebook.make("abc").project({"a"}), "cannot be hashed"),
    (lambda: Codebook.make(["a", "b", "a"]), r"got 'a' \(str\) twice, at 0 and at 2"),
    (lambda: Codebook.make([]), "got 0, expected an integer of at least 1"),
    (lambda: Codebook.make("ab", kind="dense"), "got 'dense', expected one of onehot"),
    (lambda: Codebook.make("ab", kind="gaussian"), "expected a torch.Generator"),
    (lambda: Codebook.make("abc", vec_size=2), "got 2 for 3 symbols, expected at least 3"),
    (lambda: Codebook.make("abc", kind="orthonormal", vec_size=2, generator=seeded()), "expected at least 3"),
    (lambda: Codebook.make("ab", vec_size=True), "got True"),
    (lambda: Codebook.make(range(9), kind="bipolar", vec_size=3, generator=seeded()), "cannot be told apart"),
    (lambda: Codebook.make(range(3), kind="gaussian", vec_size=1, generator=seeded()), "cannot be told apart"),
    (lambda: Codebook.make("ab", dtype=torch.int64), "expected a floating point type"),
    (lambda: Codebook.make("ab").unproject(torch.zeros(3)), r"got shape \(3,\), expected \(..., 2\)"),
    (lambda: Codebook.make("ab").unproject(torch.zeros(2, dtype=torch.float64)), "convert one to the other"),
    (lambda: Codebook.make("ab").unproject(torch.full((2,), torch.nan)), "2 numbers that are NaN"),
    (lambda: Codebook.make("ab").mix(torch.zeros(3)), "the last axis is the symbols"),
    (
        lambda: Codebook.make("ab").clean_up(torch.zeros(2), inverse_temperature=0.0),
        "expected a positive finite number",
    ),
    (lambda: Codebook(symbols=("a",), vectors=torch.eye(2), kind=Kind.ONEHOT), "got 2 for 1 symbols"),
]


@pytest.mark.parametrize(("mistake", "message"), REFUSED)
def test_a_mistake_is_told(mistake: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mistake()
