"""Keeping a field's mass within that of its owners, in a mixture of records that may be several things at once.

A record is read as a conditional: its fields over the mass of the tags that have them. Where code and values are mixed, a
field may hold more than that: the third pointer of code lies where a value has the parameter it is bound to. What is more
than the owners' mass would be made of nothing, so it is taken away from all of the field alike.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import NARROW_FIELDS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.selection import OWNED
from neurallambda.machine.tables import Tables


def bounded(records: Float[Tensor, "rows 2 record"], layout: Layout, tables: Tables) -> Float[Tensor, "rows 2 record"]:
    """The records, with no field above what owns it; an environment is bounded at each address."""
    owned = dict(zip(OWNED, (records[:, :, : len(Tag)] @ tables.seen[:, : len(OWNED)]).split(1, dim=-1), strict=True))
    narrow = [records[:, :, layout.slices[field]] for field in NARROW_FIELDS]
    wide = records[:, :, layout.narrow :].unflatten(-1, (WIDE, -1)).unbind(2)
    fields = zip((*NARROW_FIELDS, *WIDE_FIELDS), (*narrow, *wide), strict=True)
    return torch.cat([_within(part, owned.get(field), field) for field, part in fields], dim=-1)


def _within(
    part: Float[Tensor, "rows 2 n"], owned: Float[Tensor, "rows 2 1"] | None, field: Field
) -> Float[Tensor, "rows 2 n"]:
    if owned is None:
        return part
    if field is Field.ENVIRONMENT:
        return torch.minimum(part, owned)
    mass = part.sum(-1, keepdim=True)
    is_too_much = mass > owned
    return part * torch.where(is_too_much, owned / torch.where(is_too_much, mass, 1), 1.0)
