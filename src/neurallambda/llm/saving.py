"""A graft as a folder: the weights that it added, its configuration, and a card that says what it is."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from neurallambda import __version__
from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.grafting import graft, is_grafted, splice_of, structure_of, ungraft

WEIGHTS, CONFIG, CARD = "graft.safetensors", "graft.json", "README.md"
FORM, EARLIER = "neurallambda graft 2", "neurallambda graft 1"
"""What says that a folder holds a graft. In the earlier form a gate could be negative: reads were taken away."""
GATE = "structure.gate"


@checked
def save_grafted(model: nn.Module, folder: Path | str) -> Path:
    """Save what was added to a model: the structure, and the modules of the base model that learned with it.

    Args:
        model: a grafted model.
        folder: made where it is not there; its files are `graft.safetensors`, `graft.json` and a model card, `README.md`.

    Returns:
        The folder.

    Raises:
        ArgumentError: if the model has no graft.
    """
    tensors = _tensors(model)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    save_file(kept, folder / WEIGHTS, metadata={"form": FORM})
    facts = _facts(model)
    (folder / CONFIG).write_text(json.dumps(facts, indent=2) + "\n")
    (folder / CARD).write_text(_card(facts, sum(tensor.numel() for tensor in kept.values())))
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
    """
    folder = Path(folder)
    facts = read_facts(folder)
    config = GraftConfig.from_facts(facts["config"])
    here = _base(splice_of(model).model if is_grafted(model) else model)
    if facts["base"]["model_type"] != here["model_type"] or facts["base"]["width"] != here["width"]:
        raise ArgumentError(f"{folder}: it was grafted into {facts['base']}, and the model is {here}")
    was_grafted = is_grafted(model)
    if was_grafted and structure_of(model).config != config:
        raise ArgumentError(f"{folder}: the model has a graft of another configuration; `ungraft` it first")
    if not was_grafted:
        graft(model, config)
    try:
        saved = _load(folder / WEIGHTS)
        wanted = _tensors(model)
        _check_same(folder, saved, wanted)
        if facts["form"] == EARLIER and bool((saved[GATE] < 0).any()):
            raise ArgumentError(
                f"{folder}: its gate is negative, which an earlier version took for reads to be taken away, and is no more; "
                "train it again"
            )
        with torch.no_grad():
            for name, tensor in wanted.items():
                tensor.copy_(saved[name])
    except Exception:
        if not was_grafted:
            ungraft(model)
        raise
    return model


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Everything that a graft saves, by name."""
    structure, base = structure_of(model), splice_of(model).model
    held = {f"structure.{name}": tensor for name, tensor in structure.state_dict(keep_vars=True).items()}
    seen: set[int] = set()
    for path in structure.config.modules_to_save:
        module = base if path == "*" else base.get_submodule(path)
        for name, tensor in module.state_dict(keep_vars=True).items():
            full = name if path == "*" else f"{path}.{name}"
            if not full.startswith("grafted_structure.") and id(tensor) not in seen:  # tied weights once
                seen.add(id(tensor))
                held[f"base.{full}"] = tensor
    return held


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
    width = getattr(config, "hidden_size", None) or getattr(config, "n_embd", None)
    # A path on somebody's disk says nothing to others.
    name = Path(str(getattr(config, "_name_or_path", "") or "")).name
    return {"model_type": config.model_type, "class": type(model).__name__, "name": name, "width": width}


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


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except OSError as error:
        raise ArgumentError(f"{path}: {error}") from None
    except Exception as error:  # the library has no class of its own for what is no such file
        raise ArgumentError(f"{path}: these are no weights ({error})") from None


def _check_same(folder: Path, saved: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    missing, extra = sorted(set(wanted) - set(saved)), sorted(set(saved) - set(wanted))
    if missing or extra:
        raise ArgumentError(
            f"{folder}: its tensors are not those of its configuration: missing {missing}, unexpected {extra}"
        )
    for name, tensor in wanted.items():
        if saved[name].shape != tensor.shape:
            raise ArgumentError(
                f"{folder}: {name} has the shape {tuple(saved[name].shape)}, expected {tuple(tensor.shape)}"
            )


def _card(facts: dict[str, Any], parameters: int) -> str:
    config, base = facts["config"], facts["base"]
    named = f"\nbase_model: {base['name']}" if base["name"] else ""
    rows = "\n".join(f"| {name} | {value} |" for name, value in config.items())
    return f"""---
library_name: neurallambda
tags: [neurallambda, graft, {config["structure"]}]{named}
---

# A {config["structure"]} in {base["name"] or base["class"]}

{parameters:,} parameters that neurallambda {facts["version"]} added to a `{base["class"]}` ({base["model_type"]}, hidden
states of {base["width"]} numbers). The base model is not in this folder.

```python
from neurallambda.llm import load_grafted

model = load_grafted(base_model, "this-folder")
```

| setting | value |
| --- | --- |
{rows}
"""
