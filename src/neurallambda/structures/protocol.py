"""The one interface of every structure: what a controller needs in order to drive any of them.

A structure is a frozen description (capacity, width, ...). Its state is a value. A subclass says what an instruction
consists of (`operands`) and how one instruction changes the state (`advance`); checking, masks, streaming, the choice
of a scan's form and growth are written once, here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Generic, Protocol, TypeVar, final, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.structures.checks import (
    check_count,
    check_dtype,
    check_mask,
    check_tensor,
    check_weights,
    values_can_be_read,
)


class Kind(StrEnum):
    """What the numbers of an operand mean; it tells a controller which squashing function to end in."""

    DISTRIBUTION = "distribution"
    """Non-negative, summing to one along the last axis: end in a softmax."""
    STRENGTH = "strength"
    """Non-negative, each on its own, 1 for a whole item: end in a sigmoid."""
    VECTOR = "vector"
    """Any real numbers: the content that is stored or looked for."""
    REAL = "real"
    """Any real numbers that are compared, such as priorities."""


@dataclass(frozen=True)
class Operand:
    """One tensor of an instruction, of shape [batch, size].

    Attributes:
        name: as in error messages and documentation.
        size: the length of its last axis.
        kind: what its numbers mean.
        labels: the name of each entry, where entries have names (the actions).
        idle: for a distribution, the entry that masked steps take; for the action, the one that changes nothing.
    """

    name: str
    size: int
    kind: Kind
    labels: tuple[str, ...] = ()
    idle: int = 0

    @property
    def axis(self) -> str:
        """What its last axis counts, for messages."""
        return " | ".join(self.labels) or self.name

    def idling(self, operand: Tensor, counts: Tensor) -> Tensor:
        """`operand` where `counts` is true; elsewhere the instruction that changes nothing, whatever stood there."""
        neutral = torch.zeros_like(operand[..., :1])
        if self.kind is Kind.DISTRIBUTION:
            neutral = neutral + (torch.arange(self.size, device=operand.device) == self.idle).to(operand.dtype)
        return torch.where(counts, operand, neutral)


@runtime_checkable
class State(Protocol):
    """What every state has besides its own fields."""

    @property
    def overflow(self) -> Tensor:
        """[batch]: the mass lost so far because there was no room."""
        ...


StateT = TypeVar("StateT", bound=State)

Run = Callable[..., tuple[StateT, Tensor]]


@dataclass(frozen=True)
class Form(Generic[StateT]):
    """One way to compute a scan.

    Attributes:
        run: (state, *operands) -> (state, reads); every operand is [batch, time, size].
        available: (state, *operands) -> whether it can run here, on these tensors.
    """

    run: Run[StateT]
    available: Callable[..., bool]


def anywhere(*_: object) -> bool:
    """For `Form.available`: a form in plain PyTorch runs on any tensors."""
    return True


class Reference(ABC):
    """The plain Python structure that a tensor structure must equal at the corners.

    An operand of kind distribution is the index of its certain entry; a strength or a real is a list of floats; a
    vector is a list of floats.
    """

    overflow: float = 0.0

    @abstractmethod
    def step(self, *operands: int | list[float]) -> None:
        """Carry out one instruction."""

    @abstractmethod
    def read(self) -> list[float]:
        """What the structure shows, as `Structure.read`."""

    @abstractmethod
    def size(self) -> float:
        """How much it holds, as `Structure.size`."""


class Structure(ABC, Generic[StateT]):
    """A differentiable data structure.

    Example:
        >>> from neurallambda.structures import SuperpositionStack
        >>> stack = SuperpositionStack(capacity=8, width=4)
        >>> state = stack.init(2)
        >>> action = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.0, 0.5]])  # row 0 pushes, row 1 half pushes
        >>> state, read = stack.step(state, action, torch.ones(2, 4))
        >>> read[:, 0]
        tensor([1.0000, 0.5000])
    """

    @property
    @abstractmethod
    def operands(self) -> tuple[Operand, ...]:
        """The tensors of one instruction, in order: the action first, then the value, then the rest."""

    @property
    @abstractmethod
    def read_width(self) -> int:
        """The length of a read's last axis."""

    @property
    @abstractmethod
    def forms(self) -> dict[str, Form[StateT]]:
        """Ways to scan other than step by step, the preferred ones first."""

    @abstractmethod
    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> StateT:
        """The state that holds nothing; `init` with its arguments checked."""

    @abstractmethod
    def advance(self, state: StateT, *operands: Tensor) -> StateT:
        """The state after one instruction; `step` with its arguments checked and without the read."""

    @abstractmethod
    def read(self, state: StateT) -> Tensor:
        """What the structure shows: [batch, read_width]."""

    @abstractmethod
    def size(self, state: StateT) -> Tensor:
        """How much the structure holds, in expectation: [batch]."""

    @abstractmethod
    def contents(self, state: StateT) -> Tensor:
        """What lies in each slot, weighted by how surely it lies there: [batch, slots, width]; for pictures."""

    @abstractmethod
    def reference(self) -> Reference:
        """A fresh plain Python structure that this one equals at the corners."""

    @final
    def init(
        self, batch: int, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
    ) -> StateT:
        """The empty state for `batch` independent rows.

        Raises:
            ArgumentError: if `batch` is not a positive integer or `dtype` is not a floating point type.
        """
        check_count("batch", batch)
        check_dtype(dtype)
        return self.empty(batch, device, dtype)

    @final
    def step(self, state: StateT, *operands: Tensor, mask: Tensor | None = None) -> tuple[StateT, Tensor]:
        """Carry out one instruction and read.

        Args:
            state: what `init`, `step` or `scan` returned; it is not changed.
            operands: one tensor [batch, size] for each of `self.operands`.
            mask: [batch] booleans; a row where it is false keeps its state exactly.

        Returns:
            The next state, and what it shows: [batch, read_width].

        Raises:
            ArgumentError: if an argument has the wrong number, shape, dtype, device or range.
        """
        self._check(state, operands, mask, ())
        if mask is None:
            after = self.advance(state, *operands)
        else:
            after = _where(mask, self.advance(state, *self._idle_unless(mask, operands)), state)
        return after, self.read(after)

    @final
    def scan(
        self, state: StateT, *operands: Tensor, mask: Tensor | None = None, form: str = "auto"
    ) -> tuple[StateT, Tensor]:
        """Carry out a whole sequence of instructions that is known up front; equal to stepping, and faster.

        Args:
            state: the state to go on from; the one returned goes on with the next part of the sequence.
            operands: one tensor [batch, time, size] for each of `self.operands`.
            mask: [batch, time] booleans; steps where it is false change nothing (see `mask_of_lengths`).
            form: how to compute it: "auto", "steps", or a name in `self.forms`.

        Returns:
            The last state, and the reads after each step: [batch, time, read_width].

        Raises:
            ArgumentError: if an argument has the wrong number, shape, dtype, device or range, or the form is unknown.
        """
        time = operands[0].shape[1] if operands and operands[0].ndim == 3 else 0
        self._check(state, operands, mask, (time,))
        chosen = self._choose(form, state, operands)
        if time == 0:
            return state, state.overflow.new_zeros(state.overflow.shape[0], 0, self.read_width)
        if chosen is None:
            return self._by_steps(state, operands, mask)
        return chosen.run(state, *self._idle_unless(mask, operands))

    @final
    def adopt(self, state: StateT) -> StateT:
        """The same content with the room of this structure: how capacity grows between training and use.

        Args:
            state: a state of a structure of the same class that is no larger than this one.

        Returns:
            A state of this structure.

        Raises:
            ArgumentError: if the state is of another class, or larger than this structure along some axis.

        Example:
            >>> from neurallambda.structures import SuperpositionStack
            >>> small, large = SuperpositionStack(capacity=8, width=4), SuperpositionStack(capacity=64, width=4)
            >>> state = large.adopt(small.init(2))
        """
        overflow = state.overflow
        roomy = self.empty(overflow.shape[0], overflow.device, overflow.dtype)
        if type(state) is not type(roomy):
            raise ArgumentError(f"state: got {type(state).__name__}, expected {type(roomy).__name__}")
        return _zip(_padded, state, roomy)

    def _check(self, state: StateT, operands: tuple[Tensor, ...], mask: Tensor | None, time: tuple[int, ...]) -> None:
        # A cache is a side effect, which a compiled graph must not have; there the layout is worked out while tracing.
        layout = (_layout.__wrapped__ if torch.compiler.is_compiling() else _layout)(self)
        _check_state(state, layout)
        expected = layout.operands
        if len(operands) != len(expected):
            names = ", ".join(operand.name for operand in expected)
            raise ArgumentError(f"operands: got {len(operands)} tensors, expected {len(expected)}: {names}")
        overflow = state.overflow
        leading = (overflow.shape[0], *time)
        for operand, tensor in zip(expected, operands, strict=True):
            axes = ("batch", "time", operand.axis) if time else ("batch", operand.axis)
            check_tensor(operand.name, tensor, shape=(*leading, operand.size), axes=axes, like=overflow)
        if mask is not None:
            check_mask(mask, shape=leading, like=overflow)
        for operand, tensor in zip(expected, self._idle_unless(mask, operands), strict=True):
            if operand.kind is Kind.DISTRIBUTION or operand.kind is Kind.STRENGTH:
                check_weights(operand.name, tensor, distribution=operand.kind is Kind.DISTRIBUTION)

    def _idle_unless(self, mask: Tensor | None, operands: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if mask is None:
            return operands
        pairs = zip(self.operands, operands, strict=True)
        return tuple(operand.idling(tensor, mask[..., None]) for operand, tensor in pairs)

    def _choose(self, name: str, state: StateT, operands: tuple[Tensor, ...]) -> Form[StateT] | None:
        """The form called `name`; None is step by step."""
        forms = self.forms
        if name == "steps":
            return None
        if name == "auto":
            return next((form for form in forms.values() if form.available(state, *operands)), None)
        if name not in forms:
            raise ArgumentError(f"form: got {name!r}, expected one of {['auto', 'steps', *forms]}")
        if not forms[name].available(state, *operands):
            raise ArgumentError(
                f"form: {name!r} cannot run here (tensors on {state.overflow.device} of {state.overflow.dtype}, or a "
                f"package it needs is missing); use form='auto'"
            )
        return forms[name]

    def _by_steps(self, state: StateT, operands: tuple[Tensor, ...], mask: Tensor | None) -> tuple[StateT, Tensor]:
        reads = []
        for time in range(operands[0].shape[1]):
            now = tuple(tensor[:, time] for tensor in self._idle_unless(mask, operands))
            after = self.advance(state, *now)
            state = after if mask is None else _where(mask[:, time], after, state)
            reads.append(self.read(state))
        return state, torch.stack(reads, dim=1)


@dataclass(frozen=True)
class Layout:
    """What a structure expects to be given.

    Attributes:
        state: the class of its state.
        fields: the name of each field of a state, and the shape of one row of it.
        operands: as `Structure.operands`.
    """

    state: type
    fields: tuple[tuple[str, torch.Size], ...]
    operands: tuple[Operand, ...]


@cache
def _layout(structure: Structure[StateT]) -> Layout:
    row = structure.empty(1, "meta", torch.float32)
    names = [field.name for field in fields(row)]  # type: ignore[arg-type]
    shapes = tuple((name, getattr(row, name).shape[1:]) for name in names)
    return Layout(state=type(row), fields=shapes, operands=structure.operands)


def _check_state(state: object, layout: Layout) -> None:
    if type(state) is not layout.state:
        raise ArgumentError(
            f"state: got {type(state).__name__}, expected the {layout.state.__name__} that init returns"
        )
    for name, shape in layout.fields:
        came = getattr(state, name).shape[1:]
        if came != shape:
            raise ArgumentError(
                f"state: field {name} has shape {tuple(came)} a row, expected {tuple(shape)}; a state of a smaller "
                f"structure fits after adopt(state)"
            )


def mask_of_lengths(lengths: Tensor, time: int) -> Tensor:
    """The mask of sequences padded at their end.

    Args:
        lengths: [batch] integers, each from 0 to `time`.
        time: the padded length.

    Returns:
        [batch, time] booleans, true where the step belongs to the sequence.

    Raises:
        ArgumentError: if `lengths` is not one axis of integers, or (on a CPU) a length is out of range.
    """
    if lengths.ndim != 1 or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ArgumentError(f"lengths: got {lengths.dtype} of shape {tuple(lengths.shape)}, expected [batch] integers")
    if lengths.numel() and values_can_be_read(lengths) and not (lengths.min() >= 0 and lengths.max() <= time):
        raise ArgumentError(f"lengths: got {lengths.tolist()}, expected each between 0 and time = {time}")
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def _zip(combine: Callable[[str, Tensor, Tensor], Tensor], one: StateT, other: StateT) -> StateT:
    """The state whose every field is `combine(name, field of one, field of other)`."""
    names = [field.name for field in fields(one)]  # type: ignore[arg-type]
    return type(one)(**{name: combine(name, getattr(one, name), getattr(other, name)) for name in names})


def _where(mask: Tensor, after: StateT, before: StateT) -> StateT:
    def choose(_: str, new: Tensor, old: Tensor) -> Tensor:
        return torch.where(mask[(...,) + (None,) * (new.ndim - 1)], new, old)

    return _zip(choose, after, before)


def _padded(name: str, held: Tensor, roomy: Tensor) -> Tensor:
    if held.ndim != roomy.ndim or any(mine > theirs for mine, theirs in zip(held.shape, roomy.shape, strict=False)):
        raise ArgumentError(
            f"state: field {name} has shape {tuple(held.shape)}, which does not fit into {tuple(roomy.shape)}; "
            f"a structure can adopt only a state of its own kind that is no larger"
        )
    room = [(0, theirs - mine) for mine, theirs in zip(held.shape, roomy.shape, strict=True)]
    return functional.pad(held, [amount for pair in reversed(room) for amount in pair])
