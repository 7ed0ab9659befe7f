"""What a run leaves: where the mass of each program has ended, and the memory to read it by."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang import terms
from neurallambda.lang.parser import parse_term
from neurallambda.lang.terms import Term
from neurallambda.machine.alphabet import OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.memory import WIDE, Memory
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.tables import ERRORS


@dataclass(frozen=True)
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


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run. Everything in it can be differentiated.

    Attributes:
        program: what was run.
        settings: with which limits.
        memory: the code and every record that was written, in order: the history of the run.
        answer: the mass that ended in a value, by the address of the value.
        value: what stands there: the mixture of the records of all values.
        errors: the mass that ended in each `ErrorKind`.
        running: the mass that had not ended.
        steps: the expected number of steps.
    """

    program: NeuralLambda
    settings: Settings
    memory: Memory
    answer: Float[Tensor, "batch addresses"]
    value: Float[Tensor, "batch record"]
    errors: Float[Tensor, "batch errors"]
    running: Float[Tensor, " batch"]
    steps: Float[Tensor, " batch"]

    @staticmethod
    def of(program: NeuralLambda, runner: Runner) -> "Result":
        """The result of a run that is over."""
        end, memory = runner.registers, runner.memory
        value = (end.answer[:, None] @ memory.records)[:, 0]
        return Result(program, runner.settings, memory, end.answer, value, end.errors, end.running, end.steps)

    def distribution(self) -> Distribution:
        """The probabilities of how each program ends."""
        at = self.memory.layout.slices
        record = self.value
        tag = record[:, at[Field.TAG]]
        whole = self.answer.sum(-1)
        atoms = tag[:, [Tag.INTEGER, Tag.TRUE, Tag.FALSE, Tag.NIL]]
        share = tag[:, Tag.INTEGER] / _safe(tag[:, [Tag.INTEGER, Tag.PARTIAL, Tag.COMPUTE_BINARY]].sum(-1))
        return Distribution(
            integers=record[:, at[Field.LITERAL]] * share[:, None],
            true=atoms[:, 1],
            false=atoms[:, 2],
            nil=atoms[:, 3],
            other=(whole - atoms.sum(-1)).clamp_min(0),
            errors=self.errors,
            running=self.running,
        )

    def probability(self, value: Term | str | int | bool | ErrorKind) -> Float[Tensor, " batch"]:
        """The probability that each program ends in a value, or in an error.

        Args:
            value: an integer, a boolean, a list or pair of such, a primitive, as a term, as text or as a Python value;
                or an `ErrorKind`.

        >>> import neurallambda as nl
        >>> machine = nl.Machine()
        >>> result = machine.run(machine.encode("(cons 1 (< 1 2))"))
        >>> result.probability("(cons 1 true)")
        tensor([1.])
        """
        if isinstance(value, ErrorKind):
            return self.errors[:, ERRORS.index(value)]
        return self._probability(_as_term(value), self.value)

    def _probability(self, term: Term, record: Float[Tensor, "batch record"]) -> Float[Tensor, " batch"]:
        """Of a term, given that the parts of a pair are what they are independently."""
        chance = torch.ones_like(record[:, 0])
        while True:
            at, narrow = self.memory.layout.slices, self.memory.layout.narrow
            tag = record[:, at[Field.TAG]]
            match term:
                case terms.Boolean(value):
                    return chance * tag[:, Tag.TRUE if value else Tag.FALSE]
                case terms.Integer(value):
                    return chance * self._integer(record, value)
                case terms.Primitive(name):
                    primitive = tag[:, Tag.UNARY_PRIMITIVE] + tag[:, Tag.BINARY_PRIMITIVE]
                    operator = record[:, at[Field.OPERATOR]]
                    return chance * primitive * operator[:, OPERATORS.index(name)] / _safe(operator.sum(-1))
                case terms.List(()):
                    return chance * tag[:, Tag.NIL]
                case terms.List((head, *rest)):
                    tail: Term = terms.List(tuple(rest))
                case terms.Apply(terms.Primitive("cons"), (head, tail)):
                    pass
                case _:
                    raise ArgumentError(
                        f"value: got {term!r}; the probability of integers, booleans, primitives, lists and pairs is known"
                    )
            wide = record[:, narrow:].unflatten(-1, (WIDE, -1))
            pair = _safe(tag[:, Tag.PAIR])[:, None]
            heads, tails = (wide[:, WIDE_FIELDS.index(field)] / pair for field in (Field.VALUE, Field.LINK))
            chance = chance * tag[:, Tag.PAIR] * self._probability(head, self._read(heads))
            term, record = tail, self._read(tails)

    def _integer(self, record: Tensor, value: int) -> Tensor:
        integers, at = self.program.integers, self.memory.layout.slices
        if value not in integers:
            return torch.zeros_like(record[:, 0])
        return record[:, at[Field.LITERAL].start + value - integers.start]

    def _read(self, pointer: Float[Tensor, "batch addresses"]) -> Float[Tensor, "batch record"]:
        """The mixture of the records under a pointer."""
        return (pointer[:, None] @ self.memory.records)[:, 0]


def _safe(mass: Tensor) -> Tensor:
    return mass.clamp_min(torch.finfo(mass.dtype).eps)


def _as_term(value: Term | str | int | bool) -> Term:
    match value:
        case Term():
            return value
        case str():
            return parse_term(value)
        case bool():
            return terms.Boolean(value)
        case _:
            return terms.Integer(value)
