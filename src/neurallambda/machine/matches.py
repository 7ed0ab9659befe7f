"""How far what stands at each address is some value.

A value is looked for from its parts upward: where its head and its tail stand gives where the pair of them does. So what
belongs together at one address counts together, however many addresses there are that it may be at.
"""

from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.errors import ArgumentError
from neurallambda.lang import terms
from neurallambda.lang.terms import BINARY_PRIMITIVES, Term
from neurallambda.machine.alphabet import FIELDS_OF, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE
from neurallambda.machine.memory import Memory


def matches(term: Term, memory: Memory, integers: range) -> Float[Tensor, "batch addresses"]:
    """How far each address holds a value, given that it holds any; the parts of one pair are independent of one another.

    Raises:
        ArgumentError: where the term is neither an atom, a list, a pair, nor a primitive with one operand.
    """
    return _Matches(memory, integers).of(term)


def of_mass(weights: Float[Tensor, "batch n"], mass: Float[Tensor, " batch"]) -> Float[Tensor, "batch n"]:
    """Weights that sum to a mass: literals of a mixture may be known for less than all that is an integer there."""
    return weights * (mass * inverse(weights.sum(-1)))[:, None]


class _Matches:
    def __init__(self, memory: Memory, integers: range) -> None:
        self.layout, self.integers, records = memory.layout, integers, memory.records
        self.records, self.tags = records, records[:, :, : len(Tag)]
        self.wide = records[:, :, memory.layout.narrow :].unflatten(-1, (WIDE, -1))
        self.per_value = inverse(self.tags[:, :, sorted(VALUES)].sum(-1))

    def of(self, term: Term) -> Float[Tensor, "batch addresses"]:
        """How far what stands at each address is a value, given that it is any; the parts of a pair are independent there."""
        if isinstance(term, terms.List) and term.items:
            return self._list_matches(term)
        match term:
            case terms.Boolean(boolean):
                return self._tag(Tag.TRUE if boolean else Tag.FALSE)
            case terms.Integer(integer):
                if integer not in self.integers:
                    return 0 * self._tag(Tag.INTEGER)
                return self._field(Field.LITERAL, integer - self.integers.start, Tag.INTEGER)
            case terms.Primitive(name):
                return self._field(Field.OPERATOR, OPERATORS.index(name), Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE)
            case terms.List():
                return self._tag(Tag.NIL)
            case terms.Apply(terms.Primitive("cons"), (head, tail)):
                return self._pair(self.of(head), self.of(tail))
            case terms.Apply(terms.Primitive(name), (operand,)) if name in BINARY_PRIMITIVES:
                holds = self._field(Field.OPERATOR, OPERATORS.index(name), Tag.PARTIAL)
                return holds * self._points_at(Field.VALUE, self.of(operand))
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
                known[name] = self.of(item)
            found = self._pair(known[name], found)
        return found

    def _pair(
        self, head: Float[Tensor, "batch addresses"], tail: Float[Tensor, "batch addresses"]
    ) -> Float[Tensor, "batch addresses"]:
        """How far each address holds a pair of such parts."""
        return self._tag(Tag.PAIR) * self._points_at(Field.VALUE, head) * self._points_at(Field.LINK, tail)

    def _points_at(self, field: Field, there: Float[Tensor, "batch addresses"]) -> Float[Tensor, "batch addresses"]:
        """How far a pointer of each address points at something, given that there is such a pointer."""
        pointed = (self.wide[:, :, WIDE_FIELDS.index(field)] @ there[:, :, None])[:, :, 0]
        return pointed * inverse(self._owners(field))

    def _owners(self, field: Field) -> Float[Tensor, "batch addresses"]:
        """How far each address holds something that has a field."""
        owners = [tag for tag in Tag if field in FIELDS_OF.get(tag, ())]
        return self.tags[:, :, owners].sum(-1)

    def _tag(self, tag: Tag) -> Float[Tensor, "batch addresses"]:
        """How far each address holds a tag, given that it holds a value."""
        return self.tags[:, :, tag] * self.per_value

    def _field(self, field: Field, letter: int, *owners: Tag) -> Float[Tensor, "batch addresses"]:
        """How far each address holds one of some tags, with a letter in a field that others may have, too."""
        mine = sum((self._tag(owner) for owner in owners[1:]), self._tag(owners[0]))
        column = self.layout.slices[field].start + letter
        return self.records[:, :, column] * mine * inverse(self._owners(field))
