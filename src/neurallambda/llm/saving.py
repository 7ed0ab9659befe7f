"""A graft as a folder: the weights that it added, its configuration, and a card that says what it is."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from neurallambda import __version__
from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.grafting import graft, in_use, is_grafted, splice_of, structure_of, ungraft

WEIGHTS, CONFIG, CARD = "graft.safetensors", "graft.json", "README.md"
TITLES = {
    "none": "A latch",
    "calls": "Calls of programs",
    "bank": "A bank of programs",
    "stack": "A stack",
    "queue": "A queue",
}
"""What each kind of structure is called in a model card."""
FORM, EARLIER = "neurallambda graft 2", "neurallambda graft 1"
"""What says that a folder holds a graft. In the earlier form a gate could be negative: reads were taken away."""
GATE = "structure.gate"
SIZES = {"width": ("hidden_size", "n_embd"), "blocks": ("num_hidden_layers", "n_layer"), "vocabulary": ("vocab_size",)}
"""In which sizes a graft and a model must agree, and what configurations call them."""


@checked
def save_grafted(model: nn.Module, folder: Path | str) -> Path:
    """Save what was added to a model: the structure, and the modules of the base model that learned with it.

    Args:
        model: a grafted model.
        folder: made where it is not there; its files are `graft.safetensors`, `graft.json` and a model card, `README.md`. Of several
            processes the first one writes; where parameters are in parts (FSDP2), all must call this.

    Returns:
        The folder.

    Raises:
        ArgumentError: if the model has no graft.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> with TemporaryDirectory() as place:
        ...     sorted(path.name for path in save_grafted(graft(model), place).iterdir())
        ['README.md', 'graft.json', 'graft.safetensors']
    """
    folder = Path(folder)
    kept = {name: _whole(tensor).to("cpu", copy=True).contiguous() for name, tensor in _tensors(model).items()}
    if distributed.is_available() and distributed.is_initialized() and distributed.get_rank():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    facts = _facts(model)
    # All files are whole before the first one takes its place, and weights say of which configuration they are: who is interrupted
    # in between leaves the old graft, or one that is refused.
    written = {name: folder / f"{name}.part" for name in (WEIGHTS, CONFIG, CARD)}
    written[WEIGHTS].write_bytes(save(kept, metadata={"form": FORM, CONFIG: _one_line(facts["config"])}))
    written[CONFIG].write_text(json.dumps(facts, indent=2) + "\n")
    written[CARD].write_text(_card(facts, sum(tensor.numel() for tensor in kept.values())))
    for name, path in written.items():
        path.replace(folder / name)
    return folder


@checked
def load_grafted(model: nn.Module, folder: Path | str) -> nn.Module:
    """Put a saved graft into a model.

    Args:
        model: the base model, or one with a graft of the same configuration; changed in place.
        folder: what `save_grafted` made.

    Returns:
        The model.

    Raises:
        ArgumentError: if there is no graft in the folder, it is that of another kind of model, or its tensors are not
            exactly those that the configuration asks for. The model is then as it was.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1}
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes))
        >>> with TemporaryDirectory() as place:
        ...     folder = save_grafted(graft(model, GraftConfig(structure="queue")), place)
        ...     structure_of(load_grafted(ungraft(model), folder)).config.structure
        'queue'
    """
    folder = Path(folder)
    facts = read_facts(folder)
    config = config_of(folder, facts)
    here = _base(splice_of(model).model if is_grafted(model) else model)
    unlike = [name for name in ("model_type", *SIZES) if facts["base"].get(name, here[name]) != here[name]]
    if unlike:
        raise ArgumentError(
            f"{folder}: it was grafted into {facts['base']}, and the model is {here}; {', '.join(unlike)} differ"
        )
    was_grafted = is_grafted(model)
    if was_grafted and structure_of(model).config != config:
        raise ArgumentError(f"{folder}: the model has a graft of another configuration; `ungraft` it first")
    if not was_grafted:
        graft(model, config)
    try:
        saved = _load(folder / WEIGHTS, facts["config"])
        wanted = _tensors(model)
        _check_same(folder, saved, wanted)
        if facts["form"] == EARLIER and bool((saved[GATE] < 0).any()):
            raise ArgumentError(
                f"{folder}: its gate is negative, which an earlier version took for reads to be taken away, and is no more; "
                "train it again"
            )
        with torch.no_grad():
            for name, tensor in wanted.items():
                tensor.copy_(_in_parts_of(tensor, saved[name]))
    except Exception:
        if not was_grafted:
            ungraft(model)
        raise
    return model


def config_of(folder: Path, facts: dict[str, Any]) -> GraftConfig:
    """The configuration of a saved graft.

    Args:
        folder: of the graft.
        facts: what `read_facts` gave of it.

    Raises:
        ArgumentError: naming the file, if it holds none that can be used.
    """
    try:
        return GraftConfig.from_facts(facts["config"])
    except ArgumentError as error:
        raise ArgumentError(f"{folder / CONFIG}: config: {str(error).removeprefix('facts: ')}") from None


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Everything that a graft saves, by name."""
    structure, base = structure_of(model), splice_of(model).model
    held = {f"structure.{name}": tensor for name, tensor in structure.state_dict(keep_vars=True).items()}
    seen: set[int] = set()
    for path in structure.config.modules_to_save:
        module = base if path == "*" else base.get_submodule(path)
        for name, tensor in _without_adapters(module).items():
            full = name if path == "*" else f"{path}.{name}"
            if not full.startswith("grafted_structure.") and id(tensor) not in seen:  # tied weights once
                seen.add(id(tensor))
                held[f"base.{full}"] = tensor
    return held


def _without_adapters(module: nn.Module, path: str = "") -> dict[str, Tensor]:
    """The tensors of a module by the names that they have without PEFT, which wraps what it adapts."""
    module = in_use(module)
    held = {path + name: tensor for name, tensor in module.state_dict(keep_vars=True).items() if "." not in name}
    for name, child in module.named_children():
        held |= _without_adapters(child, f"{path}{name}.")
    return held


def _whole(tensor: Tensor) -> Tensor:
    """A tensor, gathered where each process has a part of it."""
    tensor = tensor.detach()
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _in_parts_of(wanted: Tensor, whole: Tensor) -> Tensor:
    """A tensor in the parts that another one has."""
    if not isinstance(wanted, DTensor):
        return whole
    return distribute_tensor(whole.to(wanted.device), wanted.device_mesh, wanted.placements)


def _facts(model: nn.Module) -> dict[str, Any]:
    return {
        "form": FORM,
        "version": __version__,
        "config": structure_of(model).config.facts(),
        "base": _base(splice_of(model).model),
    }


def _base(model: nn.Module) -> dict[str, Any]:
    """What a model says of itself."""
    config: Any = model.config
    name = str(getattr(config, "_name_or_path", "") or "")
    if Path(name).exists() or name.count("/") != 1:
        name = Path(name).name  # a path on somebody's disk says nothing to others; what a hub calls it does
    said = {"model_type": config.model_type, "class": type(model).__name__, "name": name}
    return said | {
        size: next((getattr(config, called) for called in calls if hasattr(config, called)), None)
        for size, calls in SIZES.items()
    }


def read_facts(folder: Path) -> dict[str, Any]:
    """What a graft says of itself: its configuration, and its base model.

    Args:
        folder: what `save_grafted` made.

    Raises:
        ArgumentError: if there is no graft in it.
    """
    path = folder / CONFIG
    try:
        facts = json.loads(path.read_text())
    except OSError as error:
        raise ArgumentError(f"{path.parent}: there is no graft in it ({path.name}: {error.strerror})") from None
    except ValueError as error:
        raise ArgumentError(f"{path}: this is no JSON ({error})") from None
    if not isinstance(facts, dict) or facts.get("form") not in (FORM, EARLIER) or not {"config", "base"} <= set(facts):
        raise ArgumentError(f"{path}: this is no configuration that `save_grafted` wrote")
    return facts


def _one_line(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)


def _load(path: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ArgumentError(f"{path}: {error}") from None
    except Exception as error:  # the library has no class of its own for what is no such file
        raise ArgumentError(f"{path}: these are no weights ({error})") from None
    if metadata.get(CONFIG, _one_line(config)) != _one_line(config):
        raise ArgumentError(
            f"{path}: it was saved with another configuration than {CONFIG} beside it; save the graft again"
        )
    return tensors


def _check_same(folder: Path, saved: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    missing, extra = sorted(set(wanted) - set(saved)), sorted(set(saved) - set(wanted))
    if missing or extra:
        raise ArgumentError(
            f"{folder}: its tensors are not those of its configuration: missing {missing}, unexpected {extra}"
        )
    for name, tensor in wanted.items():
        came = saved[name]
        if came.shape != tensor.shape:
            raise ArgumentError(f"{folder}: {name} has the shape {tuple(came.shape)}, expected {tuple(tensor.shape)}")
        if came.is_floating_point() != tensor.is_floating_point():
            raise ArgumentError(f"{folder}: {name} is of {came.dtype}, expected {tensor.dtype}")


def _card(facts: dict[str, Any], parameters: int) -> str:
    config, base = facts["config"], facts["base"]
    named = f"\nbase_model: {base['name']}" if base["name"] else ""
    rows = "\n".join(f"| {name} | {value} |" for name, value in config.items())
    calls = ", ".join(sorted({call for _, call in config["programs"]} if config["structure"] == "calls" else ()))
    needed = (
        f"\nThe programs that it calls are not in it either: `neurallambda.llm.calls.CALLS` must have {calls}.\n"
        if calls
        else ""
    )
    return f"""---
library_name: neurallambda
tags: [neurallambda, graft, {config["structure"]}]{named}
---

# {TITLES[config["structure"]]} in {base["name"] or base["class"]}

{parameters:,} parameters that neurallambda {facts["version"]} added to a `{base["class"]}` ({base["model_type"]}, hidden
states of {base["width"]} numbers). The base model is not in this folder.
{needed}
```python
from neurallambda.llm import load_grafted

model = load_grafted(base_model, "this-folder")
```

| setting | value |
| --- | --- |
{rows}
"""
