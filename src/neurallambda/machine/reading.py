"""Reading the values under a pointer.

A record may be several things by halves, and a field may belong to more than one of them: the literal of an integer is also
the operand that a partial primitive holds. So each field is read under the pointer as far as its record is what is asked for:
literals of integers, operators of primitives, heads and tails of pairs.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import FIELDS_OF, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.memory import Layout

ASKED: dict[Field, frozenset[Tag]] = {
    Field.OPERATOR: frozenset((Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE)),
    Field.LITERAL: frozenset((Tag.INTEGER,)),
    Field.VALUE: frozenset((Tag.PAIR,)),
    Field.LINK: frozenset((Tag.PAIR,)),
}
"""Of which values each field is read."""


def read_values(
    records: Float[Tensor, "batch addresses record"], pointer: Float[Tensor, "batch addresses"], layout: Layout
) -> dict[Field, Float[Tensor, "batch n"]]:
    """The tag of the value under a pointer, and the fields in `ASKED`; each has the mass of the values that it is asked of."""
    tags = records[:, :, : len(Tag)]
    owners = {field: frozenset(tag for tag, fields in FIELDS_OF.items() if field in fields) for field in ASKED}
    sets = [VALUES, *(part for field, asked in ASKED.items() for part in (asked, owners[field]))]
    table = torch.tensor([[tag in tags for tags in sets] for tag in Tag], device=tags.device, dtype=tags.dtype)
    value, *masses = (tags @ table).unbind(-1)
    under_value = pointer * value * _inverse(value).square()  # given that it is a value
    shares = [asked * _inverse(owned) for asked, owned in zip(masses[::2], masses[1::2], strict=True)]
    pointers = torch.stack([under_value, *(under_value * share for share in shares)], dim=1)
    tag, operator, literal, head, tail = (pointers @ records).unbind(1)
    at, wide = layout.slices, (len(WIDE_FIELDS), -1)
    return {
        Field.TAG: tag[:, at[Field.TAG]] * table[:, 0],
        Field.OPERATOR: operator[:, at[Field.OPERATOR]],
        Field.LITERAL: literal[:, at[Field.LITERAL]],
        Field.VALUE: head[:, layout.narrow :].unflatten(-1, wide)[:, WIDE_FIELDS.index(Field.VALUE)],
        Field.LINK: tail[:, layout.narrow :].unflatten(-1, wide)[:, WIDE_FIELDS.index(Field.LINK)],
    }


def _inverse(mass: Tensor) -> Tensor:
    return mass.clamp_min(torch.finfo(mass.dtype).eps).reciprocal()
