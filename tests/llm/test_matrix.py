"""The matrix of experiments: it goes on where it was, and tries again where it shall."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig
from neurallambda.llm.experiments import matrix
from neurallambda.llm.experiments.arms import ARMS, GENTLE_RATES, RATES
from neurallambda.llm.experiments.report import read, table
from neurallambda.llm.experiments.result_file import FORM, MULTIPLES
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.train.events import Listener, Stepped
from neurallambda.train.learner import GradientLearner
from tests.llm.test_teaching import small_model, tokenizer
from tests.llm.tiny import plain

tokenizers = pytest.importorskip("tokenizers")
pytestmark = [  # PEFT's own use
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning"),
]


def test_a_matrix_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = tokenizer()
    monkeypatch.setattr(matrix, "load_base", lambda name, **_: (small_model(len(spelled)), spelled))
    monkeypatch.setattr(matrix, "VALIDATION_ROWS", 4)
    monkeypatch.setattr(matrix, "TEST_ROWS", 4)
    plain = torch.randint(3, len(spelled), (40, 30))
    monkeypatch.setattr(matrix, "replay_of", lambda *_: (plain[:32], Replay(plain[32:], len(spelled), (1,))))
    recipe = TeachingRecipe(steps=2, rows=2, lengths=(2, 3), replay_tokens=40, replay_lengths=(4, 8))
    said: list[str] = []
    texts = [tmp_path / "book.txt"]
    texts[0].write_text("dog cat ball tree\n" * 4000)
    made = list(matrix.cells("tiny", ["pretrained", "random"], ["structure", "structure-upper"], ["reverse"]))
    made += list(matrix.cells("tiny", ["pretrained"], ["lora-latch", "full", "initial"], ["copy"]))
    for cell in made:
        matrix.run_cell(cell, tmp_path / "results", seeds=1, recipe=recipe, texts=texts, say=said.append)
    found = read(tmp_path / "results")
    assert len(said) == sum(len(facts["tuning"]) + 1 for facts in found)
    rates = {facts["arm"]: facts["rates"] for facts in found}
    assert rates == {
        cell.arm: list(GENTLE_RATES if cell.arm in ("full", "structure-upper") else RATES) for cell in made
    }
    again: list[str] = []
    facts = matrix.run_cell(made[0], tmp_path / "results", seeds=2, recipe=recipe, say=again.append)
    assert len(again) == 1
    assert [one["seed"] for one in facts["seeds"]] == [matrix.FIRST_SEED, matrix.FIRST_SEED + 1]
    assert {one["learning_rate"] for one in facts["seeds"]} == {facts["recipe"]["learning_rate"]}
    assert set(facts["seeds"][0]["exact"]) == {"3", "6", "12", "24"}
    with pytest.raises(ArgumentError, match="another recipe"):
        matrix.run_cell(made[0], tmp_path / "results", recipe=replace(recipe, rows=3), say=again.append)
    assert all(
        set(seed.get("retention", {})) == ({"book"} if seed["seed"] == matrix.FIRST_SEED else set())
        for seed in facts["seeds"]
    )
    text = table(read(tmp_path / "results"))
    assert text.count("\n| tiny, ") == len(made)
    with pytest.raises(ArgumentError, match="no result"):
        read(tmp_path / "nowhere")
    (tmp_path / "results" / f"{made[0].name}.json").write_text('{"form": "neurall')
    with pytest.raises(ArgumentError, match="this is no JSON"):
        matrix.run_cell(made[0], tmp_path / "results", seeds=2, recipe=recipe, say=again.append)
    with pytest.raises(ArgumentError, match="'everything' is unknown"):
        list(matrix.cells("tiny", ["pretrained"], ["everything"], ["reverse"]))


def test_a_try_that_fails_on_validation_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validations, seeds = iter([0.25, 0.5, 1.0, 0.0, 0.0, 0.5, 0.0]), list[int]()

    def taught(model: Any, cell: Any, config: Any, recipe: Any, seed: int, *_: Any) -> Any:
        seeds.append(seed)
        found = {"validation": next(validations), "loss": 1.0, "parameters": 1, "seconds": 2.0, "tokens_per_second": 3}
        return f"taught by {seed}", found

    measured = list[str]()
    monkeypatch.setattr(matrix, "_taught", taught)
    monkeypatch.setattr(matrix, "load_base", lambda name, **_: (small_model(9), None))
    monkeypatch.setattr(matrix, "replay_of", lambda *_: (torch.ones(1, 2), torch.ones(1, 2)))
    monkeypatch.setattr(matrix, "perplexity", lambda *_: 2.0)
    monkeypatch.setattr(matrix, "measured", lambda model, *_, **__: measured.append(model) or {"8": 1.0})
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure-tries"], ["copy"])
    run = matrix._run  # pyright: ignore[reportPrivateUsage]
    first = run(cell, TeachingRecipe(), 3, config=GraftConfig(), texts=[])
    assert (first["tries"], first["validation"], first["seconds"]) == ([0.25, 0.5, 1.0], 1.0, 6.0)
    second = run(cell, TeachingRecipe(), 4, config=GraftConfig(), texts=[])
    assert (second["tries"], second["validation"]) == ([0.0, 0.0, 0.5, 0.0], 0.5)
    assert seeds == [3, 10_003, 20_003, 4, 10_004, 20_004, 30_004]
    assert measured == ["taught by 20003", "taught by 20004"]


def test_a_structure_learns_at_the_rates_of_all_structures_where_the_base_learns_too() -> None:
    """Where both had one rate, the base lost its language at those that a structure needs."""

    def groups_of(arm: str, rate: float) -> list[dict[str, Any]]:
        model = small_model(3)
        return ARMS[arm].prepare(model, ARMS[arm].graft_for("reverse", None, model), rate, parameters=1)[1]

    alone = groups_of("structure", 1e-3)
    for arm in ("structure-upper", "structure-all"):
        assert [group["lr"] for group in groups_of(arm, 1e-4)] == pytest.approx([alone[0]["lr"], 1e-4])


def held(monkeypatch: pytest.MonkeyPatch, *validations: float, base: Any = None) -> None:
    """Runs that come to these, and whatever base is loaded."""
    found, spelled = iter(validations), tokenizer()
    base = small_model(len(spelled)) if base is None else base
    exact = {"exact": {str(8 * multiple): 1.0 for multiple in MULTIPLES}, "perplexity_ratio": 1.0}
    known = {"loss": 1.0, "parameters": 1, "seconds": 1.0, "tokens_per_second": 1, **exact}
    monkeypatch.setattr(matrix, "_run", lambda *_, **__: {"validation": next(found), **known})
    monkeypatch.setattr(matrix, "load_base", lambda name, **_: (base, spelled))


def test_the_recipe_of_a_cell_is_that_of_its_arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arm, steps in (("structure", 0), ("fitted-read", 0), ("fitted-warmup", 100)):
        held(monkeypatch, 1.0, 1.0, 1.0, 1.0)
        (cell,) = matrix.cells("tiny", ["pretrained"], [arm], ["copy"])
        assert matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)["recipe"]["replay_warmup"] == steps


def quiet(_: str) -> None:
    """Hear nothing."""


@pytest.mark.parametrize("changed", ["rates", "graft", "recipe", "weights"])
def test_a_cell_that_was_made_otherwise_does_not_go_on(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, 0.1, 0.3, 0.2, 0.5, 0.5)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure"], ["copy"])
    facts = matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)
    assert (facts["rates"], facts["recipe"]["learning_rate"]) == (list(RATES), RATES[1])
    (path,) = tmp_path.iterdir()
    facts = json.loads(path.read_text())
    earlier = {name: one for name, one in facts.items() if name != "weights"}
    earlier["seeds"] = [{name: one for name, one in facts["seeds"][0].items() if name != "learning_rate"}]
    earlier["recipe"] = {name: one for name, one in facts["recipe"].items() if name != "replay_warmup"}
    path.write_text(json.dumps(earlier))
    assert len(matrix.run_cell(cell, tmp_path, seeds=2, say=quiet)["seeds"]) == 2
    other = {"rates": [*RATES, 0.1], "graft": None, "recipe": facts["recipe"] | {"rows": 3}, "weights": "other"}
    path.write_text(json.dumps(facts | {changed: other[changed]}))
    with pytest.raises(ArgumentError, match="another model of this name" if changed == "weights" else "another recipe"):
        matrix.run_cell(cell, tmp_path, seeds=2, say=quiet)


def test_a_cell_that_was_changed_by_hand_names_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch, 0.1, 0.3, 0.2, 0.5)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure"], ["copy"])
    path = tmp_path / f"{cell.name}.json"
    path.write_text(json.dumps({"form": FORM, "model": "tiny"}))
    with pytest.raises(ArgumentError, match=rf"{path.name}: base is missing"):
        matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)


def test_a_rate_at_the_edge_of_those_that_were_tried_is_not_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, 0.1, 0.2, 0.3, 0.5, 0.5)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["lora"], ["copy"])
    facts = matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)
    assert [one["learning_rate"] for one in facts["tuning"]] == [*RATES, 0.03]
    assert {one["learning_rate"] for one in (*facts["seeds"], facts["recipe"])} == {0.03}
    earlier = facts | {"tuning": facts["tuning"][:3], "recipe": facts["recipe"] | {"learning_rate": RATES[2]}}
    (path,) = tmp_path.iterdir()
    path.write_text(json.dumps(earlier))  # one of before that rule, whose seeds learned at the edge
    held(monkeypatch, 0.5)
    with pytest.raises(ArgumentError, match=r"its seeds learned at the rate 0\.01, and 0\.03 is better"):
        matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)
    path.write_text(json.dumps(earlier))
    held(monkeypatch, 0.2, 0.5)
    assert len(matrix.run_cell(cell, tmp_path, seeds=2, say=quiet)["seeds"]) == 2


def test_a_result_that_was_interrupted_names_the_best_rate_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, 0.3, 0.1, 0.2)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["full"], ["copy"])
    with pytest.raises(StopIteration):
        matrix.run_cell(cell, tmp_path, seeds=1, say=quiet)
    (found,) = read(tmp_path)
    assert (len(found["tuning"]), found["recipe"]["learning_rate"]) == (3, GENTLE_RATES[0])


@pytest.mark.parametrize("name", ["/somewhere/else/tiny", "../tiny", "somebody/tiny", "tiny/"])
def test_a_base_by_any_name_has_its_result_in_the_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, 0.3, 0.1, 0.2, 0.5)
    out = tmp_path / "deep" / "out"
    (cell,) = matrix.cells(name, ["pretrained"], ["lora"], ["copy"])
    assert matrix.run_cell(cell, out, seeds=1, say=quiet)["model"] == "tiny"
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.json")] == [
        Path("deep/out/tiny-pretrained-copy-lora.json")
    ]


def test_a_base_that_cannot_read_the_longest_inputs_is_refused_before_it_is_taught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("gpt2")
    held(monkeypatch, base=base)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure"], ["copy"])
    with pytest.raises(ArgumentError, match="lengths: got 64, which makes 130 tokens, expected at most the 64"):
        matrix.run_cell(cell, tmp_path, say=quiet)


def test_the_loss_of_few_steps_is_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    losses, replay = list[float](), Replay(torch.ones(1, 2), 9, ())

    def learn(_: GradientLearner, listeners: list[Listener]) -> None:
        for step, loss in enumerate(losses, start=1):
            listeners[0](Stepped(step=step, stage=1, rate=0.1, seeds=(0,), losses=(loss,), accuracies=(), seconds=1.0))

    monkeypatch.setattr(matrix, "learn", learn)
    monkeypatch.setattr(matrix, "exact_match", lambda *_, **__: 0.5)
    (cell,) = matrix.cells("tiny", ["pretrained"], ["full"], ["copy"])
    taught = matrix._taught  # pyright: ignore[reportPrivateUsage]
    for given, loss in (([2.0, 4.0, 6.0], 4.0), ([100.0, *[1.0] * 20], 1.0)):
        losses[:] = given
        found = taught(small_model(9), cell, None, TeachingRecipe(), 0, tokenizer(), replay, small_model(9))[1]
        assert found["loss"] == loss
