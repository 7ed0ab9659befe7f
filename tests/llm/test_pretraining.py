"""A language model of its own: texts that another one writes, tokens trained on them, and an RWKV-7 trained on those."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft
from neurallambda.llm.bases import load_base
from neurallambda.llm.pretraining import training
from neurallambda.llm.pretraining.description import describe, surprise
from neurallambda.llm.pretraining.recipe import PretrainingRecipe
from neurallambda.llm.pretraining.stories import Story, StoryRecipe, read_stories, stories_in, write_stories
from neurallambda.llm.pretraining.training import CHECKPOINT, corpus_of, pieces_of, pretrain
from neurallambda.llm.pretraining.vocabulary import make_tokenizer, spelled_apart
from neurallambda.llm.teaching.tasks import TASKS, WORDS, encode
from neurallambda.train.checkpoint import load
from neurallambda.train.following import NotFiniteError
from tests.llm.test_teaching import small_model, tokenizer
from tests.llm.tiny import transformers

rwkv7 = pytest.importorskip("rwkv7_hf")
pytestmark = pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning")

SIZES = {"vocabulary": 300, "layers": 2, "width": 16, "head": 8, "inner": 32, "rank": 4}
RECIPE = PretrainingRecipe(**SIZES, steps=6, rows=2, time=16, rise=2, check_every=3)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of made-up texts: two batches."""
    random, file = Random(0), tmp_path / "texts.jsonl"
    batches = [
        {"tokens": 90, "stories": [[" ".join(random.choices(WORDS, k=9)) + ".", bool(row % 3)] for row in range(12)]}
        for _ in range(2)
    ]
    head = {"form": "neurallambda stories 1", "base": "nobody", "recipe": {}}
    file.write_text("".join(json.dumps(line) + "\n" for line in (head, *batches)))
    return file


def weights_of(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def interrupt_in(patch: pytest.MonkeyPatch, *, step: int) -> None:
    """Let somebody press Ctrl-C while a step is taken."""
    losses_of, taken = training.text_losses, 0

    def interrupted(model: Any, *given: Any) -> Any:
        nonlocal taken
        taken += model.training
        if model.training and taken == step:
            signal.raise_signal(signal.SIGINT)
        return losses_of(model, *given)

    patch.setattr(training, "text_losses", interrupted)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one | other)


def test_texts_are_those_that_would_have_come_without_an_interruption(tmp_path: Path) -> None:
    spelled = tokenizer()
    model = small_model(len(spelled))
    recipe = StoryRecipe(tokens=60, rows=2, time=10, precision="float32")
    whole = write_stories(model, spelled, tmp_path / "whole.jsonl", recipe)
    cut = write_stories(model, spelled, tmp_path / "cut.jsonl", replace(recipe, tokens=20))
    with cut.open("a") as lines:
        lines.write('{"tokens": 20, "stor')  # a process that was killed while it wrote
    write_stories(model, spelled, cut, recipe)
    assert read_stories(cut) == read_stories(whole)
    stories = [story for batch in read_stories(whole) for story in batch]
    assert len(read_stories(whole)) >= 3
    assert not any(mark in story.text for story in stories for mark in ("<s>", "</s>", "<pad>"))
    assert len({story.text for story in stories}) > len(stories) // 2
    with pytest.raises(ArgumentError, match="by another recipe"):
        write_stories(model, spelled, cut, replace(recipe, temperature=1.0))


def test_a_text_ends_where_the_model_begins_another_or_ends() -> None:
    spelled = tokenizer()
    dog, cat = spelled("dog cat").input_ids[1:]
    row = [1, dog, cat, 1, cat, 2, 2, 1, dog]
    assert list(stories_in(row, small_model(len(spelled)).config, spelled)) == [
        Story("dog cat", ends=True),
        Story("cat", ends=True),
        Story("dog", ends=False),
    ]


@pytest.mark.parametrize(
    "content", ["", "dog\n", "[]\n", '{"form": "other"}\n', '{"form": "neurallambda stories 1"}\n3\n']
)
def test_what_holds_no_texts_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    with pytest.raises(ArgumentError, match="No such file"):
        read_stories(file)
    file.write_text(content)
    with pytest.raises(ArgumentError, match="it holds no texts"):
        read_stories(file)


def test_tokens_spell_every_text_and_are_fit_for_the_tasks() -> None:
    spelled = make_tokenizer(["Once upon a time there was a dog. It ran."] * 3, size=700, words=WORDS)
    assert len(spelled) <= 700
    assert spelled_apart(spelled, WORDS) == []
    assert spelled_apart(spelled, ["unheard"]) == ["unheard"]
    for text in ("Once upon a time", "ünlikely [(]) | 漢\n\t x"):
        assert spelled.decode(spelled(text).input_ids, skip_special_tokens=True).strip() == text
    marks = [spelled(f" {mark}", add_special_tokens=False).input_ids for mark in "|()[]"]
    assert len(set(map(tuple, marks))) == 5
    begun = spelled("dog cat").input_ids
    assert begun[0] == spelled.bos_token_id
    assert begun[1:] == spelled(" dog cat", add_special_tokens=False).input_ids
    random = Random(1)
    for task in TASKS.values():  # a prompt is read alike alone and before its answer
        examples = [task.draw(length, random) for length in range(1, 6)]
        assert encode(task, examples, spelled).tokens.shape[0] == 5


def test_pieces_of_an_epoch_are_different_and_follow_one_another() -> None:
    tokens = torch.arange(200)
    recipe = replace(RECIPE, rows=3, time=16)
    pieces = [pieces_of(tokens, recipe, step) for step in range(6)]
    assert all(bool((piece.diff(dim=1) == 1).all()) for piece in pieces)
    for epoch in (pieces[:3], pieces[3:]):
        begins = torch.cat(epoch)[:, 0]
        assert len(set(begins.tolist())) == 9
        assert len(set((begins % 16).tolist())) == 1
    assert not torch.equal(pieces[0], pieces[3])
    with pytest.raises(ArgumentError, match="expected at least 65 for one step"):
        pieces_of(tokens[:64], recipe, 0)
    assert pieces_of(tokens[:65], recipe, 0).shape == (3, 17)


def test_what_begins_a_text_is_not_learned(texts: Path) -> None:
    """Cut texts have no end, and the token that begins the next one does not follow from anything."""
    spelled = make_tokenizer(["dog cat"], size=300)
    corpus = corpus_of(read_stories(texts), spelled, held=1)
    model = training.begin(RECIPE, spelled, corpus).model
    pieces = corpus.tokens[: len(corpus.tokens) // 17 * 17].view(-1, 17)
    losses = training.text_losses(model, pieces, spelled, RECIPE)
    assert len(losses) == int((pieces[:, 1:] != spelled.bos_token_id).sum()) < pieces[:, 1:].numel()


def test_a_training_that_was_interrupted_goes_on_to_what_it_would_have_been(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    said: list[str] = []
    done = pretrain(texts, whole, RECIPE, say=said.append)
    assert [one["step"] for one in done.curve] == [3, 6]
    assert len(said) == 3

    with monkeypatch.context() as patch:
        interrupt_in(patch, step=2)
        with pytest.raises(KeyboardInterrupt):
            pretrain(texts, parted, RECIPE)
    assert load_base(str(parted))[0].config.model_type == "rwkv7"  # it can be used from then on
    assert load(parted / CHECKPOINT)[1]["steps"] == 2
    again = pretrain(texts, parted, replace(RECIPE, save_every=1e-9))
    assert same(weights_of(whole), weights_of(parted))
    assert again.curve == done.curve


def test_more_steps_before_the_rate_falls_are_the_same_training(texts: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, steps=6, fall=0.5)
    pretrain(texts, tmp_path / "long", replace(short, steps=10))
    # stopped after three steps, when no rate has fallen yet, and then told of more
    with pytest.MonkeyPatch.context() as patch:
        interrupt_in(patch, step=3)
        with pytest.raises(KeyboardInterrupt):
            pretrain(texts, tmp_path / "grown", short)
    pretrain(texts, tmp_path / "grown", replace(short, steps=10))
    assert same(weights_of(tmp_path / "long"), weights_of(tmp_path / "grown"))


def test_what_does_not_fit_is_refused(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    pretrain(texts, folder, replace(RECIPE, steps=2))
    before = weights_of(folder)
    with pytest.raises(ArgumentError, match="another width, head"):
        pretrain(texts, folder, replace(RECIPE, width=32, head=16))
    with pytest.raises(ArgumentError, match="has 2 already"):
        pretrain(texts, folder, replace(RECIPE, steps=1))
    monkeypatch.setattr(training, "text_losses", lambda *_: torch.tensor([torch.nan], requires_grad=True))
    with pytest.raises(
        NotFiniteError,
        match=r"step 3: the loss, or its gradient, is no finite number; the last good checkpoint is .*checkpoint",
    ):
        pretrain(texts, folder, replace(RECIPE, steps=4))
    assert same(before, weights_of(folder))
    monkeypatch.undo()
    lines = texts.read_text().splitlines(keepends=True)
    texts.write_text("".join([lines[0], lines[2], lines[1]]))
    with pytest.raises(ArgumentError, match="on other texts"):
        pretrain(texts, folder, replace(RECIPE, steps=4))
    texts.write_text("".join(lines[:2]))
    with pytest.raises(ArgumentError, match="there are 1; expected fewer, or more texts"):
        pretrain(texts, tmp_path / "other", replace(RECIPE, held=1))
    assert not (tmp_path / "other").exists()
    texts.write_text("".join(lines))
    with pytest.raises(ArgumentError, match=r"expected at least .* for one step"):
        pretrain(texts, tmp_path / "other", replace(RECIPE, rows=10**6))
    assert not (tmp_path / "other").exists()


def test_a_tokenizer_that_nothing_was_trained_with_is_made_again(texts: Path, tmp_path: Path) -> None:
    pretrain(texts, tmp_path / "new", replace(RECIPE, steps=1))
    make_tokenizer([], size=400, words=["persimmon"]).save_pretrained(tmp_path / "old")
    pretrain(texts, tmp_path / "old", replace(RECIPE, steps=1))
    assert same(weights_of(tmp_path / "new"), weights_of(tmp_path / "old"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps: got 0"),
        ({"vocabulary": 200}, "vocabulary: got 200"),
        ({"head": 5}, "head: got 5, expected a divisor of the width"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"fall": 0.0}, "fall: got 0.0"),
        ({"weight_decay": -1.0}, "weight_decay: got -1.0"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replace(RECIPE, **change)


def test_the_folder_is_a_base_model_with_its_numbers(texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    progress = pretrain(texts, folder, RECIPE)
    describe(folder, texts, RECIPE, progress, beside=str(folder), sample=8)
    facts = json.loads((folder / "pretrained.json").read_text())
    assert facts["beside"].pop("model") == str(folder)
    assert facts["beside"].items() <= facts["held"].items()
    assert facts["tokens_seen"] == 6 * 2 * 16
    assert "nats a byte" in (folder / "README.md").read_text()
    assert not list(folder.glob("*.py"))
    assert "auto_map" not in json.loads((folder / "config.json").read_text())
    model, spelled = load_base(str(folder))
    auto = transformers.AutoModelForCausalLM.from_pretrained(folder)
    package = rwkv7.RWKV7ForCausalLM.from_pretrained(folder).eval()
    inputs = torch.randint(3, 290, (2, 21))
    wanted = package(inputs).logits
    for one in (model, auto.eval(), type(model)(model.config).eval()):
        assert one(inputs).logits.shape == wanted.shape
    torch.testing.assert_close(model(inputs).logits, wanted, atol=1e-5, rtol=1e-4)
    before = model(inputs).logits
    assert torch.equal(graft(model, GraftConfig(width=4, depth=8))(inputs).logits, before)
    assert spelled.bos_token_id == model.config.bos_token_id


def test_surprise_is_that_of_the_tokens_of_each_text_alone(texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    pretrain(texts, folder, replace(RECIPE, steps=2))
    model, spelled = load_base(str(folder))
    stories = [Story("dog cat ball", ends=True), Story("tree", ends=False)]
    total, count = 0.0, 0
    for story in stories:
        tokens = torch.tensor([spelled(story.text).input_ids])
        chances = model(tokens).logits.detach()[0, :-1].log_softmax(-1)
        total -= float(chances.gather(1, tokens[0, 1:, None]).double().sum())
        count += tokens.shape[1] - 1
    found = surprise(model, spelled, stories)
    assert found["nats_per_byte"] == pytest.approx(total / 16, abs=1e-4)
    assert found["perplexity"] == pytest.approx(float(torch.tensor(total / count).exp()), rel=1e-4)


@pytest.mark.parametrize("is_tied", [True, False])
def test_tokens_are_written_in_the_code_they_are_read_in(is_tied: bool, texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for steps in (2, 3):  # also where it goes on
        progress = pretrain(texts, folder, replace(RECIPE, steps=steps, is_tied=is_tied))
        assert (progress.model.lm_head.weight is progress.model.model.embeddings.weight) is is_tied
    package = rwkv7.RWKV7ForCausalLM.from_pretrained(folder)
    assert torch.equal(package.lm_head.weight, package.model.embeddings.weight) is is_tied
    kept = weights_of(folder)
    assert all(torch.equal(one, kept[name]) for name, one in package.state_dict().items())
