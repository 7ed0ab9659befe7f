"""A graft is saved as a folder, loaded from it exactly or not at all, and taken out."""

import json
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import (
    GraftConfig,
    graft,
    is_grafted,
    load_grafted,
    save_grafted,
    structure_of,
    ungraft,
)
from neurallambda.llm.saving import read_facts
from tests.llm.tiny import (
    FAMILIES,
    KINDS,
    enliven,
    grafted,
    plain,
    tokens,
    transformers,
)


@FAMILIES
@KINDS
@torch.no_grad()
def test_a_graft_is_saved_loaded_and_taken_out(family: str, config: GraftConfig, tmp_path: Any) -> None:
    model, inputs = plain(family), tokens()
    parameters = {name: (id(parameter), parameter.requires_grad) for name, parameter in model.named_parameters()}
    before, attributes = model(inputs).logits, set(vars(model))
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    graft(model, config)
    enliven(model)
    changed = model(inputs).logits
    assert (changed - before).abs().max() > 0.1
    save_grafted(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"graft.safetensors", "graft.json", "README.md"}
    ungraft(model)
    assert torch.equal(model(inputs).logits, before)
    assert {name: (id(one), one.requires_grad) for name, one in model.named_parameters()} == parameters
    assert set(vars(model)) == attributes
    assert hooks == [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    load_grafted(model, tmp_path)
    assert torch.equal(model(inputs).logits, changed)


@pytest.mark.parametrize(("size", "value"), [("num_hidden_layers", 5), ("vocab_size", 50)])
def test_a_graft_of_a_model_of_another_size_is_refused(size: str, value: int, tmp_path: Any) -> None:
    save_grafted(grafted("llama"), tmp_path)
    config = plain("llama").config
    setattr(config, size, value)
    with pytest.raises(ArgumentError, match="blocks differ" if "layers" in size else "vocabulary differ"):
        load_grafted(transformers.LlamaForCausalLM(config), tmp_path)


@pytest.mark.parametrize(
    ("called", "kept"), [("someone/a-model", "someone/a-model"), ("/mine/a-model", "a-model"), ("", "")]
)
def test_a_hub_name_is_kept_whole_and_a_path_is_not(called: str, kept: str, tmp_path: Any) -> None:
    model = grafted("llama")
    model.config._name_or_path = called
    save_grafted(model, tmp_path)
    assert read_facts(tmp_path)["base"]["name"] == kept
    assert f"base_model: {kept}" in (tmp_path / "README.md").read_text() or not kept


def test_saved_files_that_do_not_fit_are_refused(tmp_path: Any) -> None:
    from safetensors.torch import load_file, save_file

    model = grafted("llama")
    save_grafted(model, tmp_path)
    weights = tmp_path / "graft.safetensors"
    tensors = load_file(weights)
    base = plain("llama")
    with pytest.raises(ArgumentError, match="grafted into"):
        load_grafted(plain("gpt2"), tmp_path)
    with pytest.raises(ArgumentError, match="another configuration"):
        load_grafted(graft(plain("llama"), GraftConfig(width=5)), tmp_path)
    for change in ({"structure.more": torch.zeros(1)}, {"structure.gate": torch.zeros(2)}):
        save_file(tensors | change, weights)
        with pytest.raises(ArgumentError, match=r"unexpected \['structure.more'\]|has the shape"):
            load_grafted(base, tmp_path)
    save_file({name: tensor for name, tensor in tensors.items() if name != "structure.gate"}, weights)
    with pytest.raises(ArgumentError, match=r"missing \['structure.gate'\]"):
        load_grafted(base, tmp_path)
    save_file(tensors | {"structure.gate": torch.tensor([True])}, weights)
    with pytest.raises(ArgumentError, match=r"structure\.gate is of torch\.bool"):
        load_grafted(base, tmp_path)
    save_file(tensors, weights, metadata={"graft.json": "{}"})  # as if the saving had been interrupted in between
    with pytest.raises(ArgumentError, match=r"another configuration than graft\.json"):
        load_grafted(base, tmp_path)
    weights.write_bytes(b"no weights")
    with pytest.raises(ArgumentError, match="no weights"):
        load_grafted(base, tmp_path)
    (tmp_path / "graft.json").write_text("{}")
    with pytest.raises(ArgumentError, match="no configuration"):
        load_grafted(base, tmp_path)
    with pytest.raises(ArgumentError, match="there is no graft in it"):
        load_grafted(base, tmp_path / "nowhere")
    assert not is_grafted(base)


@pytest.mark.parametrize("gate", [0.5, -0.5])
def test_a_gate_of_an_earlier_version_that_took_reads_away_is_refused(gate: float, tmp_path: Any) -> None:
    model = grafted("llama")
    with torch.no_grad():
        structure_of(model).gate.fill_(gate)
        wanted = model(tokens()).logits
    save_grafted(model, tmp_path)
    with torch.no_grad():
        assert torch.equal(load_grafted(plain("llama"), tmp_path)(tokens()).logits, wanted)
    facts = json.loads((tmp_path / "graft.json").read_text())
    (tmp_path / "graft.json").write_text(json.dumps(facts | {"form": "neurallambda graft 1"}))
    if gate > 0:
        load_grafted(plain("llama"), tmp_path)
        return
    base = plain("llama")
    with pytest.raises(ArgumentError, match=r"its gate is negative, .* train it again"):
        load_grafted(base, tmp_path)
    assert not is_grafted(base)
