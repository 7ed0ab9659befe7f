"""States are values: frozen dataclasses of tensors that every PyTorch transform can see through."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

import torch

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True)
def state(cls: Class) -> Class:
    """Make `cls` a frozen dataclass registered as a pytree node.

    Registration is what lets `torch.vmap`, `torch.func.grad` and `torch.compile(fullgraph=True)` take and return the
    state whole.

    Args:
        cls: a class whose annotated fields are tensors or other states.

    Returns:
        The frozen dataclass.

    Example:
        >>> @state
        ... class Counter:
        ...     count: torch.Tensor
        >>> counters = Counter(count=torch.zeros(3))
        >>> torch.vmap(lambda counter: Counter(count=counter.count + 1))(counters).count
        tensor([1., 1., 1.])
    """
    frozen = dataclass(frozen=True)(cls)
    torch.export.register_dataclass(frozen, serialized_type_name=f"{cls.__module__}.{cls.__qualname__}")
    return frozen
