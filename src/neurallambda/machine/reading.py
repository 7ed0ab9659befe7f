"""Reading the values under a pointer.

A record may be several things by halves, and a field may belong to more than one of them: the literal of an integer is also
the operand that a partial primitive holds. So each field is read under the pointer as far as its record is what is asked for:
literals of integers, operators of primitives, heads and tails of pairs.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.machine.alphabet import FIELDS_OF, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import Layout
from neurallambda.machine.memory import Memory

ASKED: dict[Field, frozenset[Tag]] = {
    Field.OPERATOR: frozenset((Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE)),
    Field.LITERAL: frozenset((Tag.INTEGER,)),
    Field.VALUE: frozenset((Tag.PAIR,)),
    Field.LINK: frozenset((Tag.PAIR,)),
}
"""Of which values each field is read."""


def pointers_at_values(
    tags: Float[Tensor, "batch addresses tags"], pointer: Float[Tensor, "batch addresses"]
) -> Float[Tensor, "batch 5 addresses"]:
    """The pointers to read under: at any value, for its tag; then, for each field in `ASKED`, at what it is asked of."""
    value, *masses = (tags @ _asked_and_owners(tags.device, tags.dtype)).unbind(-1)
    under_value = pointer * value * inverse(value).square()  # given that it is a value
    shares = [asked * inverse(owned) for asked, owned in zip(masses[::2], masses[1::2], strict=True)]
    return torch.stack([under_value, *(under_value * share for share in shares)], dim=1)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # it is kept, and another run may differentiate by what it weighs
def _asked_and_owners(device: torch.device, dtype: torch.dtype) -> Float[Tensor, "tags 9"]:
    """From tags to being a value; then, for each field in `ASKED`, to what it is asked of and to all that has it."""
    owners = {field: frozenset(tag for tag, fields in FIELDS_OF.items() if field in fields) for field in ASKED}
    sets = [VALUES, *(part for field, asked in ASKED.items() for part in (asked, owners[field]))]
    return torch.tensor([[tag in tags for tags in sets] for tag in Tag], device=device, dtype=dtype)


def read_values(memory: Memory, pointer: Float[Tensor, "batch addresses"]) -> Float[Tensor, "batch 5 record"]:
    """The records under the pointers at values."""
    return memory.read(
        pointers_at_values(memory.records[:, : memory.written, : len(Tag)], pointer[:, : memory.written])
    )


def fields(read: Float[Tensor, "batch 5 record"], layout: Layout) -> dict[Field, Float[Tensor, "batch n"]]:
    """The tag of the values that were read, and the fields in `ASKED`; each has the mass of what it is asked of."""
    tag, operator, literal, head, tail = read.unbind(1)
    at, wide = layout.slices, (len(WIDE_FIELDS), -1)
    is_value = torch.tensor([tag in VALUES for tag in Tag], device=read.device, dtype=read.dtype)
    return {
        Field.TAG: tag[:, at[Field.TAG]] * is_value,
        Field.OPERATOR: operator[:, at[Field.OPERATOR]],
        Field.LITERAL: literal[:, at[Field.LITERAL]],
        Field.VALUE: head[:, layout.narrow :].unflatten(-1, wide)[:, WIDE_FIELDS.index(Field.VALUE)],
        Field.LINK: tail[:, layout.narrow :].unflatten(-1, wide)[:, WIDE_FIELDS.index(Field.LINK)],
    }
