"""What a language model's hidden states are like, before a structure is put into it."""

from math import log10
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurallambda.llm.config import GraftConfig
from neurallambda.llm.splice import hidden_of
from neurallambda.llm.start import USUAL_GATE_SCALE, check_tokens

TEXTS, TOKENS = 16, 8
"""How many texts a model is shown to see how large its hidden states are, and how many tokens each has."""


@torch.no_grad()
def states_after(model: Any, block: nn.Module, texts: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time dim"]:
    """The hidden states after a block; the model and the modes of its modules stay as they are.

    Args:
        model: a language model.
        block: one of its blocks.
        texts: what it is shown.
    """
    modes, seen = [(module, module.training) for module in model.modules()], list[Tensor]()
    hook = block.register_forward_hook(lambda _, given, after: seen.append(hidden_of(after)))
    try:
        model.eval()(texts, use_cache=False)
    finally:
        hook.remove()
        for module, is_training in modes:
            module.training = is_training
    return seen[0]


def fitting_gate_scale(model: Any, block: nn.Module) -> float:
    """How fast a gate must learn where hidden states are as large as after a block: the power of ten next to their norm.

    What is added must become as large as they are to change what the model writes: their norm is 13 in stories15m, 40 in the RWKV-7 that is
    trained here, and 800 in SmolLM2-135M. It is the median over tokens from all of the vocabulary, since the first token of a text, and single
    others, often have norms of their own. A model without weights has the usual scale.

    Args:
        model: a language model.
        block: the one after which reads are added.
    """
    embeddings = model.get_input_embeddings().weight
    if embeddings.device.type == "meta":
        return USUAL_GATE_SCALE
    places = torch.linspace(0, len(embeddings) - 1, TEXTS * TOKENS, dtype=torch.float64, device=embeddings.device)
    texts = places.long().reshape(TOKENS, TEXTS).t()  # one after the other in a text, tokens are far apart
    norm = float(states_after(model, block, texts).float().norm(dim=-1).nanmedian())
    return 10.0 ** round(log10(norm)) if 0.0 < norm < float("inf") else USUAL_GATE_SCALE


def seen_at_values(model: Any, config: GraftConfig, block: nn.Module) -> Tensor | None:
    """The hidden state after a block at the token of each value of calls, alone or after the token that begins a text.

    Args:
        model: a language model.
        config: of the graft; where it has no calls, or they do not begin as what is seen, there is none.
        block: the one after which the structure sees.
    """
    device = next(block.parameters()).device
    if config.structure != "calls" or config.read_start != "transposed" or device.type == "meta":
        return None
    check_tokens(config, model.get_input_embeddings().weight.shape[0])
    tokens = torch.tensor(config.value_tokens, device=device)[:, None]
    first = [token for value, token in zip(config.values, config.value_tokens, strict=True) if value == ""][:1]
    texts = torch.cat([tokens.new_tensor(first).expand(len(tokens), -1), tokens], 1)
    states = states_after(model, block, texts)
    return torch.stack([states[place, 0 if value == "" else -1] for place, value in enumerate(config.values)])
