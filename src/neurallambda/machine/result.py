"""What a run leaves: where the mass of each program has ended, and the memory to read it by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.html import table
from neurallambda.lang import terms
from neurallambda.lang.terms import Term
from neurallambda.machine.alphabet import OPERATORS, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.matches import matches, of_mass
from neurallambda.machine.memory import Memory
from neurallambda.machine.reading import fields, read_values
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.tables import ERRORS
from neurallambda.machine.targets import Target, as_target, as_targets, groups, with_finite_logarithm

SHOWN = 8
"""The ends of so many programs are shown in a notebook."""


@dataclass(frozen=True, repr=False)
class Distribution:
    """The probabilities of how each program ends. All of them together sum to one.

    Attributes:
        integers: of each integer of the declared range, in order.
        true, false, nil: of these values.
        other: of any other value: a pair, a function.
        errors: of each `ErrorKind`, in the order in which they are declared.
        running: that the program had not ended when the run stopped.
    """

    integers: Float[Tensor, "batch integers"]
    true: Float[Tensor, " batch"]
    false: Float[Tensor, " batch"]
    nil: Float[Tensor, " batch"]
    other: Float[Tensor, " batch"]
    errors: Float[Tensor, "batch errors"]
    running: Float[Tensor, " batch"]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}: {tuple(part.shape)}" for name, part in vars(self).items())
        return f"Distribution({shapes})"


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The end of a run. Everything in it can be differentiated.

    Attributes:
        program: what was run.
        settings: with which limits.
        memory: the code and every record that was written, in order: the history of the run.
        answer: the mass that ended in a value, by the address of the value.
        value: what stands there, as `read_values` reads it.
        errors: the mass that ended in each `ErrorKind`.
        running: the mass that had not ended.
        steps: the expected number of steps.
    """

    program: NeuralLambda
    settings: Settings
    memory: Memory
    answer: Float[Tensor, "batch addresses"]
    value: Float[Tensor, "batch 5 record"]
    errors: Float[Tensor, "batch errors"]
    running: Float[Tensor, " batch"]
    steps: Float[Tensor, " batch"]

    def __repr__(self) -> str:
        batch, ended = len(self.program), int((self.running.detach() <= 0.5).sum())
        return f"Result(batch of {batch}, {ended} ended, in up to {float(self.steps.detach().max()):.0f} steps)"

    def _repr_html_(self) -> str:
        """What a notebook shows: how the first programs may end, each end with its probability."""
        from neurallambda.machine.ends import ends

        rows = [
            (row, text, min(1.0, chance))
            for row in range(min(SHOWN, len(self.program)))
            for chance, text in ends(self, row)
        ]
        return table(("program", "end", "probability"), rows, note=repr(self))

    @staticmethod
    def of(program: NeuralLambda, runner: Runner) -> "Result":
        """The result of a run that is over."""
        end, memory = runner.registers, runner.memory
        memory.clear()
        value = read_values(memory, end.answer)
        return Result(program, runner.settings, memory, end.answer, value, end.errors, end.running, end.steps)

    def distribution(self) -> Distribution:
        """The probabilities of how each program ends."""
        value = fields(self.value, self.memory.layout)
        tag = value[Field.TAG]
        atoms = (tag[:, Tag.INTEGER], tag[:, Tag.TRUE], tag[:, Tag.FALSE], tag[:, Tag.NIL])
        return Distribution(
            integers=of_mass(value[Field.LITERAL], atoms[0]),
            true=atoms[1],
            false=atoms[2],
            nil=atoms[3],
            other=(tag.sum(-1) - torch.stack(atoms).sum(0)).clamp_min(0),
            errors=self.errors,
            running=self.running,
        )

    def probability(self, value: Target | Sequence[Target | Sequence[Any]] | Tensor) -> Float[Tensor, " batch"]:
        """The probability that each program ends in a value, or in an error.

        A loss may take its logarithm: where the probability is zero, the gradient of that is taken for zero.

        Args:
            value: one for all programs: an integer, a boolean, a list or pair of such, a primitive, as a term, as text or as
                a Python value; or an `ErrorKind`. A Python list or tuple, or a tensor of integers or booleans, holds one
                for each program; in it, another list or tuple is a value that is a list. What no program can end in, an
                integer out of range for instance, has the probability zero.

        Raises:
            ArgumentError: where that is none of these, or not as many as there are programs.

        >>> import neurallambda as nl
        >>> machine = nl.Machine()
        >>> result = machine.run(machine.encode(["(cons 1 (< 1 2))", "'(2 4)"]))
        >>> result.probability("(cons 1 true)")
        tensor([1., 0.])
        >>> result.probability([3, [2, 4]])
        tensor([0., 1.])
        """
        if isinstance(value, (list, tuple, Tensor)):
            return self._of_each(as_targets(value, len(self.program), "value"))
        return with_finite_logarithm(self._of(as_target(value)))

    def log_probability(self, targets: Sequence[Target | Sequence[Any]] | Tensor) -> Float[Tensor, " batch"]:
        """The logarithm of the probability that each program ends in its own target.

        It is minus infinity where that cannot be; the gradient there is zero, so one impossible target does not spoil the
        gradients of the others.

        Args:
            targets: one for each program, as in `probability`: a list or a tuple of integers, booleans, text, terms,
                lists, `ErrorKind`s; or a tensor of integers or booleans.

        Raises:
            ArgumentError: where they are not as many as there are programs, or one is no target.

        >>> import neurallambda as nl
        >>> machine = nl.Machine()
        >>> result = machine.run(machine.encode(["(+ 1 1)", "(/ 1 0)"]))
        >>> result.log_probability([2, nl.ErrorKind.DIVISION_BY_ZERO])
        tensor([0., 0.])
        """
        return self._of_each(as_targets(targets, len(self.program))).log()

    def nll(self, targets: Sequence[Target | Sequence[Any]] | Tensor) -> Float[Tensor, " batch"]:
        """The negative of `log_probability`: a loss for each program; `.mean()` makes one of them.

        >>> import neurallambda as nl
        >>> machine = nl.Machine()
        >>> machine.run(machine.encode(["(+ 1 1)", "'(1 2)"])).nll([2, [1, 2]]).mean()
        tensor(0.)
        """
        return 0 - self.log_probability(targets)

    def _of_each(self, targets: Sequence[Term | ErrorKind]) -> Float[Tensor, " batch"]:
        """The probability of each program's own target."""
        parts: list[Tensor] = []
        order: list[int] = []
        for target, rows in groups(targets).items():
            order += rows
            parts.append(self._of(target, None if len(rows) == len(targets) else torch.tensor(rows)))
        back = torch.tensor(order).argsort().to(self.running.device)
        return with_finite_logarithm(torch.cat(parts)[back])

    def _of(self, target: Term | ErrorKind, rows: Int[Tensor, " rows"] | None = None) -> Float[Tensor, " rows"]:
        """The probability of one target, in some programs or in all."""
        rows = None if rows is None else rows.to(self.running.device)
        if isinstance(target, ErrorKind):
            return (self.errors if rows is None else self.errors[rows])[:, ERRORS.index(target)]
        value = self.value if rows is None else self.value[rows]
        read = fields(value, self.memory.layout)
        match target:
            case terms.Boolean(boolean):
                return read[Field.TAG][:, Tag.TRUE if boolean else Tag.FALSE]
            case terms.Integer(integer):
                integers = of_mass(read[Field.LITERAL], read[Field.TAG][:, Tag.INTEGER])
                inside = integer in self.program.integers
                return integers[:, integer - self.program.integers.start] if inside else 0 * read[Field.TAG][:, 0]
            case terms.Primitive(name):
                return read[Field.OPERATOR][:, OPERATORS.index(name)]
            case terms.List(()):
                return read[Field.TAG][:, Tag.NIL]
        memory, answer = (self.memory, self.answer) if rows is None else (self.memory.select(rows), self.answer[rows])
        return (answer * matches(target, memory, self.program.integers)).sum(-1)
