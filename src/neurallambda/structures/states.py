"""What is done to every state alike: choosing between two, and making room."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError


@runtime_checkable
class State(Protocol):
    """What every state has besides its own fields."""

    @property
    def overflow(self) -> Tensor:
        """[batch]: the mass lost so far because there was no room."""
        ...


StateT = TypeVar("StateT", bound=State)


def chosen(mask: Tensor, after: StateT, before: StateT) -> StateT:
    """The rows of `after` where the mask [batch] is true, those of `before` elsewhere."""

    def choose(_: str, new: Tensor, old: Tensor) -> Tensor:
        return torch.where(mask[(...,) + (None,) * (new.ndim - 1)], new, old)

    return _zipped(choose, after, before)


def with_room(state: StateT, roomy: StateT) -> StateT:
    """The content of `state` with the room of `roomy`; the new places are zeros.

    Raises:
        ArgumentError: if the states are of different classes, or `state` is larger along some axis.
    """
    if type(state) is not type(roomy):
        raise ArgumentError(f"state: got {type(state).__name__}, expected {type(roomy).__name__}")
    return _zipped(_padded, state, roomy)


def of_its_own_state(look: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that looks at a state, refusing what is not of the class that its annotation names."""
    expected = look.__annotations__.get("state")
    if not inspect.isclass(expected):
        return look

    @wraps(look)
    def looks(structure: Any, state: Any) -> Tensor:
        if not isinstance(state, expected):
            raise ArgumentError(
                f"state: got {type(state).__name__}, expected the {expected.__name__} that init returns"
            )
        return look(structure, state)

    return looks


def _padded(name: str, held: Tensor, roomy: Tensor) -> Tensor:
    if held.ndim != roomy.ndim or any(mine > theirs for mine, theirs in zip(held.shape, roomy.shape, strict=False)):
        raise ArgumentError(
            f"state: field {name} has shape {tuple(held.shape)}, which does not fit into {tuple(roomy.shape)}; "
            f"a structure can adopt only a state of its own kind that is no larger"
        )
    room = [(0, theirs - mine) for mine, theirs in zip(held.shape, roomy.shape, strict=True)]
    return functional.pad(held, [amount for pair in reversed(room) for amount in pair])


def _zipped(combine: Callable[[str, Tensor, Tensor], Tensor], one: StateT, other: StateT) -> StateT:
    """The state whose every field is `combine(name, field of one, field of other)`."""
    names = [field.name for field in fields(one)]  # type: ignore[arg-type]
    return type(one)(**{name: combine(name, getattr(one, name), getattr(other, name)) for name in names})
