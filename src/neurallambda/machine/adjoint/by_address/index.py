"""Memory that is certain, as numbers: where each field of each record points."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.adjoint.by_address.places import Places
from neurallambda.machine.alphabet import FIELDS_OF, NARROW_FIELDS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE
from neurallambda.machine.memory import Memory

POINTING = (*NARROW_FIELDS, Field.LINK, Field.VALUE)
"""The fields that are one-hot, or nothing."""

AS = {field: number for number, field in enumerate(POINTING)}
HAVE_LITERALS = [tag for tag in Tag if Field.LITERAL in FIELDS_OF.get(tag, ())]


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
        literals: the same for its literal: among the integers of control, then those of the frame, then a zero.
    """

    fields: Int[Tensor, "batch addresses pointing"]
    bound: Int[Tensor, "batch addresses"]
    names: Int[Tensor, "batch code"]
    slots: Int[Tensor, "batch addresses"]
    roles: Float[Tensor, "batch 3 addresses"]
    seen: Int[Tensor, "batch parts addresses"]
    literals: Int[Tensor, "batch addresses"]

    @staticmethod
    def of(memory: Memory, places: Places, read: Int[Tensor, "batch read"]) -> "Index":
        """Find everything; unwritten records are nothing. At the literals of the addresses `read` something may arrive, too."""
        layout, records = memory.layout, memory.records
        code, integers = layout.code, layout.integers
        fields = (records @ _numbers(places, records)).long() - 1
        third = fields[:, :, AS[Field.THIRD]]
        bound = torch.where(third < 0, code, third)
        bound[:, :code] = code
        tags = fields[:, :, AS[Field.TAG]]
        first = fields[:, :code, AS[Field.FIRST]]
        names = torch.where(tags[:, :code] == Tag.VARIABLE, first, code + 1)
        has_literal = torch.isin(tags, torch.tensor(HAVE_LITERALS)).scatter_(1, read, True)  # noqa: FBT003
        slots = torch.where(has_literal, has_literal.cumsum(1), 0)
        roles = memory.roles
        is_frame = roles[:, 1] > 0
        nothing = (roles[:, :2].sum(1) == 0)[:, None]
        owner = torch.where(is_frame, places.record, 0)[:, None]
        parts = [
            torch.where(fields[:, :, AS[field]] < 0, -1, fields[:, :, AS[field]] + places.at[field])
            for field in POINTING
            if field is not Field.LITERAL
        ]
        seen = torch.cat([torch.stack(parts, dim=1), _sets(memory, places)], dim=1)
        literal = fields[:, :, AS[Field.LITERAL]]
        return Index(
            fields,
            bound,
            names,
            slots,
            roles,
            torch.where((seen < 0) | nothing, places.found - 1, seen + owner),
            torch.where((literal < 0) | nothing[:, 0], 2 * integers, literal + is_frame * integers),
        )


def _numbers(places: Places, like: Tensor) -> Float[Tensor, "record pointing"]:
    """What turns a one-hot field into one more than where it is one."""
    layout, width = places.layout, places.width
    numbers = like.new_zeros(layout.narrow + WIDE * width, len(POINTING))
    for column, field in enumerate(POINTING):
        if field in WIDE_FIELDS:
            start = layout.narrow + WIDE_FIELDS.index(field) * width
            place = slice(start, start + width)
        else:
            place = layout.slices[field]
        numbers[place, column] = torch.arange(1, place.stop - place.start + 1, dtype=like.dtype)
    return numbers


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
