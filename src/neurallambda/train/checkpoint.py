"""Files of tensors with facts beside them: safetensors whose header carries JSON, replaced as a whole."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurallambda.errors import ArgumentError

_FACTS = "facts"


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a file; whoever reads it at the same time, or after the process was killed, finds the old one or the new one.

    Args:
        path: where.
        tensors: by name.
        facts: whatever JSON can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(held, unfinished, metadata={_FACTS: json.dumps(facts)})
    unfinished.replace(path)


def load(path: Path, *, needs: Collection[str] = ()) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote.

    Args:
        path: where.
        needs: the names of facts that it must have.

    Raises:
        ArgumentError: if there is no such file, or it is something else, or lacks a fact.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp()) / "example.safetensors"
        >>> save(path, {"weights": torch.ones(2)}, {"step": 3})
        >>> load(path)
        ({'weights': tensor([1., 1.])}, {'step': 3})
    """
    if not path.is_file():
        raise ArgumentError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[_FACTS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArgumentError(f"{path}: this is no checkpoint ({error})") from None
    missing = [name for name in needs if not isinstance(facts, dict) or name not in facts]
    if missing:
        raise ArgumentError(f"{path}: something else was kept there: it does not tell {', '.join(missing)}")
    return tensors, facts
