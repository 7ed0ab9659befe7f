"""What a model is given again beside a task: its own texts, and random tokens."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft, parameter_groups
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.tasks import text_task
from neurallambda.llm.teaching.training import teach
from tests.llm.test_teaching import small_model, tokenizer


@pytest.mark.parametrize("random_rows", [0, 2])
def test_texts_are_pieces_and_random_tokens_are_even(random_rows: int) -> None:
    texts = 50 + torch.arange(40).view(2, 20)
    texts[:, 0] = 7
    replay, generator = Replay(texts, vocabulary=30), torch.Generator().manual_seed(0)
    begun, seen = set[int](), set[int]()
    for seed in range(30):
        tokens = replay.draw(rows=3, random_rows=random_rows, length=10, random=Random(seed), generator=generator)
        assert tokens.shape == (3 + random_rows, 10)
        assert bool((tokens[:, 0] == 7).all())
        assert torch.equal(tokens[:3, 2:], tokens[:3, 1:-1] + 1)
        begun.add((int(tokens[0, 1]) - 50) % 20)
        seen |= set(tokens[3:, 1:].flatten().tolist())
    assert 1 in begun  # from the beginning
    assert len(begun) > 3  # and from somewhere on
    assert seen == (set(range(30)) if random_rows else set())


def telling_model(size: int) -> Any:
    """A small model whose words differ from each other, as those of a trained model do: it has something to lose."""
    model = small_model(size)
    with torch.no_grad():
        for weight in (model.model.embed_tokens.weight, model.lm_head.weight):
            weight.normal_()
    return model


TEXTS = {"replay_length": 10}


def taught(
    model: Any,
    config: GraftConfig,
    *,
    replay: bool,
    steps: int,
    start: int = 0,
    texts: Mapping[str, Any] = TEXTS,
    **more: Any,
) -> torch.Tensor:
    """How far predictions of random tokens move where a structure is taught something else."""
    spelled = tokenizer()
    given = Replay(torch.randint(3, len(spelled), (8, 12), generator=torch.Generator().manual_seed(1)), len(spelled))
    asked = torch.randint(3, len(spelled), (8, 12), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        was = model(asked).logits.log_softmax(-1)
    torch.manual_seed(start)
    graft(model, config)
    recipe = TeachingRecipe(steps=steps, rows=4, lengths=(1, 2), replay_every=int(replay), **texts)
    groups = parameter_groups(model, 1e-2)
    teach(model, groups, text_task("reverse"), spelled, recipe, seed=0, replay=given, **more)
    with torch.no_grad():
        now = model(asked).logits.log_softmax(-1)
    return torch.nn.functional.kl_div(now.flatten(0, 1), was.flatten(0, 1), log_target=True, reduction="batchmean")


def test_a_model_that_is_given_texts_stays_what_it_was() -> None:
    """Without a latch, so that what is read reaches every text."""
    config, size = GraftConfig(width=8, depth=16, has_latch=False), len(tokenizer())
    kept, lost = (
        sum(taught(telling_model(size), config, replay=replay, steps=120, start=start) for start in range(3))
        for replay in (True, False)
    )
    assert lost > 5 * kept


def test_what_it_said_is_asked_of_a_copy_where_the_base_learns() -> None:
    config, size = GraftConfig(width=8, depth=16, is_hard=False, modules_to_save=("*",)), len(tokenizer())
    with pytest.raises(ArgumentError, match="before: more than a graft learns"):
        taught(small_model(size), config, replay=True, steps=1)
    texts = {"replay_rows": 4, "random_rows": 16, "replay_length": 12}
    kept, lost = 0.0, 0.0
    for start in range(3):  # of one start alone the ratio is between 8 and 14
        before = small_model(size)
        kept += taught(small_model(size), config, replay=True, steps=80, start=start, texts=texts, before=before)
        lost += taught(small_model(size), config, replay=False, steps=80, start=start)
    assert lost > 10 * kept
