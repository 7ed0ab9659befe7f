"""What a run leaves: where the mass of each program has ended, and the memory to read it by."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang import terms
from neurallambda.lang.syntax.parser import parse_term
from neurallambda.lang.terms import BINARY_PRIMITIVES, Term
from neurallambda.machine.alphabet import FIELDS_OF, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.layout import WIDE
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
            integers=_of_mass(value[Field.LITERAL], atoms[0]),
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
        return (self.answer * self._matches(_as_term(value))).sum(-1)

    def _matches(self, term: Term) -> Float[Tensor, "batch addresses"]:
        """How far what stands at each address is a value, given that it is any; the parts of a pair are independent there."""
        if isinstance(term, terms.List) and term.items:
            return self._list_matches(term)
        match term:
            case terms.Boolean(boolean):
                return self._tag(Tag.TRUE if boolean else Tag.FALSE)
            case terms.Integer(integer):
                if integer not in self.program.integers:
                    return 0 * self._tag(Tag.INTEGER)
                return self._field(Field.LITERAL, integer - self.program.integers.start, Tag.INTEGER)
            case terms.Primitive(name):
                return self._field(Field.OPERATOR, OPERATORS.index(name), Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE)
            case terms.List():
                return self._tag(Tag.NIL)
            case terms.Apply(terms.Primitive("cons"), (head, tail)):
                return self._pair(self._matches(head), self._matches(tail))
            case terms.Apply(terms.Primitive(name), (operand,)) if name in BINARY_PRIMITIVES:
                holds = self._field(Field.OPERATOR, OPERATORS.index(name), Tag.PARTIAL)
                return holds * self._points_at(Field.VALUE, self._matches(operand))
        raise ArgumentError(
            f"value: got {term!r}; the probability of integers, booleans, primitives, lists and pairs is known"
        )

    def _list_matches(self, term: terms.List) -> Float[Tensor, "batch addresses"]:
        """The same of a list, from its end; a part that occurs often is looked for once."""
        found = self._tag(Tag.NIL)
        known: dict[str, Tensor] = {}
        for item in reversed(term.items):
            name = repr(item)
            if name not in known:
                known[name] = self._matches(item)
            found = self._pair(known[name], found)
        return found

    def _pair(
        self, head: Float[Tensor, "batch addresses"], tail: Float[Tensor, "batch addresses"]
    ) -> Float[Tensor, "batch addresses"]:
        """How far each address holds a pair of such parts."""
        return self._tag(Tag.PAIR) * self._points_at(Field.VALUE, head) * self._points_at(Field.LINK, tail)

    def _points_at(self, field: Field, there: Float[Tensor, "batch addresses"]) -> Float[Tensor, "batch addresses"]:
        """How far a pointer of each address points at something, given that there is such a pointer."""
        wide = self.memory.records[:, :, self.memory.layout.narrow :].unflatten(-1, (WIDE, -1))
        pointed = (wide[:, :, WIDE_FIELDS.index(field)] @ there[:, :, None])[:, :, 0]
        return pointed * inverse(self._owners(field))

    def _owners(self, field: Field) -> Float[Tensor, "batch addresses"]:
        """How far each address holds something that has a field."""
        owners = [tag for tag in Tag if field in FIELDS_OF.get(tag, ())]
        return self.memory.records[:, :, : len(Tag)][:, :, owners].sum(-1)

    def _tag(self, tag: Tag) -> Float[Tensor, "batch addresses"]:
        """How far each address holds a tag, given that it holds a value."""
        tags = self.memory.records[:, :, : len(Tag)]
        return tags[:, :, tag] * inverse(tags[:, :, sorted(VALUES)].sum(-1))

    def _field(self, field: Field, letter: int, *owners: Tag) -> Float[Tensor, "batch addresses"]:
        """How far each address holds one of some tags, with a letter in a field that others may have, too."""
        mine = sum((self._tag(owner) for owner in owners[1:]), self._tag(owners[0]))
        column = self.memory.layout.slices[field].start + letter
        return self.memory.records[:, :, column] * mine * inverse(self._owners(field))


def _of_mass(weights: Float[Tensor, "batch n"], mass: Float[Tensor, " batch"]) -> Float[Tensor, "batch n"]:
    """Weights that sum to a mass: literals of a mixture may be known for less than all that is an integer there."""
    return weights * (mass * inverse(weights.sum(-1)))[:, None]


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
