"""Files: the same codebook comes back, bit for bit, and what is no codebook is refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from neurallambda.errors import ArgumentError
from neurallambda.symbols import Codebook, Kind, load, save
from neurallambda.symbols.typed_json import from_json, to_json

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=4)
    | st.binary(max_size=4)
)
SYMBOLS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3), max_leaves=4
)


def exact(symbol: Any) -> Any:
    if isinstance(symbol, tuple):
        return "tuple", [exact(item) for item in symbol]
    if isinstance(symbol, frozenset):
        return "frozenset", sorted(repr(exact(item)) for item in symbol)
    return type(symbol).__name__, repr(symbol)


@given(st.lists(SYMBOLS, max_size=4).map(tuple))
def test_symbols_come_back_exactly(symbols: tuple[Any, ...]) -> None:
    assert exact(from_json(to_json(symbols))) == exact(symbols)


def test_large_integers_and_odd_text_come_back() -> None:
    symbols = (10**10_000, -(10**10_000), "\ud800", "λ", "", b"\x00\xff", float("-inf"), -0.0)
    assert exact(from_json(to_json(symbols))[2:]) == exact(symbols[2:])
    assert from_json(to_json(symbols))[:2] == symbols[:2]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_codebook_comes_back(kind: Kind, dtype: torch.dtype, tmp_path: Path) -> None:
    made = Codebook.make(
        [1, True, "λ", ("a", 2)], kind=kind, vec_size=32, generator=torch.Generator().manual_seed(0), dtype=dtype
    )
    save(made, tmp_path / "made")
    loaded = load(tmp_path / "made")
    assert exact(loaded.symbols) == exact(made.symbols)
    assert loaded.kind is made.kind
    assert loaded.vectors.dtype == dtype
    assert torch.equal(loaded.vectors, made.vectors)


def test_a_loaded_codebook_does_not_change_with_its_file(tmp_path: Path) -> None:
    save(Codebook.make("abc"), tmp_path / "file")
    loaded = load(str(tmp_path / "file"))
    save(Codebook.make("def", kind="gaussian", generator=torch.Generator().manual_seed(0)), tmp_path / "file")
    assert torch.equal(loaded.vectors, torch.eye(3))


@pytest.mark.parametrize("symbol", [Kind.ONEHOT, 1 + 2j, object(), ("a", Kind.ONEHOT), type("Text", (str,), {})("a")])
def test_a_symbol_of_another_type_is_refused(symbol: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="which a file cannot hold exactly; expected None, bool, int"):
        save(Codebook.make([symbol]), tmp_path / "file")
    assert not (tmp_path / "file").exists()


def write(path: Path, **changes: Any) -> Path:
    """A file that is right but for some of its parts."""
    metadata = {"format": "neurallambda codebook 1", "kind": "onehot", "symbols": to_json(("a", "b"))}
    metadata |= {name: value for name, value in changes.items() if name != "tensors"}
    save_file(changes.get("tensors", {"vectors": torch.eye(2)}), path, metadata=metadata)
    return path


def test_the_file_that_the_others_spoil_is_right(tmp_path: Path) -> None:
    assert load(write(tmp_path / "file")).symbols == ("a", "b")


WRONG = [
    ({"format": "other"}, "format 'other'"),
    ({"tensors": {"vectors": torch.eye(2), "more": torch.eye(2)}}, r"the tensors \['more', 'vectors'\]"),
    ({"tensors": {"weights": torch.eye(2)}}, "expected one that was written by save"),
    ({"tensors": {"vectors": torch.ones(2)}}, r"of shape \(2,\), expected a matrix"),
    ({"tensors": {"vectors": torch.eye(2).long()}}, "got torch.int64"),
    ({"tensors": {"vectors": torch.eye(3)}}, "got 3 for 2 symbols"),
    ({"tensors": {"vectors": torch.full((2, 2), torch.nan)}}, "4 numbers that are NaN"),
    ({"kind": "dense"}, "got 'dense', expected one of onehot"),
    ({"symbols": ""}, "expected JSON"),
    ({"symbols": '[["str", "a"]'}, "expected JSON"),
    ({"symbols": "17"}, "expected JSON"),
    ({"symbols": '["str", "a"]'}, "expected JSON"),
    ({"symbols": '[["str", "a"], ["str", "a"]]'}, "twice"),
    ({"symbols": '[["str", "a"], ["int", "ten"]]'}, "expected JSON"),
    ({"symbols": '[["str", "a"], ["int", 10]]'}, "no text"),
    ({"symbols": '[["str", "a"], ["bool", "yes"]]'}, "expected JSON"),
    ({"symbols": '[["str", "a"], ["tuple", "b"]]'}, "no list"),
    ({"symbols": '[["str", "a"], ["pickle", "b"]]'}, "pickle"),
    ({"symbols": '[["str", "a"], [["int"], "b"]]'}, "expected JSON"),
    ({"symbols": json.dumps([["str", "a"], ["int", "0x1", "more"]])}, "expected JSON"),
    ({"symbols": "[" * 100_000}, "expected JSON"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[str(row) for row in range(len(WRONG))])
def test_a_wrong_file_is_told(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=message):
        load(write(tmp_path / "file", **changes))


def test_a_file_of_tensors_alone_is_told(tmp_path: Path) -> None:
    save_file({"vectors": torch.eye(2)}, tmp_path / "file")
    with pytest.raises(ArgumentError, match="format None"):
        load(tmp_path / "file")


@given(st.data())
def test_every_cut_file_is_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write(tmp_path_factory.mktemp("cut") / "file")
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ArgumentError, match="not a whole safetensors file"):
        load(path)


def test_no_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
