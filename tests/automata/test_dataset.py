"""Datasets: the rows of a recipe as columns, and splits by length."""

from typing import Any

import pytest

from neurallambda.automata import library
from neurallambda.automata.data.dataset import to_dataset, to_splits
from neurallambda.automata.data.generate import Recipe
from neurallambda.automata.data.lengths import Lengths

pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("default")


def test_columns_and_splits() -> None:
    machine = library.load("anbn")
    short = Recipe(size=20, lengths=Lengths.parse("2-10"), negatives=0.5, seed=0)
    long = Recipe(size=10, lengths=Lengths.parse("40-60"), negatives=0.5, seed=1)
    plain: Any = to_dataset(machine, short, traces=False)
    assert plain.column_names == ["string", "label", "length", "kind"]
    splits: Any = to_splits(machine, {"train": short, "test": long})
    assert {name: split.num_rows for name, split in splits.items()} == {"train": 20, "test": 10}
    assert splits["train"]["string"] == plain["string"]
    assert max(splits["train"]["length"]) <= 10 < 40 <= min(splits["test"]["length"])
    for row in splits["test"]:
        assert len(row["states"]) == len(row["symbols"]) + 1 == len(row["memories"])
        assert bool(row["label"]) == (row["states"][-1] == "ACCEPT") == machine.accepts(row["string"])


def test_an_empty_dataset_has_its_columns() -> None:
    empty = to_dataset(library.load("anbn"), Recipe(size=0, lengths=Lengths.parse("2")))
    assert empty.column_names == ["string", "label", "length", "kind"]
