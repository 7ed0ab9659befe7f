"""How large what stands beside a structure must be: it has at least as many parameters, and no more than that takes."""

from math import ceil
from typing import Any

import torch
from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.families import parts_of
from neurallambda.llm.structure import GraftedStructure

LORA_TARGETS = ("q_proj", "r_proj", "k_proj", "v_proj", "o_proj")
"""The linear layers that adapters go to, as far as a model has them: in RWKV-7 the receptance stands for the queries."""


def structure_size(config: GraftConfig, model: Any) -> int:
    """How many parameters a structure has in a model.

    Args:
        config: of the structure.
        model: that it would be put into; not changed.
    """
    with torch.device("meta"):  # nothing is drawn from torch's generator
        structure = GraftedStructure(config, parts_of(model).dim)
    return sum(parameter.numel() for parameter in structure.parameters())


def lora_rank(model: Any, parameters: int) -> int:
    """The least rank at which LoRA on `LORA_TARGETS` has so many parameters.

    Args:
        model: that it would be put on.
        parameters: how many at least.

    Raises:
        ArgumentError: if the model has no such layer.
    """
    adapted = [
        module.in_features + module.out_features
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in LORA_TARGETS
    ]
    if not adapted:
        raise ArgumentError(
            f"lora: a {type(model).__name__} has no linear layer among {', '.join(LORA_TARGETS)}, which adapters go to here"
        )
    return ceil(parameters / sum(adapted))


def prefix_tokens(model: Any, parameters: int) -> int:
    """The least number of keys and values in front of every text, in each block, that have so many parameters.

    Args:
        model: that they would be put before.
        parameters: how many at least.

    Raises:
        ArgumentError: if its configuration has no attention heads, as where a model has a state and no attention.
    """
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or getattr(config, "num_attention_heads", None)
    if heads is None:
        raise ArgumentError(
            f"initial: a {type(model).__name__} has no attention heads, so no keys and values can stand in front of a text"
        )
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return ceil(parameters / (2 * config.num_hidden_layers * heads * size))
