"""A grafted model computes the same at once and token by token, alone and in a batch, with and without a cache."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import (
    Family,
    GraftConfig,
    disabled,
    graft,
    parameter_groups,
    print_trainable_parameters,
    register_family,
    structure_of,
    ungraft,
    upper_blocks,
)
from neurallambda.llm.structure import GraftedStructure
from tests.llm.tiny import (
    BANK,
    CALLS,
    FAMILIES,
    KINDS,
    MODELS,
    NEAR,
    OPEN,
    checkpoint,
    enliven,
    grafted,
    plain,
    stepped,
    tokens,
    transformers,
)


@FAMILIES
@KINDS
@torch.no_grad()
def test_a_closed_gate_changes_no_bit(family: str, config: GraftConfig) -> None:
    model = plain(family).requires_grad_(False)  # torch may take another way to the same numbers where nothing learns
    before = model(tokens()).logits
    graft(model, replace(config, gate=0.0))
    assert torch.equal(model(tokens()).logits, before)
    assert torch.equal(model(tokens(), use_cache=False).logits, before)


@pytest.mark.parametrize("heads", [1, 3])
@torch.no_grad()
def test_a_read_begins_as_what_was_seen(heads: int) -> None:
    """So that the right action is worth something from the first step on; at random there is nothing of it."""
    seen, width = torch.randn(200, 64), 16

    def alike(start: Any) -> float:
        structure = GraftedStructure(GraftConfig(heads=heads, width=width, depth=4, read_start=start), dim=64)
        read = structure.value(seen) @ structure.read.T
        assert 0.7 < float(structure.read.std() * (heads * width) ** 0.5) < 1.4
        return float(torch.cosine_similarity(read, seen).mean())

    assert alike("transposed") > 0.35
    assert abs(alike("random")) < 0.1


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_gate_opens_whichever_way_the_first_examples_send_it(sign: float) -> None:
    """Reads are never taken away, so that what else learns has one sign of them to learn for."""
    torch.manual_seed(0)
    structure = GraftedStructure(GraftConfig(width=4, depth=8, noise=0.0), dim=16)
    hidden = torch.randn(2, 5, 16)
    wanted = structure.read.detach().sum(1)
    optimizer = torch.optim.AdamW(structure.parameters(), lr=0.01)
    (sign * (structure(hidden)[0] @ wanted).sum()).backward()
    assert structure.gate.grad is not None
    assert float(structure.gate.grad) != 0  # it is not stuck at zero
    optimizer.step()
    moved, opened = float(structure.gate.detach()), structure(hidden)[0]
    with torch.no_grad():
        structure.gate.abs_()
    assert moved != 0
    assert torch.equal(structure(hidden)[0], opened)


@pytest.mark.parametrize(
    ("norm", "scale"), [(0.4, 1.0), (13.0, 10.0), (40.0, 100.0), (800.0, 1000.0), (float("nan"), 10.0)]
)
@torch.no_grad()
def test_a_gate_is_as_fast_as_hidden_states_are_large(norm: float, scale: float) -> None:
    model: Any = plain("llama")
    for block in model.model.layers:  # nothing but the embedding is left
        block.self_attn.o_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
    embedding = model.model.embed_tokens.weight
    embedding.mul_(norm / embedding.norm(dim=-1, keepdim=True))
    assert structure_of(graft(model.train(), GraftConfig())).config.gate_scale == scale
    assert all(module.training for module in model.modules())
    assert structure_of(graft(ungraft(model), GraftConfig(gate_scale=7.0))).config.gate_scale == 7.0


@torch.no_grad()
def test_how_fast_a_gate_is_changes_nothing_that_is_there() -> None:
    config = GraftConfig(width=4, depth=8, gate=0.5, has_latch=False)
    torch.manual_seed(0)
    slow = GraftedStructure(replace(config, gate_scale=1.0), dim=16)
    torch.manual_seed(0)
    fast = GraftedStructure(replace(config, gate_scale=1000.0), dim=16)
    hidden = torch.randn(2, 5, 16)
    assert torch.allclose(slow.eval()(hidden)[0], fast.eval()(hidden)[0])
    assert slow(hidden)[0].abs().max() > 0


def test_a_model_without_weights_has_a_gate_of_the_usual_speed() -> None:
    with torch.device("meta"):
        model = plain("llama")
        assert structure_of(graft(model)).config.gate_scale == 10.0


@FAMILIES
@pytest.mark.parametrize("structure", ["stack", "queue", "bank", "calls", "none"])
@torch.no_grad()
def test_prompt_and_steps_give_the_logits_of_the_whole(family: str, structure: Any) -> None:
    config = CALLS if structure == "calls" else replace(BANK, structure=structure)
    model, inputs = grafted(family, config), tokens()
    whole = model(inputs, use_cache=False).logits
    with disabled(model):
        assert (model(inputs, use_cache=False).logits - whole).abs().max() > 0.1
    assert (stepped(model, inputs, 4) - whole).abs().max() <= NEAR
    assert (stepped(model, inputs, 1) - whole).abs().max() <= NEAR


@FAMILIES
@KINDS
@torch.no_grad()
def test_a_lost_state_is_noticed(family: str, config: GraftConfig) -> None:
    model, inputs = grafted(family, config), tokens()
    whole = model(inputs, use_cache=False).logits
    assert (stepped(model, inputs, 4, forget=True) - whole).abs().max() > 100 * NEAR


@FAMILIES
@pytest.mark.parametrize("beams", [1, 3])
@KINDS
def test_text_is_the_same_with_and_without_a_cache(family: str, beams: int, config: GraftConfig) -> None:
    model, inputs = grafted(family, config), tokens(time=5)
    options = {"attention_mask": torch.ones_like(inputs), "max_new_tokens": 8, "do_sample": False, "num_beams": beams}
    found = [model.generate(inputs, use_cache=cached, **options).tolist() for cached in (True, False)]
    assert found[0] == found[1]


@FAMILIES
@KINDS
@torch.no_grad()
def test_padding_on_the_left_is_nothing(family: str, config: GraftConfig) -> None:
    model, inputs = grafted(family, config), tokens(rows=1, time=6)
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.long), inputs], 1)
    mask = torch.cat([torch.zeros(1, 3, dtype=torch.long), torch.ones_like(inputs)], 1)
    places = {} if family != "gpt2" else {"position_ids": (mask.cumsum(-1) - 1).clamp_min(0)}
    alone = model(inputs, use_cache=True)
    beside = model(padded, attention_mask=mask, use_cache=True, **places)
    assert (alone.logits - beside.logits[:, 3:]).abs().max() <= NEAR
    for one, other in zip(alone.cache.layers[-1].state(), beside.cache.layers[-1].state(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    options = {"max_new_tokens": 6, "do_sample": False}
    text = model.generate(inputs, attention_mask=torch.ones_like(inputs), **options)
    assert torch.equal(model.generate(padded, attention_mask=mask, **options)[:, 3:], text)


@FAMILIES
def test_assisted_decoding_is_refused(family: str) -> None:
    model, inputs = grafted(family), tokens(rows=1)
    with pytest.raises(ValueError, match="assisted generation is not supported with stateful models"):
        model.generate(inputs, attention_mask=torch.ones_like(inputs), prompt_lookup_num_tokens=2, max_new_tokens=4)


def test_a_structure_runs_once_where_checkpointing_runs_blocks_again_with_their_hooks() -> None:
    for places in ((0, -1), (1, 1)):
        model = graft(plain("rwkv7"), replace(OPEN, layers_to_transform=places)).train()
        checkpoint(model)
        decoder: Any = model.get_submodule("model")
        before, runs = vars(decoder)["_gradient_checkpointing_func"], list[int]()
        structure_of(model).register_forward_hook(lambda *_, runs=runs: runs.append(1))
        for _ in range(2):
            model(tokens(), labels=tokens(), use_cache=False).loss.backward()
        assert len(runs) == 2
        with pytest.raises(IndexError):
            model(tokens() + 1_000, use_cache=False)  # a pass that fails
        assert vars(decoder)["_gradient_checkpointing_func"] is before
        del decoder._gradient_checkpointing_func  # as where somebody sets the flag alone
        model(tokens(), labels=tokens(), use_cache=False).loss.backward()
        assert len(runs) == 3
        with disabled(model):
            model(tokens(), labels=tokens(), use_cache=False)
        model.eval()(tokens())
        assert len(runs) == 4


@FAMILIES
@KINDS
def test_checkpointing_gives_the_same_gradients(family: str, config: GraftConfig) -> None:
    gradients = []
    for checkpointed in (False, True):
        changed = {"gate": 1.0, "noise": 0.3, "modules_to_save": ("*",)}
        model = graft(plain(family), replace(config, **changed))
        model.train()
        if checkpointed:
            checkpoint(model)
        torch.manual_seed(3)
        model(tokens(), labels=tokens(), use_cache=False).loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
        structure = model.grafted_structure
        assert isinstance(structure, GraftedStructure)
        assert structure.gradient_checkpointing is checkpointed
    for name, gradient in gradients[0].items():
        other = gradients[1][name]
        assert (gradient is None) == (other is None), name
        if gradient is not None:
            assert torch.allclose(gradient, other, atol=1e-6 + 1e-4 * float(gradient.abs().max())), name
    assert gradients[0]["grafted_structure.value.weight"].abs().max() > 0


@torch.no_grad()
def test_the_structure_is_precise_where_the_model_is_not() -> None:
    model = plain("llama").to(torch.bfloat16)
    before = model(tokens()).logits
    graft(model, OPEN)
    enliven(model)
    assert structure_of(model).gate.dtype == torch.float32
    out = model(tokens(), use_cache=True)
    assert out.logits.dtype == torch.bfloat16
    assert not torch.equal(out.logits, before)
    assert all(tensor.dtype == torch.float32 for tensor in out.cache.layers[-1].state())


@pytest.mark.parametrize("family", ["llama", "rwkv7", "qwen3_next"])
def test_a_precise_structure_learns_the_same_in_a_model_that_is_not(family: str) -> None:
    gradients = []
    for precision in (torch.float32, torch.bfloat16):
        model = graft(plain(family).to(precision), replace(OPEN, gate=1.0)).train()
        model(tokens(), labels=tokens(), use_cache=False).loss.backward()
        learned = [one.grad for one in model.parameters() if one.grad is not None]
        assert len(learned) == len(list(structure_of(model).parameters()))
        assert all(one.dtype == torch.float32 and one.isfinite().all() for one in learned)
        gradients.append(torch.cat([one.flatten() for one in learned]))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99


@pytest.mark.parametrize("family", ["llama", "rwkv7", "qwen3_next"])
@torch.no_grad()
def test_beams_of_a_model_that_is_not_precise_have_the_state_of_their_text(family: str) -> None:
    """Soft choices: hard ones may fall otherwise by a rounding of the model, and then the text is another one."""
    model: Any = graft(plain(family).to(torch.bfloat16), replace(OPEN, is_hard=False))
    enliven(model)
    inputs = tokens(rows=4, time=5)
    options = {"attention_mask": torch.ones_like(inputs), "min_new_tokens": 8, "max_new_tokens": 8, "do_sample": False}
    options |= {"num_beams": 3, "length_penalty": 0.0, "output_scores": True, "return_dict_in_generate": True}
    found = model.generate(inputs, **options)
    whole = model(found.sequences, use_cache=False).logits[:, 4:-1].float().log_softmax(-1)
    said = whole.gather(-1, found.sequences[:, 5:, None]).sum((1, 2))
    assert torch.allclose(said, found.sequences_scores, atol=0.1)


@torch.no_grad()
def test_a_copy_of_a_model_has_a_structure_of_its_own() -> None:
    model = grafted("llama")
    twin = copy.deepcopy(model)
    structure_of(twin).gate.zero_()
    assert structure_of(model).gate != 0
    assert not torch.equal(twin(tokens()).logits, model(tokens()).logits)


def test_what_learns_is_said_and_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    model = plain("llama")
    base = sum(parameter.numel() for parameter in model.parameters())
    upper = upper_blocks(model, 1)
    assert upper == ("model.layers.2",)
    graft(model, GraftConfig(width=4, modules_to_save=upper, learning_rate_scale=3.0))
    own = sum(parameter.numel() for parameter in structure_of(model).parameters())
    block = sum(parameter.numel() for parameter in model.model.layers[2].parameters())
    print_trainable_parameters(model)
    assert capsys.readouterr().out.startswith(f"trainable params: {own + block:,} || all params: {base + own:,} ||")
    groups = parameter_groups(model, 0.5)
    assert [(group["lr"], sum(one.numel() for one in group["params"])) for group in groups] == [
        (1.5, own),
        (0.5, block),
    ]


@pytest.mark.parametrize("family", [family for family in MODELS if family != "qwen3_next"])  # which runs in no float64
@torch.no_grad()
def test_a_closed_gate_changes_no_bit_of_a_model_more_precise_than_it(family: str) -> None:
    model, inputs = plain(family).double(), tokens()
    before = model(inputs, use_cache=False).logits
    torch.set_default_dtype(torch.bfloat16)
    try:
        graft(model, GraftConfig(width=4))
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(one.dtype == torch.float32 and one.is_contiguous() for one in structure_of(model).parameters())
    assert torch.equal(model(inputs, use_cache=False).logits, before)


def test_what_cannot_be_grafted_is_refused() -> None:
    model = plain("llama")
    with pytest.raises(ArgumentError, match="expected two of the 3 blocks"):
        graft(model, GraftConfig(layers_to_transform=(2, 1)))
    with pytest.raises(ArgumentError, match="there is no module 'nothing'"):
        graft(model, GraftConfig(modules_to_save=("nothing",)))
    with pytest.raises(ArgumentError, match="it has no graft"):
        ungraft(model)
    graft(model)
    with pytest.raises(ArgumentError, match="a graft already"):
        graft(model)
    ungraft(model)
    rwkv4 = transformers.RwkvForCausalLM(
        transformers.RwkvConfig(vocab_size=9, hidden_size=8, num_hidden_layers=2, attention_hidden_size=8)
    )
    with pytest.raises(ArgumentError, match="rescales its weights"):
        graft(rwkv4)
    with pytest.raises(ArgumentError, match="rescales its weights"):
        register_family("rwkv", Family())
    opt = transformers.OPTForCausalLM(
        transformers.OPTConfig(vocab_size=40, hidden_size=32, num_hidden_layers=2, ffn_dim=32, num_attention_heads=4)
    )
    with pytest.raises(ArgumentError, match="the family 'opt' is not known"):
        graft(opt)
    graft(opt, GraftConfig(width=4, gate=10.0, layers_pattern="model.decoder.layers"))
    opt.eval()
    with torch.no_grad():
        whole = opt(tokens(), use_cache=False).logits
        assert (stepped(opt, tokens(), 4) - whole).abs().max() <= NEAR
    with pytest.raises(ArgumentError, match="structure: got 'heap'"):
        GraftConfig(structure="heap")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="phase_start: got 'taught'"):
        GraftConfig(phase_start="taught")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="read_start: got 'copied'"):
        GraftConfig(read_start="copied")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="width: got 0"):
        GraftConfig(width=0)
    with pytest.raises(ArgumentError, match="noise: got -1"):
        GraftConfig(noise=-1.0)
    with pytest.raises(ArgumentError, match="missing or unknown"):
        GraftConfig.from_facts({"width": 3})
    with pytest.raises(ArgumentError, match=r"facts: got \[\], expected a record"):
        GraftConfig.from_facts([])
    with pytest.raises(ArgumentError, match="heads, width, depth: got 1, 1099511627777 and 1, expected a product"):
        GraftConfig(width=2**40 + 1, depth=1)
    with pytest.raises(ArgumentError, match=r"gate: got -0.5, expected a finite number of at least 0"):
        GraftConfig(gate=-0.5)
