"""Seeds and numbers of things that no tensor and no generator takes are refused, and not passed on."""

from typing import Any

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.llm.pretraining.recipe import PretrainingRecipe
from neurallambda.llm.pretraining.seeds import LAST_SEED, generator_of
from neurallambda.llm.pretraining.stories import StoryRecipe


@pytest.mark.parametrize("recipe", [PretrainingRecipe, StoryRecipe])
def test_a_seed_has_generators_for_a_million_batches(recipe: Any) -> None:
    assert recipe(seed=LAST_SEED).seed == LAST_SEED
    assert generator_of(LAST_SEED, 1_000_000).initial_seed() < 2**63
    for seed in (-1, LAST_SEED + 1, 10**30):
        with pytest.raises(ArgumentError, match=r"seed: got .*, expected an integer from 0 to 2"):
            recipe(seed=seed)


@pytest.mark.parametrize("recipe", [PretrainingRecipe, StoryRecipe])
def test_what_counts_nothing_is_refused(recipe: Any) -> None:
    with pytest.raises(ArgumentError, match=r"rows: got 1000.*, expected an integer below 2\*\*63"):
        recipe(rows=10**30)
