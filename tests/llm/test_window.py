"""A model whose attention is cut to a short window, and what is added to it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments import window
from neurallambda.llm.experiments.page import page
from neurallambda.llm.experiments.window import WindowRecipe, measure_window, windowed
from neurallambda.llm.experiments.window_table import find_windows, read_window, window_table
from tests.llm.test_report import WHERE, good, result
from tests.llm.test_teaching import small_model
from tests.llm.tiny import transformers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # PEFT's own use


def logits(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(tokens, use_cache=False).logits


def test_a_window_as_long_as_the_text_changes_nothing() -> None:
    model = small_model(30)
    tokens = torch.randint(3, 30, (2, 12))
    assert torch.allclose(logits(windowed(model, 12), tokens), logits(model, tokens), atol=1e-6)
    assert not torch.allclose(logits(windowed(model, 3), tokens), logits(model, tokens), atol=1e-3)


def test_a_token_is_seen_from_no_further_than_the_windows_of_all_blocks() -> None:
    model, wide = small_model(30), 3
    cut = windowed(model, wide)
    tokens = torch.randint(3, 30, (1, 14))
    other = tokens.clone()
    other[0, 0] = (tokens[0, 0] + 1) % 27 + 3
    changed = (logits(cut, tokens) != logits(cut, other)).any(-1)[0]
    reach = (wide - 1) * model.config.num_hidden_layers
    assert bool(changed[reach])
    assert not changed[reach + 1 :].any()


def test_other_families_are_refused() -> None:
    sizes: dict[str, Any] = {"n_embd": 8, "n_layer": 1, "n_head": 1}
    other = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=9, **sizes))
    with pytest.raises(ArgumentError, match="expected a Llama"):
        windowed(other, 3)
    for wrong, message in ((WindowRecipe, "window: got 0"), (lambda **_: windowed(small_model(9), 0), "window: got 0")):
        with pytest.raises(ArgumentError, match=message):
            wrong(window=0)


def test_it_is_measured_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    texts = torch.randint(3, 30, (40, 12))
    base = small_model(30)
    monkeypatch.setattr(window, "load_base", lambda name, **_: (base, None))
    monkeypatch.setattr(window, "own_texts", lambda model, place: texts.split([8, 32]))
    monkeypatch.setattr(window, "RATES", (1e-3, 1e-2))
    before = {name: one.clone() for name, one in base.named_parameters()}
    recipe, path, said = WindowRecipe(window=2, steps=2, rows=2), tmp_path / "window.json", list[str]()
    facts = measure_window("tiny", path, recipe, arms=["structure", "lora"], seeds=1, say=said.append)
    assert len(said) == 6
    measure_window("tiny", path, recipe, arms=["structure"], seeds=2, say=said.append)
    assert len(said) == 7
    assert all(torch.equal(one, before[name]) for name, one in base.named_parameters())
    assert facts["arms"]["structure"]["seeds"][0] == read_window(path)["arms"]["structure"]["seeds"][0]
    with pytest.raises(ArgumentError, match="another recipe"):
        measure_window("tiny", path, WindowRecipe(window=3), arms=[], seeds=1, say=said.append)
    with pytest.raises(ArgumentError, match="'magic' is unknown"):
        measure_window("tiny", path, recipe, arms=["magic"], seeds=1, say=said.append)
    (tmp_path / "other.json").write_text("{}")
    assert [one["model"] for one in find_windows(tmp_path)] == ["tiny"]
    with pytest.raises(ArgumentError, match="no result"):
        read_window(tmp_path / "other.json")
    with pytest.raises(ArgumentError, match="this is a folder, expected a file"):
        read_window(tmp_path)
    path.write_text(json.dumps({name: one for name, one in facts.items() if name != "recipe"}))
    with pytest.raises(ArgumentError, match=r"window\.json: recipe is missing"):
        measure_window("tiny", path, recipe, arms=[], seeds=1, say=said.append)
    path.write_text(json.dumps(facts | {"arms": {"lora": {"tuning": [{}], "seeds": []}}}))
    with pytest.raises(ArgumentError, match=r"arms\.lora\.tuning\[0\]\.learning_rate is missing"):
        measure_window("tiny", path, recipe, arms=[], seeds=1, say=said.append)


def test_a_table_says_what_is_given_back() -> None:
    arms = {
        "structure": {
            "tuning": [],
            "learning_rate": 0.001,
            "seeds": [
                {"seed": number, "perplexity": worth, "parameters": 99} for number, worth in enumerate((3.9, 4.1))
            ],
        },
        "lora": {"tuning": [{"learning_rate": 0.001, "validation": 5.0}], "seeds": []},
    }
    recipe = {"window": 2, "steps": 2, "rows": 2, "clip": 1.0}
    facts = {"model": "tiny", "base": 2.0, "window": 8.0, "arms": arms, "recipe": recipe, "training": WHERE}
    text = window_table(facts)
    assert "| the same, structure | 2 | 4.000 (4.100) | 50.0% | 99 | 0.001 |" in text
    assert "| the same, lora | 0 | – |" in text
    assert json.dumps(facts)
    assert "### A short window of attention" in page([result("copy", "lora", good(1))], [facts])
    (seed,) = arms["structure"]["seeds"][:1]
    diverged = {"structure": arms["structure"] | {"seeds": [seed | {"perplexity": float("inf")}]}}
    assert "| the same, structure | 1 | inf | -inf% |" in window_table(facts | {"arms": diverged})
    with pytest.raises(ArgumentError, match="tiny: a window of 2 tokens costs nothing"):
        window_table(facts | {"window": 2.0})
