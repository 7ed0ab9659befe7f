"""What a model is given again beside a task: its own texts, and those with random tokens among them."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft, parameter_groups
from neurallambda.llm.teaching import training
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.tasks import text_task
from neurallambda.llm.teaching.texts import beginning
from neurallambda.llm.teaching.training import teach
from tests.llm.test_teaching import small_model, tokenizer

TemplateProcessing = pytest.importorskip("tokenizers").processors.TemplateProcessing

TIME = 40


def drawn(
    *, tokens: int, lengths: tuple[int, int], times: int = 100, begin: tuple[int, ...] = (7,)
) -> list[torch.Tensor]:
    """Draws of texts that count up, one from 50 and one from 90 on; their first token is 7, and random ones are below 30."""
    texts = 50 + torch.arange(2 * TIME).view(2, TIME)
    texts[:, 0] = 7
    replay, kept = Replay(texts, vocabulary=30, begin=begin), texts.clone()
    generator = torch.Generator().manual_seed(0)
    found = [
        replay.draw(tokens=tokens, lengths=lengths, random=Random(seed), generator=generator) for seed in range(times)
    ]
    assert torch.equal(texts, kept)
    return found


def test_texts_are_pieces_begun_as_a_text_is() -> None:
    begun = set[int]()
    for texts in drawn(tokens=60, lengths=(10, 10)):
        assert bool((texts[:, 0] == 7).all())
        assert torch.equal(texts[::2, 2:], texts[::2, 1:-1] + 1)
        begun |= set(((texts[::2, 1] - 50) % TIME).tolist())
    assert 1 in begun  # from the beginning
    assert max(begun) == TIME - 9  # and from somewhere on, so that the last token is reached
    assert len(begun) > 20


def test_a_text_begins_with_no_token_of_its_own_where_the_tokenizer_puts_none_there() -> None:
    """Else a structure learns that what begins with the token is plain text, and that all that has none is a task."""
    begun, firsts = drawn(tokens=60, lengths=(10, 10), begin=()), set[int]()
    for texts in begun:
        is_beginning = texts[::2, 0] == 7
        assert torch.equal(texts[::2, 2:], texts[::2, 1:-1] + 1)
        assert torch.equal(texts[::2][~is_beginning, 1], texts[::2][~is_beginning, 0] + 1)
        firsts |= set(texts[::2, 0].tolist())
    share = torch.cat([texts[::2, 0] == 7 for texts in begun]).float().mean()
    assert 0.4 < share < 0.65  # as the model begins its own texts
    assert len(firsts) > 20  # and anywhere
    assert any(bool((texts[1::2, 0] < 30).logical_and(texts[1::2, 0] != 7).any()) for texts in begun)


@pytest.mark.parametrize("begin", [(), (4,), (4, 5, 6)])
def test_every_text_begins_as_the_tokenizer_begins_one(begin: tuple[int, ...]) -> None:
    for texts in drawn(tokens=60, lengths=(2, 10), begin=begin):
        for place, token in enumerate(begin[: texts.shape[1] - 1]):
            assert bool((texts[:, place] == token).all())


@pytest.mark.parametrize(
    ("template", "begin"), [(None, ()), ("<s> $A", (1,)), ("$A </s>", ()), ("<s> <pad> $A </s>", (1, 0))]
)
def test_what_a_tokenizer_begins_texts_with_is_told_from_what_it_ends_them_with(
    template: str | None, begin: tuple[int, ...]
) -> None:
    spelled, ids = tokenizer(), [("<pad>", 0), ("<s>", 1), ("</s>", 2)]
    spelled.backend_tokenizer.post_processor = template and TemplateProcessing(single=template, special_tokens=ids)
    assert beginning(spelled) == begin


def test_in_every_second_text_from_none_to_all_of_the_tokens_are_random() -> None:
    seen, shares = set[int](), list[float]()
    for texts in drawn(tokens=120, lengths=(20, 20)):
        is_random = texts[1::2, 1:] < 30
        seen |= set(texts[1::2, 1:][is_random].tolist())
        shares += is_random.float().mean(1).tolist()
        kept = torch.where(is_random, -1, texts[1::2, 1:] - torch.arange(1, 20))
        assert all(len(set(row.tolist()) - {-1}) <= 1 for row in kept)  # what is no random token stands in its place
    assert seen == set(range(30))
    assert min(shares) < 0.05
    assert max(shares) > 0.95
    assert 0.45 < sum(shares) / len(shares) < 0.55


def test_texts_are_long_or_short_and_have_as_many_tokens_in_all() -> None:
    shapes = {tuple(texts.shape) for texts in drawn(tokens=80, lengths=(5, 1000))}
    lengths = [length for _, length in shapes]
    assert min(lengths) == 5
    assert 0.9 * TIME < max(lengths) <= TIME  # no text has more
    assert all(rows == max(2, 80 // length) for rows, length in shapes)


def telling_model(size: int) -> Any:
    """A small model whose words differ from each other, as those of a trained model do: it has something to lose."""
    model = small_model(size)
    with torch.no_grad():
        for weight in (model.model.embed_tokens.weight, model.lm_head.weight):
            weight.normal_()
    return model


TEXTS = {"replay_tokens": 50, "replay_lengths": (10, 10)}


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
    # Many texts, as a base model has them. Of eight alone the copy's ratio below is 8: half of the rows are then these again and again.
    given = Replay(
        torch.randint(3, len(spelled), (64, 12), generator=torch.Generator().manual_seed(1)), len(spelled), ()
    )
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


def test_the_weight_of_texts_rises_as_far_as_the_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    model, spelled = telling_model(len(tokenizer())), tokenizer()
    graft(model, GraftConfig(width=8, depth=16))
    recipe = TeachingRecipe(steps=9, rows=4, lengths=(1, 2), replay_every=2, replay_warmup=4, **TEXTS)
    replay = Replay(torch.randint(3, len(spelled), (6, 12)), len(spelled), (1,))
    groups = parameter_groups(model, 1e-2)
    learner = training.Teaching(model, groups, text_task("reverse"), spelled, recipe, seed=0, replay=replay)
    monkeypatch.setattr(training, "divergence", lambda *_: torch.tensor(8.0))
    more = list[float]()
    for step in range(7):
        learner.steps = step
        total, told = learner.losses()
        more.append(float((total - told).detach()))
    assert more == pytest.approx([0, 0, 4, 0, 8, 0, 8], abs=1e-5)  # every second step has texts


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
    texts = {"replay_tokens": 240, "replay_lengths": (12, 12)}
    before = small_model(size)
    kept = taught(small_model(size), config, replay=True, steps=40, texts=texts, before=before)
    lost = taught(small_model(size), config, replay=False, steps=40)
    assert lost > 10 * kept  # of three starts the ratio is between 20 and 25
