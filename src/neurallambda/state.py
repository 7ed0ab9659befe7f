"""States are values: frozen dataclasses of tensors that every PyTorch transform can see through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast, dataclass_transform

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.html import table

Class = TypeVar("Class", bound=type)
Batch = TypeVar("Batch", bound="Batched")  # the shape checks know no `Self` in methods


@dataclass_transform(frozen_default=True)
def state(cls: Class) -> Class:
    """Make `cls` a frozen dataclass registered as a pytree node.

    Registration is what lets `torch.vmap`, `torch.func.grad` and `torch.compile(fullgraph=True)` take and return the
    state whole. And it is one of the classes that `torch.load` makes by default: what `torch.save` wrote can be read
    wherever the class has been imported.

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
        >>> counters
        Counter(count: (3,))
    """
    frozen = dataclass(frozen=True, repr=False)(cls)
    if "__repr__" not in vars(cls):
        frozen.__repr__ = _shapes
    if "_repr_html_" not in vars(cls):
        frozen._repr_html_ = _table
    torch.export.register_dataclass(frozen, serialized_type_name=f"{cls.__module__}.{cls.__qualname__}")
    torch.serialization.add_safe_globals([frozen])
    return frozen


def _shapes(self: Any) -> str:
    """A state by the shapes of its tensors: their numbers fill screens."""
    return f"{type(self).__name__}({', '.join(f'{f.name}: {_shape(getattr(self, f.name))}' for f in fields(self))})"


def _table(self: Any) -> str:
    """A state in a notebook: the shape, type and range of each of its tensors."""
    rows = [row for f in fields(self) for row in _rows(f.name, getattr(self, f.name))]
    return table(("part", "shape", "type", "least", "greatest"), rows, note=type(self).__name__)


def _rows(name: str, part: object) -> list[tuple[object, ...]]:
    if not isinstance(part, Tensor):
        return [(name, "", type(part).__name__, "", "")]
    if not part.numel() or part.is_complex():
        return [(name, tuple(part.shape), part.dtype, "", "")]
    low, high = part.detach().float().aminmax()
    return [(name, tuple(part.shape), part.dtype, f"{low:.4g}", f"{high:.4g}")]


def _shape(part: object) -> str:
    if isinstance(part, Tensor):
        return str(tuple(part.shape))
    return f"({', '.join(map(_shape, part))})" if isinstance(part, tuple) else repr(part)


class Batched:
    """What every state can do whose tensors, and those of the states in it, all have the batch as their first axis.

    Example:
        >>> @state
        ... class Counter(Batched):
        ...     count: torch.Tensor
        >>> counters = Counter(count=torch.arange(3.0))
        >>> counters.rows([2, 0]).count
        tensor([2., 0.])
        >>> Counter.cat([counters, counters.rows(slice(1))]).to(torch.float64).count
        tensor([0., 1., 2., 0.], dtype=torch.float64)
    """

    def rows(self: Batch, index: Tensor | slice | Sequence[int]) -> Batch:
        """Some rows of the batch, as a batch of their own.

        Args:
            index: which: their numbers, a slice, or a mask [batch] of booleans.

        Raises:
            ArgumentError: if it is one number, which would take the batch away, or names a row that is not there.
        """
        if not isinstance(index, slice) and (not isinstance(index, (Tensor, Sequence)) or isinstance(index, str)):
            raise ArgumentError(
                f"index: got {index!r}, expected the numbers of rows, a slice or a mask, as in rows([0])"
            )
        if isinstance(index, Tensor) and index.ndim != 1:
            raise ArgumentError(
                f"index: got a tensor of shape {tuple(index.shape)}, expected one axis, as in rows([0])"
            )
        chosen = index if isinstance(index, (Tensor, slice)) else list(index)
        try:
            return _changed(self, lambda tensor: tensor[chosen])
        except IndexError as error:
            raise ArgumentError(f"index: got {index!r}: {error}") from None

    def to(
        self: Batch, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None
    ) -> Batch:
        """The state on another device, or with another floating point type; integers and booleans keep theirs.

        Args:
            device: where the tensors shall live; or the type, as in `to(torch.float64)`.
            dtype: the floating point type to have.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        return _changed(
            self, lambda tensor: tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)
        )

    def detach(self: Batch) -> Batch:
        """The same numbers, through which no gradient goes: where backpropagation through time is cut off."""
        return _changed(self, Tensor.detach)

    @classmethod
    def cat(cls: type[Batch], states: Sequence[Batch]) -> Batch:
        """The rows of several states, one after the other, as one batch.

        Args:
            states: at least one, all of this class, alike but for the number of their rows.

        Raises:
            ArgumentError: if there is none, or they are not alike.
        """
        if not states:
            raise ArgumentError("states: got none, expected at least one")
        kinds = sorted({type(one).__name__ for one in states})
        if len(kinds) > 1:
            raise ArgumentError(f"states: got {' and '.join(kinds)}, expected all of one class")
        return _joined(list(states), cls.__name__)


Anything = TypeVar("Anything")


def _changed(value: Anything, change: Callable[[Tensor], Tensor]) -> Anything:
    """The same value with every tensor changed, also those of the states and tuples in it."""
    changed: Any = value
    if isinstance(value, Tensor):
        changed = change(value)
    elif isinstance(value, Batched):
        held = {field.name: getattr(value, field.name) for field in fields(cast("Any", value))}
        changed = replace(cast("Any", value), **{name: _changed(part, change) for name, part in held.items()})
    elif isinstance(value, tuple):
        changed = tuple(_changed(part, change) for part in value)
    return changed


def _joined(values: list[Any], name: str) -> Any:
    """The values one after the other along the first axis; what has no rows must be the same in all of them."""
    first = values[0]
    if isinstance(first, Tensor):
        shapes = {tuple(tensor.shape[1:]) for tensor in values}
        if len(shapes) > 1:
            raise ArgumentError(f"states: {name} has rows of the shapes {sorted(shapes)}, expected all of one shape")
        return torch.cat(values)
    if isinstance(first, Batched):
        names = [field.name for field in fields(cast("Any", first))]
        return replace(
            cast("Any", first),
            **{part: _joined([getattr(one, part) for one in values], f"{name}.{part}") for part in names},
        )
    if isinstance(first, tuple):
        return tuple(_joined(list(parts), name) for parts in zip(*values, strict=True))
    if any(one != first for one in values):
        raise ArgumentError(f"states: {name} is {first!r} in one and something else in another, expected all alike")
    return first
