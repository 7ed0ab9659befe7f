"""Put a structure into a language model, take it out, and see what learns."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.families import parts_of
from neurallambda.llm.looking import fitting_gate_scale, seen_and_written, seen_at_values
from neurallambda.llm.splice import NAME, Splice
from neurallambda.llm.structure import GraftedStructure

INITIAL_STATE = "initial_state"
"""The name among the modules of a model of the state that it begins with, where that is learned."""
SPLICE = "_neurallambda_splice"
"""The attribute of a grafted model that holds its hooks."""


@checked
def graft(model: nn.Module, config: GraftConfig | None = None) -> nn.Module:
    """Put a structure into a language model; everything that it has is frozen but what the configuration names.

    Until it is trained the structure changes nothing, bit for bit, where its gate starts at zero.

    Args:
        model: a model of transformers with a language modelling head; changed in place.
        config: which structure and where; None: a stack, seen after the first block, added after the last.

    Returns:
        The model.

    Raises:
        ArgumentError: if the model has a graft already, is of a family that is refused or unknown, has no such blocks or
            modules, has cross-attention, or begins with a learned state.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> tiny = LlamaConfig(
        ...     vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=1
        ... )
        >>> model = graft(LlamaForCausalLM(tiny), GraftConfig(structure="stack", width=4, depth=16))
        >>> print_trainable_parameters(model)
        trainable params: 126 || all params: 1,206 || trainable%: 10.4478
        >>> model = ungraft(model)
    """
    config = config or GraftConfig()
    if is_grafted(model):
        raise ArgumentError("model: it has a graft already; `ungraft` it first")
    if getattr(model, "peft_config", None):
        raise ArgumentError(
            f"model: an adapter of PEFT is on it already; graft first, then add it with modules_to_save=[{NAME!r}]"
        )
    if hasattr(model, INITIAL_STATE):
        raise ArgumentError(
            "model: it begins with a learned state, which fills a cache that has no place for a structure"
        )
    parts = parts_of(model, config.layers_pattern)
    model_config: Any = model.config
    if getattr(model_config, "is_encoder_decoder", False) or getattr(model_config, "add_cross_attention", False):
        raise ArgumentError("model: it has cross-attention, whose cache has no place for a structure")
    read, write = _blocks(config, len(parts.blocks))
    chosen = _chosen(model, config)
    config = fitted(model, config)
    structure = GraftedStructure(config, parts.dim)
    structure = structure.to(device=next(parts.blocks[read].parameters()).device, dtype=torch.float32)
    if config.has_programs and config.value_tokens:
        structure.name_values(
            _output_embeddings(model, "value_tokens"), seen_at_values(model, config, parts.blocks[read])
        )
    elif config.read_start == "fitted" and not config.has_programs:
        pairs = seen_and_written(model, parts.blocks[read], _output_embeddings(model, "read_start"))
        if pairs is not None:
            structure.fit_reads(*pairs)
    structure.requires_grad_(not config.is_frozen).train(model.training)
    splice = Splice(model, parts, read, write, config=config, number_of_states=len(structure.init(1).tensors()))
    splice.trained_before = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    model.requires_grad_(False)
    for module in chosen:
        module.requires_grad_(True)
    model.add_module(NAME, structure)
    setattr(model, SPLICE, splice)
    vars(model)["_is_stateful"] = True  # what makes the library refuse assisted decoding before it starts
    return model


def fitted(model: nn.Module, config: GraftConfig) -> GraftConfig:
    """The configuration with what fits a model in the place of what it leaves open: how fast the gate learns.

    Args:
        model: a language model, without a graft; not changed.
        config: of the graft that is to be put into it.
    """
    if config.gate_scale is not None:
        return config
    blocks = parts_of(model, config.layers_pattern).blocks
    _, write = _blocks(config, len(blocks))
    return replace(config, gate_scale=fitting_gate_scale(model, blocks[write]))


@checked
def ungraft(model: nn.Module) -> nn.Module:
    """Take the structure out: the model is what it was, bit for bit, but for the base parameters that learned.

    Args:
        model: a grafted model, or that in an adapter of PEFT that was unloaded.

    Returns:
        The model.

    Raises:
        ArgumentError: if it has no graft, or an adapter of PEFT or another wrapper is around it.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> is_grafted(graft(model)), is_grafted(ungraft(model))
        (True, False)
    """
    splice = splice_of(model)
    if splice.model is not model or not isinstance(splice.structure, GraftedStructure):
        raise ArgumentError(
            f"model: got a {type(model).__name__} around the grafted {type(splice.model).__name__}; unload or merge an adapter of "
            "PEFT first, and of another wrapper give the model inside"
        )
    for handle in splice.handles:
        handle.remove()
    delattr(model, NAME)
    delattr(model, SPLICE)
    vars(model).pop("_is_stateful", None)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(splice.trained_before.get(name, True))
    return model


@checked
@contextmanager
def disabled(model: nn.Module) -> Iterator[nn.Module]:
    """The model without its structure, for as long as the block lasts, in all threads that use it.

    A cache that the structure has a part in must not be used meanwhile: what comes then would be missing in the structure, so
    the cache is refused afterwards.

    Args:
        model: a grafted model.

    Raises:
        ArgumentError: if it has no graft.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> tokens = torch.tensor([[3, 4, 5]])
        >>> before = model(tokens).logits
        >>> with disabled(graft(model, GraftConfig(gate=1.0))):
        ...     torch.equal(model(tokens).logits, before)
        True
    """
    splice = splice_of(model)
    before, splice.is_enabled = splice.is_enabled, False
    try:
        yield model
    finally:
        splice.is_enabled = before


@checked
def is_grafted(model: nn.Module) -> bool:
    """Whether a model, or the one in an adapter of PEFT or a wrapper for several processes, has a graft.

    Args:
        model: any module.

    Example:
        >>> is_grafted(nn.Linear(2, 2))
        False
    """
    return _found(model) is not None


def splice_of(model: nn.Module) -> Splice:
    """The hooks of a grafted model.

    Raises:
        ArgumentError: if it has no graft.
    """
    splice = _found(model)
    if splice is None:
        raise ArgumentError("model: it has no graft; `graft` puts one in")
    return splice


@checked
def structure_of(model: nn.Module) -> GraftedStructure:
    """The structure of a grafted model: that which is used, where PEFT keeps a copy for an adapter.

    Args:
        model: a grafted model.

    Raises:
        ArgumentError: if it has no graft.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> structure_of(graft(model, GraftConfig(structure="queue", heads=2))).config.heads
        2
    """
    found = in_use(splice_of(model).structure)
    assert isinstance(found, GraftedStructure)
    return found


def in_use(module: nn.Module) -> nn.Module:
    """The module that computes, where PEFT has put a wrapper around it.

    Of a layer that is adapted that is the layer itself; of a module that learns whole, the copy of the adapter that is active.
    """
    wrapper: Any = module
    if hasattr(wrapper, "base_layer"):
        return in_use(wrapper.base_layer)
    if not hasattr(wrapper, "original_module"):
        return module
    copies = wrapper.modules_to_save
    used = [copies[name] for name in wrapper.active_adapters if name in copies]
    return used[0] if used else wrapper.original_module


@checked
def print_trainable_parameters(model: nn.Module) -> None:
    """Print how many parameters learn, and how many there are, as PEFT does.

    Args:
        model: any module.

    Example:
        >>> print_trainable_parameters(nn.Linear(3, 2).requires_grad_(False))
        trainable params: 0 || all params: 8 || trainable%: 0.0000
    """
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    learning, every = sum(count for count, learns in counts if learns), sum(count for count, _ in counts)
    share = 100 * learning / every if every else 0.0
    sys.stdout.write(f"trainable params: {learning:,} || all params: {every:,} || trainable%: {share:.4f}\n")


@checked
def parameter_groups(model: nn.Module, learning_rate: float) -> list[dict[str, Any]]:
    """What learns, for an optimizer: the structure at its own rate, and the rest.

    Args:
        model: a grafted model.
        learning_rate: that of the base model's parameters.

    Raises:
        ArgumentError: if the model has no graft, nothing in it learns, or the rate is no number of at least 0.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> config = GraftConfig(modules_to_save=("lm_head",), learning_rate_scale=10.0)
        >>> [group["lr"] for group in parameter_groups(graft(model, config), 1e-4)]
        [0.001, 0.0001]
    """
    if not (isfinite(learning_rate) and learning_rate >= 0):
        raise ArgumentError(f"learning_rate: got {learning_rate!r}, expected a finite number of at least 0")
    structure = structure_of(model)
    inside = {id(parameter) for parameter in structure.parameters()}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    own = [parameter for parameter in learning if id(parameter) in inside]
    others = [parameter for parameter in learning if id(parameter) not in inside]
    groups = [(own, learning_rate * structure.config.learning_rate_scale), (others, learning_rate)]
    if not learning:
        raise ArgumentError("model: no parameter of it learns")
    return [{"params": parameters, "lr": rate} for parameters, rate in groups if parameters]


@checked
def upper_blocks(model: nn.Module, count: int) -> tuple[str, ...]:
    """The paths of the last blocks of a model, for `modules_to_save`: what learns where only upper layers do.

    Args:
        model: a model with a language modelling head.
        count: how many.

    Raises:
        ArgumentError: if it has fewer.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> upper_blocks(model, 1)
        ('model.layers.1',)
    """
    blocks = parts_of(model).blocks
    if not 1 <= count <= len(blocks):
        raise ArgumentError(f"count: got {count}, expected from 1 to {len(blocks)}, the number of blocks")
    chosen = {id(block) for block in list(blocks)[-count:]}
    return tuple(name for name, module in model.named_modules() if id(module) in chosen)


def _output_embeddings(model: Any, needed_by: str) -> Tensor:
    """The direction in which a model writes each token."""
    head = model.get_output_embeddings()
    if head is None:
        raise ArgumentError(f"{needed_by}: the model has no head that writes tokens; leave it as it is by default")
    return head.weight.detach()


def _found(model: nn.Module) -> Splice | None:
    return next((vars(module)[SPLICE] for module in model.modules() if SPLICE in vars(module)), None)


def _blocks(config: GraftConfig, count: int) -> tuple[int, int]:
    """The numbers of the blocks to read after and to add after."""
    read, write = (number + count if number < 0 else number for number in config.layers_to_transform)
    if not 0 <= read <= write < count:
        raise ArgumentError(
            f"layers_to_transform: got {config.layers_to_transform}, expected two of the {count} blocks, the first not "
            "after the second"
        )
    return read, write


def _chosen(model: nn.Module, config: GraftConfig) -> list[nn.Module]:
    """The modules of the base model that learn."""
    chosen = []
    for path in config.modules_to_save:
        try:
            chosen.append(model if path == "*" else model.get_submodule(path))
        except AttributeError:
            raise ArgumentError(f"modules_to_save: there is no module {path!r} in a {type(model).__name__}") from None
    return chosen
