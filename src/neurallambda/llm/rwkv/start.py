"""How an RWKV-7 begins: the package rwkv7-hf leaves that to checkpoints."""

from typing import Any

import torch
from torch import nn


@torch.no_grad()
def start_rwkv7(model: Any) -> Any:
    """Give a model the weights that the training of RWKV-7 begins with (Peng et al., "RWKV-7 Goose", 2025, appendix).

    What blocks add begins at zero. Decays are spread over the channels from slow to fast, and within each head; the mixes with the
    token before are greater in lower blocks. Embeddings are larger than the authors', who begin at 1e-4: tokens that no text has keep
    theirs, and below the epsilon of the norm they could hardly be told apart.

    Args:
        model: an `RWKV7ForCausalLM`; changed in place.

    Returns:
        The same.
    """
    config = model.config
    for block in model.model.layers:
        _start_mixing(block.attn, config)
        depth = 1 - block.attn.layer_idx / config.num_hidden_layers
        channels = torch.arange(config.hidden_size) / config.hidden_size
        block.ffn.x_k.copy_(1 - channels ** (depth**4))
        _uniform(block.ffn.key, 0.5)
        nn.init.zeros_(block.ffn.value.weight)
    nn.init.normal_(model.model.embeddings.weight, std=0.02)
    nn.init.orthogonal_(model.lm_head.weight, gain=0.5 * (config.vocab_size / config.hidden_size) ** 0.5)
    return model


def _start_mixing(mixing: Any, config: Any) -> None:
    layers, size = config.num_hidden_layers, config.attention_hidden_size
    above, depth = mixing.layer_idx / max(layers - 1, 1), 1 - mixing.layer_idx / layers
    channels = torch.arange(config.hidden_size) / config.hidden_size
    for name, power in (("r", 0.2), ("w", 0.9), ("k", 0.7), ("v", 0.7), ("a", 0.9), ("g", 0.2)):
        getattr(mixing, f"x_{name}").copy_((1 - channels ** (power * depth)).view(1, 1, -1))
    spread = torch.linspace(0, 1, size)
    inside = torch.linspace(-1, 1, config.head_dim).repeat(size // config.head_dim)
    bent = inside * inside.abs()
    for lora in (mixing.w_lora, mixing.a_lora, mixing.g_lora, getattr(mixing, "v_lora", None)):
        if lora is not None:
            nn.init.zeros_(lora.lora[0].weight)
            nn.init.orthogonal_(lora.lora[2].weight, gain=0.1)
    mixing.w_lora.lora[2].bias.copy_(6 * spread ** (1 + above**0.3) - 5.5 + 2.5 * bent)
    mixing.a_lora.lora[2].bias.copy_(0.3 * bent + 0.4 * (spread - 0.5) - 0.19)
    if hasattr(mixing, "v_lora"):
        mixing.v_lora.lora[2].bias.copy_(0.73 - 0.4 * (spread - 0.5))
    mixing.k_k.copy_(0.71 - 0.1 * (spread - 0.5))
    mixing.k_a.fill_(1.02)
    mixing.r_k.fill_(-0.04)
    for projection, scale in ((mixing.r_proj, 0.5), (mixing.k_proj, 0.05), (mixing.v_proj, 0.5)):
        _uniform(projection, scale)
    nn.init.zeros_(mixing.o_proj.weight)
    mixing.g_norm.weight.fill_(((1 + mixing.layer_idx) / layers) ** 0.7)


def _uniform(linear: nn.Linear, scale: float) -> None:
    bound = scale * linear.in_features**-0.5
    nn.init.uniform_(linear.weight, -bound, bound)
