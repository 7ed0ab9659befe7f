"""A graft and what else may be on a model: adapters of PEFT."""

from copy import deepcopy
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, disabled, graft, load_grafted, save_grafted, structure_of, ungraft
from neurallambda.llm.experiments.arms import LORA_TARGETS
from neurallambda.llm.rwkv.chunked import fast_rwkv7
from tests.llm.tiny import NEAR, OPEN, grafted, plain, tokens

peft = pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # PEFT's own use
NAME = "grafted_structure"


def adapter(**options: Any) -> Any:
    return peft.LoraConfig(r=2, task_type="CAUSAL_LM", **options)


@torch.no_grad()
def learned() -> Any:
    """A graft and an adapter, as if both had learned."""
    model = peft.get_peft_model(grafted("llama"), adapter(target_modules=["q_proj"], modules_to_save=[NAME])).eval()
    structure_of(model).read.mul_(-1.0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.normal_()
    return model


def test_an_adapter_that_would_freeze_the_structure_unseen_is_refused() -> None:
    model = peft.get_peft_model(grafted("llama"), adapter(target_modules=["q_proj"])).train()
    with pytest.raises(ArgumentError, match="every parameter of the grafted structure is frozen"):
        model(tokens(), labels=tokens())
    model.eval()(tokens())


def test_an_adapter_that_would_freeze_what_learns_beside_the_structure_is_refused() -> None:
    model = graft(plain("llama"), GraftConfig(width=4, modules_to_save=("lm_head",)))
    hidden = peft.get_peft_model(deepcopy(model), adapter(target_modules=["q_proj"], modules_to_save=[NAME])).train()
    with pytest.raises(ArgumentError, match="every parameter of 'lm_head' is frozen"):
        hidden(tokens(), labels=tokens())
    named = adapter(target_modules=["q_proj"], modules_to_save=[NAME, "lm_head"])
    peft.get_peft_model(model, named).train()(tokens(), labels=tokens()).loss.backward()


@torch.no_grad()
def test_base_modules_beside_an_adapter_are_saved_by_their_own_names(tmp_path: Any) -> None:
    chosen = ("model.layers.2", "lm_head")
    model = graft(plain("llama"), GraftConfig(width=4, modules_to_save=chosen))
    model = peft.get_peft_model(model, adapter(target_modules=["q_proj"], modules_to_save=[NAME, "lm_head"]))
    base = model.base_model.model
    base.lm_head.modules_to_save["default"].weight.add_(1.0)
    base.model.layers[2].self_attn.q_proj.base_layer.weight.add_(1.0)
    save_grafted(model, tmp_path)
    alone: Any = load_grafted(plain("llama"), tmp_path)
    assert torch.equal(alone.lm_head.weight, base.lm_head.modules_to_save["default"].weight)
    assert torch.equal(
        alone.model.layers[2].self_attn.q_proj.weight, base.model.layers[2].self_attn.q_proj.base_layer.weight
    )
    assert not any("lora" in name for name in alone.state_dict())


def test_a_structure_that_is_meant_to_be_frozen_is_left_alone() -> None:
    model = grafted("llama", GraftConfig(width=4, gate=10.0, is_frozen=True))
    model = peft.get_peft_model(model, adapter(target_modules="all-linear")).train()
    model(tokens(), labels=tokens()).loss.backward()
    assert all(parameter.grad is None for parameter in structure_of(model).parameters())


def test_what_learns_beside_a_frozen_structure_sees_what_it_does_in_evaluation() -> None:
    model = grafted("llama", GraftConfig(width=4, gate=10.0, noise=3.0, is_frozen=True))
    hidden = torch.randn(2, 9, 32, requires_grad=True)
    structure = structure_of(model).train()
    first, _ = structure(hidden)
    torch.testing.assert_close(first, structure.eval()(hidden)[0])
    first.square().sum().backward()
    assert hidden.grad is not None
    assert bool((hidden.grad != 0).any())


def test_both_learn_and_the_structure_that_learned_is_saved(tmp_path: Any) -> None:
    model = peft.get_peft_model(grafted("llama"), adapter(target_modules="all-linear", modules_to_save=[NAME])).train()
    structure = structure_of(model)
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.1)
    before = structure.value.weight.detach().clone()
    model(tokens(), labels=tokens()).loss.backward()
    adapted = [name for name, one in model.named_parameters() if "lora_" in name and one.grad is not None]
    assert adapted
    assert not any(NAME in name for name in adapted)
    optimizer.step()
    assert not torch.equal(structure.value.weight, before)
    save_grafted(model, tmp_path)
    with pytest.raises(ArgumentError, match="PeftModelForCausalLM around the grafted LlamaForCausalLM"):
        ungraft(model)
    alone = load_grafted(plain("llama"), tmp_path)
    assert torch.equal(structure_of(alone).value.weight, structure.value.weight)


def test_a_graft_comes_before_an_adapter() -> None:
    model = plain("llama")
    peft.get_peft_model(model, adapter(target_modules=["q_proj"]))
    with pytest.raises(ArgumentError, match="graft first"):
        graft(model, OPEN)


@torch.no_grad()
def test_a_graft_and_an_adapter_decode_token_by_token() -> None:
    model = peft.get_peft_model(grafted("llama"), adapter(target_modules=["q_proj"], modules_to_save=[NAME])).eval()
    inputs = tokens()
    cache = model(inputs[:, :4], use_cache=True).cache
    steps = [model(inputs[:, time : time + 1], cache=cache).logits for time in range(4, 9)]
    assert (torch.cat(steps, 1) - model(inputs, use_cache=False).logits[:, 4:]).abs().max() <= 1e-4


@torch.no_grad()
def test_what_an_adapter_learned_stays_where_it_is_merged_and_the_graft_taken_out() -> None:
    model, base = learned(), plain("llama")
    both = model(tokens()).logits
    with disabled(model):
        adapted = model(tokens()).logits
    assert (both - adapted).abs().max() > 0.1
    assert (adapted - base(tokens()).logits).abs().max() > 0.1
    merged = model.merge_and_unload()
    assert (merged(tokens()).logits - both).abs().max() <= NEAR
    ungraft(merged)
    assert (merged(tokens()).logits - adapted).abs().max() <= NEAR
    wanted = {name: (one.shape, one.requires_grad) for name, one in base.named_parameters()}
    assert {name: (one.shape, one.requires_grad) for name, one in merged.named_parameters()} == wanted


@torch.no_grad()
def test_a_saved_adapter_brings_its_structure_to_another_graft(tmp_path: Any) -> None:
    model = learned()
    model.save_pretrained(tmp_path)
    other = peft.PeftModel.from_pretrained(graft(plain("llama"), OPEN), tmp_path).eval()
    assert torch.equal(other(tokens()).logits, model(tokens()).logits)


@torch.no_grad()
def test_without_its_adapter_a_structure_is_what_it_was() -> None:
    model = learned()
    both = model(tokens()).logits
    with model.disable_adapter():
        without = model(tokens()).logits
    assert torch.equal(without, grafted("llama")(tokens()).logits)
    assert (both - without).abs().max() > 0.1
    assert torch.equal(model(tokens()).logits, both)


def test_an_adapter_of_an_rwkv_goes_to_its_projections_and_not_to_its_own_small_matrices() -> None:
    model = plain("rwkv7")
    before = model(tokens(time=20)).logits
    model = peft.get_peft_model(model, peft.LoraConfig(r=3, target_modules=list(LORA_TARGETS)))
    torch.testing.assert_close(model(tokens(time=20)).logits, before)  # RWKV-7's own `w_lora` is none of PEFT's
    learning = {name for name, one in model.named_parameters() if one.requires_grad}
    layers = {name.partition(".layers.")[2].partition(".lora_")[0] for name in learning}
    assert layers == {f"{block}.attn.{letter}_proj" for block in range(3) for letter in "rkvo"}
    with fast_rwkv7():
        model.train()(tokens(time=20)).logits.sum().backward()
    assert all(one.grad is not None for name, one in model.named_parameters() if name in learning)
    assert len(peft.get_peft_model_state_dict(model)) == len(learning) == 24
