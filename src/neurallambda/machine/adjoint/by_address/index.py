"""Memory that is certain, as numbers: where each field of each record points."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.adjoint.by_address.places import Places
from neurallambda.machine.alphabet import FIELDS_OF, NARROW_FIELDS, Field, Tag
from neurallambda.machine.memory import Memory

POINTING = (*NARROW_FIELDS, Field.LINK, Field.VALUE)
"""The fields that are one-hot, or nothing."""

AS = {field: number for number, field in enumerate(POINTING)}
HAVE_LITERALS = [tag for tag in Tag if Field.LITERAL in FIELDS_OF.get(tag, ())]

_NEVER_TOGETHER = ((Field.KIND, Field.FIRST), (Field.SECOND, Field.VALUE))
"""Fields that no record has both of: one place does for both."""
assert not any({one, other} <= set(fields) for one, other in _NEVER_TOGETHER for fields in FIELDS_OF.values())


@dataclass(frozen=True)
class Index:
    """What is where.

    Attributes:
        fields: where each of `POINTING` is one; -1 where it is nothing.
        bound: the parameter that each address binds; one past the last where it binds none.
        names: the parameter that each variable names; two past the last where there is no variable.
        slots: the place of each address among those of its program at whose literals something may arrive, from 1; else 0.
        roles: control may stand there; a frame is there; a value is there.
        seen: where in `found` the numbers stand that a record would have added if a register had pointed at it.
        literals: the literal of each address, if it has one.
        has_literal: where it has one and control may stand there, or it is a frame.
    """

    fields: Int[Tensor, "batch addresses pointing"]
    bound: Int[Tensor, "batch addresses"]
    names: Int[Tensor, "batch code"]
    slots: Int[Tensor, "batch addresses"]
    roles: Float[Tensor, "batch 3 addresses"]
    seen: Int[Tensor, "batch parts addresses"]
    literals: Int[Tensor, "batch addresses"]
    has_literal: Float[Tensor, "batch 2 addresses"]

    @staticmethod
    def of(memory: Memory, places: Places, read: Int[Tensor, "batch read"]) -> "Index":
        """Find everything; unwritten records are nothing. At the literals of the addresses `read` something may arrive, too."""
        layout = memory.layout
        code = layout.code
        fields = _fields(memory, places)
        third = fields[:, :, AS[Field.THIRD]]
        bound = torch.where(third < 0, code, third)
        bound[:, :code] = code
        tags = fields[:, :, AS[Field.TAG]]
        first = fields[:, :code, AS[Field.FIRST]]
        names = torch.where(tags[:, :code] == Tag.VARIABLE, first, code + 1)
        has_literal = torch.isin(tags, torch.tensor(HAVE_LITERALS)).scatter_(1, read, True)
        slots = torch.where(has_literal, has_literal.cumsum(1), 0)
        roles = memory.roles
        is_frame = roles[:, 1] > 0
        nothing = (roles[:, :2].sum(1) == 0)[:, None]
        owner = torch.where(is_frame, places.record, 0)[:, None]
        at = {field: fields[:, :, AS[field]] for field in POINTING}
        at = {
            field: torch.where(at[field] < 0, -1, at[field] + places.at[field])
            for field in POINTING
            if field in places.at
        }
        parts = [at.pop(one).maximum(at.pop(other)) for one, other in _NEVER_TOGETHER] + [*at.values()]
        seen = torch.cat([torch.stack(parts, dim=1), _sets(memory, places)], dim=1)
        seen = torch.where((seen < 0) | nothing, places.nothing, seen + owner)
        literal = fields[:, :, AS[Field.LITERAL]]
        return Index(
            fields,
            bound,
            names,
            slots,
            roles,
            seen,
            literal.clamp_min(0),
            roles[:, :2] * (literal >= 0)[:, None],
        )


def _fields(memory: Memory, places: Places) -> Int[Tensor, "batch addresses pointing"]:
    """`Index.fields`: what is one-hot, times the numbers from one on, is one more than where it is one."""
    records, layout = memory.records, memory.layout
    found = records.new_empty(*records.shape[:2], len(POINTING))
    literal = layout.slices[Field.LITERAL]
    numbers = torch.arange(1, max(records.shape[2], layout.integers) + 1, dtype=records.dtype)
    found[:, :, AS[Field.LITERAL]] = records[:, :, literal] @ numbers[: layout.integers]
    others = [field for field in POINTING if field is not Field.LITERAL]
    table = records.new_zeros(places.record, len(others))
    for column, field in enumerate(others):
        start, size = places.at[field], places.sizes[field]
        table[start : start + size, column] = numbers[:size]
    rest = records[:, :, : literal.start] @ table[: literal.start]
    rest += records[:, :, literal.stop :] @ table[literal.start :]
    found[:, :, [AS[field] for field in others]] = rest
    return found.long() - 1


def _sets(memory: Memory, places: Places) -> Int[Tensor, "batch most addresses"]:
    """Where in a record the members of each environment stand; -1 behind them."""
    narrow, width = memory.layout.narrow, memory.width
    environments = memory.records[:, :, narrow : narrow + width]
    row, address, member = environments.nonzero(as_tuple=True)
    owner = row * width + address
    counts = torch.bincount(owner, minlength=len(environments) * width)
    place = torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner]
    found = torch.full((len(environments), int(counts.max()), width), -1)
    found[row, place, address] = member + places.at[Field.ENVIRONMENT]
    return found
