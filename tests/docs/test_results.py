"""The page of results is what `neurallambda report` makes of the results that lie in the repository."""

from itertools import pairwise
from pathlib import Path

import pytest

from neurallambda.train.report_page import page
from neurallambda.train.results import find_results, read_result
from tests.docs.blocks import ROOT

RESULTS, PAGE = ROOT / "results", ROOT / "docs/results.md"
FILES = find_results([RESULTS]) if RESULTS.is_dir() else []


@pytest.mark.skipif(not FILES, reason="there are no results yet")
def test_the_page_of_results_is_current() -> None:
    assert PAGE.read_text() == page([read_result(path) for path in FILES], PAGE.stem), (
        "make it again: neurallambda report results --out docs/results.md"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_counts_all_seeds_and_says_where_it_is_from(path: Path) -> None:
    found = read_result(path)
    assert found["started"] == len(found["seeds"]) == found["recipe"]["seeds"]
    assert found["solved"] == sum(seed["solved"] for seed in found["seeds"])
    assert found["training"]["commit"], "trained outside a checkout"
    assert not found["training"]["dirty"], "trained with changes that are in no commit"
    lengths = found["evaluation"]["lengths"]
    assert max(after - before for before, after in pairwise(lengths)) <= 10
    assert found["evaluation"]["rows"] >= 128
    assert max(stage["lengths"][1] for stage in found["recipe"]["stages"]) < lengths[0]
    assert found["recipe"]["validation_lengths"][1] < lengths[0]
