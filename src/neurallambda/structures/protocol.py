"""The one interface of every structure: what a controller needs in order to drive any of them.

A structure is a frozen description (capacity, width, ...). Its state is a value. A subclass says what an instruction
consists of (`operands`) and how one instruction changes the state (`advance`); checking, masks, streaming, the choice
of a scan's form and growth are written once, here.
"""

from abc import ABC, abstractmethod
from dataclasses import fields
from functools import cache
from typing import Generic, final

import torch
from torch import Tensor

from neurallambda.arguments import shown
from neurallambda.errors import ArgumentError, check_count, how_to_install
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.checks import check_dtype, check_place
from neurallambda.structures.instruction.expected import Layout, check_instruction
from neurallambda.structures.instruction.operand import Operand, idle_unless
from neurallambda.structures.precision import autocasts, in_its_own_precision, in_the_precision_of, without_autocast
from neurallambda.structures.references.reference import Reference
from neurallambda.structures.states import StateT, chosen, of_its_own_state, with_room


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

    def __init_subclass__(cls) -> None:
        """See that what looks at a state is given one, and computes in its precision, also where autocast is at work."""
        for name in ("read", "size", "contents"):
            if name in vars(cls):
                setattr(cls, name, of_its_own_state(in_its_own_precision(vars(cls)[name])))

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
        check_place(device)
        return self.empty(batch, device, dtype)

    @final
    def step(self, state: StateT, *operands: Tensor, mask: Tensor | None = None) -> tuple[StateT, Tensor]:
        """Carry out one instruction and read.

        Args:
            state: what `init`, `step` or `scan` returned; it is not changed.
            operands: one tensor [batch, size] for each of `self.operands`, of the state's dtype; under
                `torch.autocast` of any floating point type, and converted.
            mask: [batch] booleans; a row where it is false keeps its state exactly.

        Returns:
            The next state, and what it shows: [batch, read_width].

        Raises:
            ArgumentError: if an argument has the wrong number, shape, dtype, device or range.
        """
        if autocasts(state):
            with without_autocast(state):
                return self.step(state, *in_the_precision_of(state, operands), mask=mask)
        check_instruction(_layout_of(self), state, operands, mask, ())
        if mask is None:
            after = self.advance(state, *operands)
        else:
            after = chosen(mask, self.advance(state, *idle_unless(mask, self.operands, operands)), state)
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
        if autocasts(state):
            with without_autocast(state):
                return self.scan(state, *in_the_precision_of(state, operands), mask=mask, form=form)
        timed = [tensor for tensor in operands if isinstance(tensor, Tensor) and tensor.ndim == 3]
        time = timed[0].shape[1] if timed else 0
        check_instruction(_layout_of(self), state, operands, mask, (time,))
        way = self._choose(form, state, operands)
        if time == 0:
            return state, state.overflow.new_zeros(state.overflow.shape[0], 0, self.read_width)
        if way is None:
            return self._by_steps(state, operands, mask)
        return way.run(state, *idle_unless(mask, self.operands, operands))

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
        overflow = getattr(state, "overflow", None)
        if not isinstance(overflow, Tensor):
            raise ArgumentError(f"state: got {shown(state)}, expected a state that `init`, `step` or `scan` returned")
        roomy = self.empty(overflow.shape[0], overflow.device, overflow.dtype)
        return with_room(state, roomy)

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
                f"package it needs is missing: {how_to_install('fast')}); use form='auto'"
            )
        return forms[name]

    def _by_steps(self, state: StateT, operands: tuple[Tensor, ...], mask: Tensor | None) -> tuple[StateT, Tensor]:
        reads = []
        steps = zip(*(tensor.unbind(1) for tensor in idle_unless(mask, self.operands, operands)), strict=True)
        for time, now in enumerate(steps):
            after = self.advance(state, *now)
            state = after if mask is None else chosen(mask[:, time], after, state)
            reads.append(self.read(state))
        return state, torch.stack(reads, dim=1)


def _layout_of(structure: Structure[StateT]) -> Layout:
    """What a structure expects to be given, worked out once."""
    # A cache is a side effect, which a compiled graph must not have; there the layout is worked out while tracing.
    return _layout.__wrapped__(structure) if torch.compiler.is_compiling() else _layout(structure)


@cache
def _layout(structure: Structure[StateT]) -> Layout:
    row = structure.empty(1, "meta", torch.float32)
    names = [field.name for field in fields(row)]  # type: ignore[arg-type]
    shapes = tuple((name, getattr(row, name).shape[1:]) for name in names)
    return Layout(state=type(row), fields=shapes, operands=structure.operands)
