"""The matrix of experiments: it goes on where it was, and tries again where it shall."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments import matrix
from neurallambda.llm.experiments.arms import ARMS, GENTLE_RATES, RATES
from neurallambda.llm.experiments.report import read, table
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from tests.llm.test_teaching import small_model, tokenizer

tokenizers = pytest.importorskip("tokenizers")
pytestmark = [  # PEFT's own use
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning"),
]


def test_a_matrix_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = tokenizer()
    monkeypatch.setattr(matrix, "load_base", lambda name: (small_model(len(spelled)), spelled))
    monkeypatch.setattr(matrix, "place_of", lambda name: tmp_path / "models")
    monkeypatch.setattr(matrix, "VALIDATION_ROWS", 4)
    monkeypatch.setattr(matrix, "TEST_ROWS", 4)
    plain = torch.randint(3, len(spelled), (40, 30))
    monkeypatch.setattr(matrix, "replay_of", lambda model, _: (plain[:32], Replay(plain[32:], len(spelled))))
    recipe = TeachingRecipe(steps=2, rows=2, lengths=(2, 3), replay_length=8)
    said: list[str] = []
    texts = [tmp_path / "book.txt"]
    texts[0].write_text("dog cat ball tree\n" * 4000)
    made = list(matrix.cells("tiny", ["pretrained", "random"], ["structure", "structure-upper"], ["reverse"]))
    made += list(matrix.cells("tiny", ["pretrained"], ["lora-latch", "full", "initial"], ["copy"]))
    for cell in made:
        matrix.run_cell(cell, tmp_path / "results", seeds=1, recipe=recipe, texts=texts, say=said.append)
    assert len(said) == len(made) * 4
    rates = {facts["arm"]: facts["rates"] for facts in read(tmp_path / "results")}
    assert rates == {
        cell.arm: list(GENTLE_RATES if cell.arm in ("full", "structure-upper") else RATES) for cell in made
    }
    again: list[str] = []
    facts = matrix.run_cell(made[0], tmp_path / "results", seeds=2, recipe=recipe, say=again.append)
    assert len(again) == 1
    assert [one["seed"] for one in facts["seeds"]] == [200, 201]
    assert set(facts["seeds"][0]["exact"]) == {"3", "6", "12", "24"}
    with pytest.raises(ArgumentError, match="another recipe"):
        matrix.run_cell(made[0], tmp_path / "results", recipe=replace(recipe, rows=3), say=again.append)
    assert all(
        set(seed.get("retention", {})) == ({"book"} if seed["seed"] == 200 else set()) for seed in facts["seeds"]
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

    def taught(model: Any, cell: Any, recipe: Any, seed: int, *_: Any) -> Any:
        seeds.append(seed)
        found = {"validation": next(validations), "loss": 1.0, "parameters": 1, "seconds": 2.0, "tokens_per_second": 3}
        return f"taught by {seed}", found

    measured = list[str]()
    monkeypatch.setattr(matrix, "_taught", taught)
    monkeypatch.setattr(matrix, "load_base", lambda name: (small_model(9), None))
    monkeypatch.setattr(matrix, "replay_of", lambda *_: (torch.ones(1, 2), torch.ones(1, 2)))
    monkeypatch.setattr(matrix, "perplexity", lambda *_: 2.0)
    monkeypatch.setattr(matrix, "measured", lambda model, *_, **__: measured.append(model) or {"8": 1.0})
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure-tries"], ["copy"])
    run = matrix._run  # pyright: ignore[reportPrivateUsage]
    first = run(cell, TeachingRecipe(), 3, texts=[])
    assert (first["tries"], first["validation"], first["seconds"]) == ([0.25, 0.5, 1.0], 1.0, 6.0)
    second = run(cell, TeachingRecipe(), 4, texts=[])
    assert (second["tries"], second["validation"]) == ([0.0, 0.0, 0.5, 0.0], 0.5)
    assert seeds == [3, 10_003, 20_003, 4, 10_004, 20_004, 30_004]
    assert measured == ["taught by 20003", "taught by 20004"]


def test_a_structure_learns_at_the_rates_of_all_structures_where_the_base_learns_too() -> None:
    """Where both had one rate, the base lost its language at those that a structure needs: 22 times the perplexity."""
    alone = ARMS["structure"].prepare(small_model(3), ARMS["structure"].graft_for("reverse", None), 1e-3)[1]
    for arm in ("structure-upper", "structure-all"):
        groups = ARMS[arm].prepare(small_model(3), ARMS[arm].graft_for("reverse", None), 1e-4)[1]
        assert [group["lr"] for group in groups] == pytest.approx([alone[0]["lr"], 1e-4])
