"""What the derivative of a step needs of tags, operators and rules, where everything is certain: a row of each.

A field that a record has is scaled by one, and what it has not by one over nothing, as in the general step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arithmetic.masses import inverse, inverse_derivative
from neurallambda.machine.adjoint.by_address.index import POINTING
from neurallambda.machine.adjoint.by_address.places import SET_SOURCES, Places
from neurallambda.machine.alphabet import CODE_FIELDS, KINDS, OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.memory import role_table
from neurallambda.machine.rules import RULES
from neurallambda.machine.selection import ALL_VALUES, ANY_VALUE, OWNED, PER, SCALED, SCALES, TAKES
from neurallambda.machine.step import HALT
from neurallambda.machine.tables import Tables

SOURCES = (
    *("nothing", "zero", "here", "value", "kind", "value pointer", "control", "continuation"),
    *(("control", field) for field in POINTING),
    *(("frame", field) for field in POINTING),
)
"""By what a place is moved on: nothing is no place."""

ANY, LITERAL, OPERATOR = PER.index(ANY_VALUE), OWNED.index(Field.LITERAL), OWNED.index(Field.OPERATOR)
FRAME, KEPT, INTEGER = len(PER), 2 * len(PER), 2 * len(PER) + len(OWNED)
"""Where the scales of the frame, of what is kept and of an integer begin among `SCALES`."""


@dataclass(frozen=True)
class Constants:
    """The constants.

    Attributes:
        last: where in `arriving` nothing is.
        base, source: where in `arriving` the products of a selection stand, and by which of `SOURCES` each is moved on.
        select: from a selection to the rules.
        chosen: the selection of each rule; the last stays.
        factors: the scales of a selection, by the tags of control and of the frame.
        scaled: from a selection to `SCALES`.
        goes_on: the rules that go on, by the rule that applies.
        control, frame, operator: the rules that fit each tag and operator; no operator is one past the last.
        of_operator: the rules that ask for each operator.
        per_operator, operator_derivative: one over how far the frame has an operator; the derivative.
        pairs: which of `SCALES` something was carried to and is carried on from, to something seen.
        coefficients: of that, by the tags of control and of the frame.
        seen: from the rules by what they leave out, these pairs and halting to the tags and operators of both records.
        roles: from roles to the same.
        ends, errors: the rules that end; those of each error.
    """

    last: int
    base: Int[Tensor, " selection"]
    source: Int[Tensor, " selection"]
    select: Float[Tensor, "selection rules"]
    chosen: Float[Tensor, "rules_and_staying selection"]
    factors: tuple[Float[Tensor, "tags selection"], Float[Tensor, "tags selection"]]
    scaled: Float[Tensor, "selection scales"]
    goes_on: Float[Tensor, "rules_and_staying rules"]
    control: Float[Tensor, "tags rules"]
    frame: Float[Tensor, "tags rules"]
    operator: Float[Tensor, "operators_and_none rules"]
    of_operator: Float[Tensor, "operators_and_none rules"]
    per_operator: Float[Tensor, "tags 1"]
    operator_derivative: Float[Tensor, "tags 1"]
    pairs: Int[Tensor, " pairs"]
    coefficients: tuple[Float[Tensor, "tags pairs"], Float[Tensor, "tags pairs"]]
    seen: Float[Tensor, "reasons tags_and_operators"]
    roles: Float[Tensor, "3 tags_and_operators"]
    ends: Float[Tensor, " rules"]
    errors: Float[Tensor, "errors rules"]


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they are kept, for other runs
def constants(layout: Layout, width: int, tables: Tables) -> Constants:
    """The constants of memory of one size."""
    places, select = Places(layout, width), tables.select
    base, source = zip(*_products(places), strict=True)
    stays = [rule.halts or rule.error is not None for rule in RULES]
    chosen = torch.where(torch.tensor([*stays, True])[:, None], select[-1], select)
    goes_or_computes = (tables.goes_on + tables.computes)[:, None]
    goes = goes_or_computes * (tables.goes_on + tables.computes[:, None] * tables.computes)
    scales = inverse(tables.seen[:, : len(PER)])
    pairs, of_control, of_frame = _pairs(tables, scales)
    none = select.new_zeros(1, len(RULES))
    selection = select.shape[1]
    return Constants(
        places.arriving - 1,
        torch.tensor(base),
        torch.tensor(source),
        select[:-1].t().contiguous(),
        chosen,
        _factors(tables, scales),
        torch.cat([tables.scaled, select.new_zeros(selection - SCALED, len(SCALES))]),
        torch.cat([goes, none]),
        tables.control,
        tables.frame,
        torch.cat([tables.operator, none]) + tables.any_operator,
        torch.cat([tables.operator, none]),
        scales[:, OPERATOR, None],
        inverse_derivative(scales)[:, OPERATOR, None],
        pairs,
        (of_control, of_frame),
        _seen(tables, len(pairs)),
        _roles(select),
        tables.ends[:, 1:].sum(1),
        tables.ends[:, 2:].t().contiguous(),
    )


def _products(places: Places) -> Iterator[tuple[int, int]]:
    """For each entry of a selection, in order: `Constants.base` and `source`."""
    at, width, number = places.at, places.width, {source: index for index, source in enumerate(SOURCES)}
    starts = (places.next_code, *(at[field] for field in CODE_FIELDS))
    for start in starts:
        for owner in ("control", "frame"):
            yield from ((start, number[owner, field]) for field in CODE_FIELDS)
    starts = (*(places.registers + index * width for index in range(WIDE)), *(at[field] for field in WIDE_FIELDS))
    for index, start in enumerate(starts):
        sets = None if index not in (1, WIDE) else places.sets + (index == 1) * SET_SOURCES
        members = [("zero", sets + member) if sets is not None else ("nothing", 0) for member in range(SET_SOURCES)]
        for owner, (name, place) in zip(("control", "frame"), members, strict=False):
            yield place, number[name]
            yield from ((start, number[owner, field]) for field in WIDE_FIELDS[1:])
        yield start, number["value pointer"]
        yield start, number["control"]
        yield members[2][1], number[members[2][0]]
        yield start, number["continuation"]
    for _, _, fields in TAKES:
        field = fields[0]
        if field == ALL_VALUES:
            yield at[Field.TAG], number["value"]
        elif field is Field.LITERAL:
            yield 0, number["nothing"]  # literals are looked at apart
        elif field is Field.ENVIRONMENT:
            yield places.sets, number["zero"]
        else:
            assert isinstance(field, Field)
            yield at[field], number["control", field]
    yield at[Field.OPERATOR], number["frame", Field.OPERATOR]
    yield at[Field.KIND], number["kind"]
    yield places.binds, number["zero"]
    yield from ((places.registers + index * width, number["here"]) for index in range(WIDE))
    yield from ((at[Field.TAG] + tag, number["zero"]) for tag in Tag)
    yield places.share, number["zero"]


def _factors(tables: Tables, scales: Tensor) -> tuple[Float[Tensor, "tags selection"], Float[Tensor, "tags selection"]]:
    """How a selection is scaled, by the tag of control and by that of the frame; the other leaves it as it is."""
    owned, _, integer = _parts(tables)
    kept = owned * scales[:, : len(OWNED)] * scales[:, ANY, None]
    is_integer = integer * scales[:, LITERAL, None] * scales[:, ANY, None]
    one = torch.ones_like(scales)
    of_control = torch.cat([scales, one, kept, is_integer, one[:, :1]], dim=1)
    of_frame = torch.cat([one, scales, torch.ones_like(kept), one[:, :2]], dim=1)
    rest = one.new_ones(len(one), tables.select.shape[1] - SCALED)
    control, frame = (torch.cat([part[:, tables.scaling], rest], dim=1) for part in (of_control, of_frame))
    return control, frame


def _parts(tables: Tables) -> tuple[Tensor, Tensor, Tensor]:
    """How far each tag is a value that has each of `OWNED`, is a value of each kind, is an integer."""
    owned, kinds, integer = tables.seen[:, len(PER) :].split((len(OWNED), len(KINDS), 1), dim=1)
    return owned, kinds, integer


def _pairs(tables: Tables, scales: Tensor) -> tuple[Int[Tensor, " pairs"], Tensor, Tensor]:
    """`Constants.pairs` and `coefficients`: the derivatives of all scales by what was seen, in the order of `_seen`."""
    owned, _, integer = _parts(tables)
    derivatives, of_any = inverse_derivative(scales), scales[:, ANY, None]
    of_fields = scales[:, : len(OWNED)]
    of_literal, to_any, to_literal = (part[:, None] for part in (scales[:, LITERAL], derivatives[:, ANY], derivatives[:, LITERAL]))
    fields = range(KEPT, KEPT + len(OWNED))
    of_control = torch.cat(
        [
            derivatives,
            owned * of_any * derivatives[:, : len(OWNED)],
            owned * of_fields * to_any,
            of_fields * of_any,
            integer * of_any * to_literal,
            integer * of_literal * to_any,
            of_literal * of_any,
        ],
        dim=1,
    )
    pairs = [*range(FRAME), *fields, *fields, *fields, INTEGER, INTEGER, INTEGER, *range(FRAME, KEPT)]
    one = torch.ones_like(scales)
    frame = torch.cat([torch.ones_like(of_control), derivatives], dim=1)
    return torch.tensor(pairs), torch.cat([of_control, one], dim=1), frame


def _seen(tables: Tables, pairs: int) -> Float[Tensor, "reasons tags_and_operators"]:
    """`Constants.seen`: to the tags and operators of control, then to those of the frame."""
    rules, both = len(RULES), len(Tag) + len(OPERATORS)
    to_control, to_frame = slice(0, len(Tag)), slice(both, both + len(Tag))
    table = tables.select.new_zeros(4 * rules + pairs + 1, 2 * both)
    table[:rules, to_control] = tables.control.t()
    table[rules : 2 * rules, to_frame] = tables.frame.t()
    table[2 * rules : 3 * rules, both + len(Tag) :] = tables.operator.t()
    table[3 * rules : 4 * rules, to_frame] = tables.seen[:, OPERATOR]
    fields, any_value = [*range(len(OWNED))], [ANY] * len(OWNED)
    owned = [len(PER) + field for field in fields]
    integer = len(PER) + len(OWNED) + len(KINDS)
    columns = [*range(len(PER)), *fields, *any_value, *owned, LITERAL, ANY, integer]
    start = 4 * rules
    table[start : start + len(columns), to_control] = tables.seen[:, columns].t()
    table[start + len(columns) : -1, to_frame] = tables.seen[:, : len(PER)].t()
    table[-1, to_frame][HALT] = 1
    return table


def _roles(like: Tensor) -> Float[Tensor, "3 tags_and_operators"]:
    """`Constants.roles`: a pointer is divided by what there is of its role, and control is a value as far as it is one."""
    both, table = len(Tag) + len(OPERATORS), role_table(like).t()
    found = like.new_zeros(3, 2 * both)
    found[0, : len(Tag)] = -table[0]
    found[1, both : both + len(Tag)] = -table[1]
    found[2, : len(Tag)] = table[2]
    return found
