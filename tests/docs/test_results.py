"""The page of results is what `neurallambda report` makes of the results that lie in the repository."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from neurallambda.llm.experiments.matrix import FIRST_SEED
from neurallambda.llm.experiments.page import page as page_of_grafts
from neurallambda.llm.experiments.report import read
from neurallambda.llm.experiments.window_table import find_windows
from neurallambda.llm.pretraining.description import FORM as PRETRAINED
from neurallambda.llm.teaching.recipe import TeachingRecipe, recipe_of
from neurallambda.train.images import recipe_for_images
from neurallambda.train.images.evidence import find_evidence
from neurallambda.train.images.report import evidence_page
from neurallambda.train.report_page import page
from neurallambda.train.results import find_results, read_facts, read_result
from tests.docs.blocks import ROOT

RESULTS, PAGE = ROOT / "results", ROOT / "docs/results.md"
FILES = find_results([RESULTS])


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


IMAGES, IMAGES_PAGE = ROOT / "results/images", ROOT / "docs/results-images.md"
FOUND = find_evidence(IMAGES)


def test_the_page_of_results_on_images_is_current() -> None:
    assert IMAGES_PAGE.read_text() == evidence_page(FOUND), (
        "make it again: neurallambda images report results/images --out docs/results-images.md"
    )


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found["problem"])
def test_a_result_on_images_is_of_the_recipe_that_is_meant_and_says_where_it_is_from(found: Mapping[str, Any]) -> None:
    assert found["held_out"] == 0
    assert found["recipe"] == recipe_for_images(found["problem"]).facts()
    for seed in found["seeds"]:
        assert seed["commit"], "trained outside a checkout"
        assert not seed["dirty"], "trained with changes that are in no commit"


GRAFTS, GRAFTS_PAGE = ROOT / "results/llm", ROOT / "docs/results-llm.md"
FOUND_GRAFTS = read(GRAFTS)
EARLIER_SEEDS = (100, 200)
"""Where the seeds began with an earlier recipe, and those from 100 before grafts were changed because of what these had shown."""
EARLIER_REPLAY = {"replay_rows": 2, "random_rows": 3, "replay_length": 100}
"""What is said of the texts that are repeated in results of the earlier recipe."""
JUDGED = {"structure", "fast-gate", "calls"}
"""The arms of which it is judged whether they keep the language: in the pretrained model they are of the recipe that is meant."""


def test_the_page_of_results_in_language_models_is_current() -> None:
    assert GRAFTS_PAGE.read_text() == page_of_grafts(FOUND_GRAFTS, find_windows(GRAFTS)), (
        "make it again: neurallambda llm report results/llm --out docs/results-llm.md"
    )


@pytest.mark.parametrize("found", [*FOUND_GRAFTS, *find_windows(GRAFTS)], ids=lambda found: found.get("arm", "window"))
def test_a_result_in_a_language_model_says_where_it_is_from(found: Mapping[str, Any]) -> None:
    assert found["training"]["commit"], "trained outside a checkout"
    assert not found["training"]["dirty"], "trained with changes that are in no commit"


@pytest.mark.parametrize("found", FOUND_GRAFTS, ids=lambda found: f"{found['task']}-{found['arm']}-{found['base']}")
def test_all_seeds_of_a_cell_count_and_its_rate_was_chosen_on_validation(found: Mapping[str, Any]) -> None:
    kept: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in found["recipe"].items()}
    is_earlier = "replay_length" in kept
    if is_earlier:
        assert {name: kept.pop(name) for name in EARLIER_REPLAY} == EARLIER_REPLAY
        assert found["arm"] not in JUDGED or found["base"] == "random"
    first = found["seeds"][0]["seed"] if found["seeds"] else FIRST_SEED
    assert first in ((EARLIER_SEEDS[1:] if found["graft"] else EARLIER_SEEDS) if is_earlier else (FIRST_SEED,))
    assert [seed["seed"] for seed in found["seeds"]] == list(range(first, first + len(found["seeds"])))
    recipe = TeachingRecipe(**kept)
    assert recipe == replace(recipe_of(found["task"]), learning_rate=recipe.learning_rate)
    if found["seeds"]:
        tried = [one["learning_rate"] for one in found["tuning"]]
        beyond_the_edge = round(3 * found["rates"][-1], 6)
        assert tried in (found["rates"], [*found["rates"], beyond_the_edge])
        best = max(found["tuning"], key=lambda one: (one["validation"], -one["loss"]))
        assert found["recipe"]["learning_rate"] == best["learning_rate"]


def test_the_model_that_is_pretrained_here_says_where_it_is_from_and_its_numbers_are_in_the_guide() -> None:
    found, guide = read_facts(GRAFTS / "stories-rwkv7-tied.json", PRETRAINED, ""), (ROOT / "docs/llm.md").read_text()
    assert found["training"]["commit"], "trained outside a checkout"
    assert not found["training"]["dirty"], "trained with changes that are in no commit"
    assert found["words_of_several_tokens"] == []
    numbers = [f"{found[name]:,}" for name in ("parameters", "texts", "tokens", "steps")]
    for one in (found["held"], found["beside"]):
        numbers += [str(one["perplexity"]), str(one["nats_per_byte"])]
    assert [number for number in numbers if number not in guide] == []
