"""Tiny models of random weights, one of each family, with a graft whose gate is open."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurallambda.llm import GraftConfig, disabled, graft, structure_of

transformers = pytest.importorskip("transformers")

VOCABULARY = 40
NEAR = 1e-4
"""How far logits that are the same may be apart, computed in another order."""
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
_TOKENS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_GROUPED = {**_SIZES, "num_key_value_heads": 2}


def _llama() -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**_GROUPED, **_TOKENS))


def _qwen2() -> Any:
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**_GROUPED, **_TOKENS))


def _qwen3() -> Any:
    return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**_GROUPED, head_dim=8, **_TOKENS))


def _smollm3() -> Any:
    return transformers.SmolLM3ForCausalLM(transformers.SmolLM3Config(**_GROUPED, **_TOKENS))


def _gpt2() -> Any:
    sizes = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **_TOKENS))


def _gpt_neox() -> Any:
    return transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(**_SIZES, **_TOKENS))


def _mamba() -> Any:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 8}
    return transformers.MambaForCausalLM(transformers.MambaConfig(**sizes, **_TOKENS))


def _mamba2() -> Any:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 8, "chunk_size": 8}
    heads = {"num_heads": 8, "head_dim": 8, "n_groups": 1}
    return transformers.Mamba2ForCausalLM(transformers.Mamba2Config(**sizes, **heads, **_TOKENS))


def _qwen3_next() -> Any:
    linear = {
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    }
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
    experts |= {"shared_expert_intermediate_size": 16}
    config = transformers.Qwen3NextConfig(**_GROUPED, head_dim=8, **linear, **experts, **_TOKENS)
    return transformers.Qwen3NextForCausalLM(config)


def _rwkv7() -> Any:
    rwkv7 = pytest.importorskip("rwkv7_hf")
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "head_dim": 8}
    ranks = {"decay_low_rank_dim": 8, "gate_low_rank_dim": 8, "a_low_rank_dim": 8, "v_low_rank_dim": 8}
    return rwkv7.RWKV7ForCausalLM(rwkv7.RWKV7Config(**sizes, **ranks, intermediate_size=48, **_TOKENS))


def _falcon_mamba() -> Any:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "state_size": 8}
    return transformers.FalconMambaForCausalLM(transformers.FalconMambaConfig(**sizes, **_TOKENS))


_WINDOW = {"sliding_window": 4}
_WINDOWS = {**_WINDOW, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_LINEAR = {"layer_types": ["linear_attention", "full_attention", "linear_attention"]}
_EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
_MAMBA_HEADS = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 8}
_LATENT = {"kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8}
_DELTA_HEADS = {
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
_ALIKE: dict[str, dict[str, Any]] = {
    "mistral": _WINDOW,
    "qwen2_moe": {**_EXPERTS, "shared_expert_intermediate_size": 16},
    "qwen3_moe": {**_EXPERTS, "head_dim": 8},
    "olmo": {},
    "olmo2": {},
    "olmo3": _WINDOWS,
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8, **_WINDOWS},
    "phi": {},
    "phi3": _WINDOW,
    "granite": {},
    "stablelm": {},
    "starcoder2": _WINDOW,
    "olmo_hybrid": {**_LINEAR, **_DELTA_HEADS},
    "kimi_linear": {
        **_LINEAR,
        **_LATENT,
        **_EXPERTS,
        "num_key_value_heads": 4,
        "linear_num_heads": 4,
        "linear_head_dim": 8,
        "mlp_layer_types": ["dense", "sparse", "sparse"],
    },
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"], "block_multiple_of": 8},
    "bamba": {**_MAMBA_HEADS, "attn_layer_indices": [1]},
    "granitemoehybrid": {
        **_MAMBA_HEADS,
        "layer_types": ["mamba", "attention", "mamba"],
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
        "shared_intermediate_size": 16,
    },
}
"""What is said of a model beside the sizes that all have."""


def _alike(family: str) -> Any:
    known = transformers.models.auto.configuration_auto.CONFIG_MAPPING
    if family not in known:
        pytest.skip(f"this version of transformers has no {family}")
    return transformers.AutoModelForCausalLM.from_config(known[family](**{**_GROUPED, **_TOKENS, **_ALIKE[family]}))


MODELS: dict[str, Callable[[], Any]] = {
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "smollm3": _smollm3,
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "mamba": _mamba,
    "mamba2": _mamba2,
    "qwen3_next": _qwen3_next,
    "rwkv7": _rwkv7,
}
"""Those on which every test of grafts runs."""
OTHERS: dict[str, Callable[[], Any]] = {
    **{family: partial(_alike, family) for family in _ALIKE},
    "falcon_mamba": _falcon_mamba,
}
"""Those of which it is only tested what may differ from family to family."""
FAMILIES = pytest.mark.parametrize("family", MODELS)
OPEN = GraftConfig(heads=2, width=4, depth=16, gate=20.0, noise=0.0, initial_values=2)
BANK = GraftConfig(
    structure="bank",
    heads=2,
    width=4,
    depth=16,
    gate=20.0,
    noise=0.0,
    programs=(("differ", "(if (= ?x ?y) 0 1)"), ("least", "(if (< ?x ?y) ?x ?y)"), ("less", "(- ?x ?y)")),
    values=(0, 1, 2),
    value_tokens=(5, 6, 7),
)
CALLS = replace(
    BANK, structure="calls", programs=(("again", "again"), ("turned", "backwards")), values=("one", "two", "in")
)
KINDS = pytest.mark.parametrize("config", [OPEN, BANK, CALLS], ids=["stack", "bank", "calls"])


def plain(family: str, seed: int = 0) -> Any:
    """A model of random weights, large enough that its tokens differ."""
    torch.manual_seed(seed)
    model = {**MODELS, **OTHERS}[family]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4.0)
    return model


def grafted(family: str, config: GraftConfig = OPEN, seed: int = 0) -> Any:
    """The same with a graft whose gate is open and whose actions and latch differ from token to token."""
    model = graft(plain(family, seed), config)
    enliven(model)
    return model


@torch.no_grad()
def enliven(model: Any) -> None:
    """Let the structure of a model put, take, set and reset, now this and now that, so that its state shows."""
    structure = structure_of(model)
    with disabled(model):
        without = model(tokens(), use_cache=False).logits
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        for name in ("action", "switch"):
            if hasattr(structure, name):
                module = getattr(structure, name)
                module.weight.normal_(std=0.7, generator=generator)
                module.bias.zero_()
        changes = (model(tokens(), use_cache=False).logits - without).abs().amax((0, 2)) > 0.1
        if changes[:-1].any() and changes[-3:].all() and not changes.all():
            return
    raise AssertionError("no structure that shows was found")


def tokens(rows: int = 2, time: int = 9, seed: int = 1) -> Tensor:
    return torch.randint(3, VOCABULARY, (rows, time), generator=torch.Generator().manual_seed(seed))


def stepped(model: nn.Module, inputs: Tensor, prompt: int, *, forget: bool = False) -> Tensor:
    """The logits of all tokens, those of a prompt at once and the others one by one; or with the structure's state lost."""
    out: Any = model(inputs[:, :prompt], use_cache=True)
    logits, cache = [out.logits], out.cache
    for time in range(prompt, inputs.shape[1]):
        if forget:
            cache.layers[-1].reset()
        out = model(inputs[:, time : time + 1], **{name_of_cache(model): cache}, use_cache=True, **_place(model, time))
        logits.append(out.logits)
    return torch.cat(logits, 1)


def _place(model: Any, time: int) -> dict[str, Tensor]:
    """Where a token stands, said to Bamba, which counts from zero in every call that does not say it; `generate` does."""
    return {"position_ids": torch.tensor([[time]])} if model.config.model_type == "bamba" else {}


def name_of_cache(model: Any) -> str:
    return "past_key_values" if model.config.model_type == "rwkv7" else "cache"


def checkpoint(model: Any) -> None:
    """Let a model keep less in training; the library has given this another name."""
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable()
