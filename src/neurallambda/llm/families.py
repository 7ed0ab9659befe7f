"""Where the parts of a language model are, by its family: a table, and the few that are refused."""

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError


@checked
@dataclass(frozen=True)
class Family:
    """Where the parts of a model with a language modelling head are.

    Attributes:
        decoder: the path from the model to the module that runs the blocks: that which is given the cache.
        blocks: the name of the list of blocks in it.
        width: the name of the size of hidden states in the configuration.
        cache: the module of the class of the cache and its name, where it is not the library's own `DynamicCache`.
        repeats_hooks: whether its gradient checkpointing calls blocks a second time with their hooks, which a graft is made
            of; there a graft waits until the checkpointed block is done. The library's own leaves hooks outside.

    Example:
        >>> Family(decoder="transformer", blocks="h").blocks
        'h'
    """

    decoder: str = "model"
    blocks: str = "layers"
    width: str = "hidden_size"
    cache: tuple[str, str] | None = None
    repeats_hooks: bool = False


_MAMBA = Family(decoder="backbone")
_GPT2 = Family(decoder="transformer", blocks="h")

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        (
            *("llama", "mistral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3", "olmo", "olmo2", "olmo3"),
            *("gemma", "gemma2", "phi", "phi3", "granite", "stablelm", "starcoder2"),
            *("qwen3_next", "olmo_hybrid", "kimi_linear", "lfm2", "bamba", "granitemoehybrid"),
        ),
        Family(),
    ),
    "gpt2": _GPT2,
    "gpt_neox": Family(decoder="gpt_neox"),
    **dict.fromkeys(("mamba", "mamba2", "falcon_mamba"), _MAMBA),
    "rwkv7": Family(cache=("rwkv7_hf", "RWKV7Cache"), repeats_hooks=True),
}
"""The families by the `model_type` of their configuration."""
FLASH = Family(cache=("fla.models.utils", "Cache"))
"""All models of the package flash-linear-attention, whose types, as `rwkv7`, are those of other packages too."""

REFUSED = {
    "rwkv": "RWKV-4 of transformers rescales its weights when it changes between training and evaluation, so hidden states "
    "jump; it reads padding on the left as tokens, and its state is not reordered in beam search. Use RWKV-7 (rwkv7-hf)",
}
"""Families that cannot carry a graft, with the reason."""


@checked
def register_family(model_type: str, family: Family) -> None:
    """Make a family of models known to `graft`.

    Args:
        model_type: as the configuration of its models says it.
        family: where its parts are.

    Raises:
        ArgumentError: if the type is known already, or refused.

    Example:
        >>> register_family("gpt2", Family())
        Traceback (most recent call last):
        neurallambda.errors.ArgumentError: model_type: 'gpt2' is known already, as Family(decoder='transformer', ...
    """
    if model_type in REFUSED:
        raise ArgumentError(f"model_type: {model_type} cannot carry a graft: {REFUSED[model_type]}")
    if FAMILIES.get(model_type, family) != family:
        raise ArgumentError(f"model_type: {model_type!r} is known already, as {FAMILIES[model_type]}")
    FAMILIES[model_type] = family


@dataclass(frozen=True)
class Parts:
    """The parts of one model: its decoder, its blocks, the size of its hidden states, and its family."""

    decoder: nn.Module
    blocks: nn.ModuleList
    dim: int
    family: Family


def parts_of(model: nn.Module, layers_pattern: str | None = None) -> Parts:
    """The parts of a model.

    Args:
        model: with a language modelling head.
        layers_pattern: the path of its list of blocks, where the family is not known.

    Raises:
        ArgumentError: if the family is refused or unknown, or a part is not where it should be.
    """
    config: Any = getattr(model, "config", None)
    model_type = str(getattr(config, "model_type", type(model).__name__))
    if model_type in REFUSED:
        raise ArgumentError(f"model: {model_type} cannot carry a graft: {REFUSED[model_type]}")
    if layers_pattern is not None:
        decoder, _, blocks = layers_pattern.rpartition(".")
        family = replace(_family_of(model, model_type) or Family(), decoder=decoder, blocks=blocks)
    elif (known := _family_of(model, model_type)) is not None:
        family = known
    else:
        raise ArgumentError(
            f"model: the family {model_type!r} is not known; name the list of its blocks (layers_pattern='model.layers'), "
            f"or make the family known by register_family. Known are {', '.join(sorted(FAMILIES))}"
        )
    try:
        decoder = model.get_submodule(family.decoder)
        blocks = decoder.get_submodule(family.blocks)
        dim = getattr(config, family.width)
    except AttributeError as error:
        if layers_pattern is not None:
            raise ArgumentError(
                f"layers_pattern: got {layers_pattern!r}, which a {type(model).__name__} has not ({error}); expected the path of its "
                "list of blocks, as in 'model.layers'"
            ) from None
        raise ArgumentError(
            f"model: a {type(model).__name__} of the family {model_type!r} has not the expected parts ({error}); "
            "expected a model with a language modelling head"
        ) from None
    if not isinstance(blocks, nn.ModuleList) or not len(blocks) or not isinstance(dim, int):
        raise ArgumentError(
            f"model: {family.decoder}.{family.blocks} is a {type(blocks).__name__}, expected a list of blocks"
        )
    return Parts(decoder=decoder, blocks=blocks, dim=dim, family=family)


def _family_of(model: nn.Module, model_type: str) -> Family | None:
    """The family of a model; None where it is not known."""
    if any(kind.__module__.partition(".")[0] == "fla" for kind in type(model).__mro__):
        return FLASH
    return FAMILIES.get(model_type)
