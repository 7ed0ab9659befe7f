"""What a run leaves: where the mass of each program has ended, and the memory to read it by."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang import terms
from neurallambda.lang.syntax.parser import parse_term
from neurallambda.lang.terms import Term
from neurallambda.machine.alphabet import OPERATORS, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.memory import Memory
from neurallambda.machine.reading import fields, read_values
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
            integers=value[Field.LITERAL],
            true=atoms[1],
            false=atoms[2],
            nil=atoms[3],
            other=(tag.sum(-1) - torch.stack(atoms).sum(0)).clamp_min(0),
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
        return self._probability(_as_term(value), fields(self.value, self.memory.layout))

    def _probability(self, term: Term, value: dict[Field, Tensor]) -> Float[Tensor, " batch"]:
        """Of a term, given that the parts of a pair are what they are independently."""
        memory, chance = self.memory, 1.0
        while True:
            tag = value[Field.TAG]
            match term:
                case terms.Boolean(boolean):
                    return chance * tag[:, Tag.TRUE if boolean else Tag.FALSE]
                case terms.Integer(integer):
                    inside = integer in self.program.integers
                    literal = value[Field.LITERAL]
                    return chance * (literal[:, integer - self.program.integers.start] if inside else 0 * tag[:, 0])
                case terms.Primitive(name):
                    return chance * value[Field.OPERATOR][:, OPERATORS.index(name)]
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
            pair = tag[:, Tag.PAIR, None]
            per_pair = inverse(pair)
            heads, tails = (
                fields(read_values(memory, value[field] * per_pair), memory.layout)
                for field in (Field.VALUE, Field.LINK)
            )
            chance = chance * pair[:, 0] * self._probability(head, heads)
            term, value = tail, tails


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
