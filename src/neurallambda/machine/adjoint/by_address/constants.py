"""What the derivative of a step needs of tags, operators and rules, where everything is certain: a row of each.

A field that a record has is scaled by one, and what it has not by one over nothing, as in the general step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.masses import inverse, inverse_derivative
from neurallambda.machine.adjoint.by_address.index import POINTING
from neurallambda.machine.adjoint.by_address.places import SET_SOURCES, Places
from neurallambda.machine.alphabet import CODE_FIELDS, KINDS, OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.memory import role_table
from neurallambda.machine.rules import RULES
from neurallambda.machine.selection import (
    ALL_VALUES,
    ANY_VALUE,
    OWNED,
    PER,
    SCALED,
    SCALED_SIZES,
    SCALES,
    TAKES,
    TAKES_LITERAL,
)
from neurallambda.machine.step import HALT
from neurallambda.machine.tables import Tables

SOURCES = (
    *("nothing", "zero", "here", "value", "kind", "value pointer", "control", "continuation"),
    *(("control", field) for field in POINTING),
    *(("frame", field) for field in POINTING),
)
"""By what a place is moved on: nothing is no place."""

ANY, LITERAL, OPERATOR = PER.index(ANY_VALUE), OWNED.index(Field.LITERAL), OWNED.index(Field.OPERATOR)
_BEFORE_TAKES = sum(SCALED_SIZES[:2])
_TAKES_LITERAL = slice(_BEFORE_TAKES + TAKES_LITERAL.start, _BEFORE_TAKES + TAKES_LITERAL.stop)
FRAME, KEPT, INTEGER = len(PER), 2 * len(PER), 2 * len(PER) + len(OWNED)
"""Where the scales of the frame, of what is kept and of an integer begin among `SCALES`."""

ADDED = (ANY, INTEGER, FRAME + LITERAL, FRAME + OWNED.index(Field.SECOND))
"""Those of `SCALES` that computing and binding use besides."""


@dataclass(frozen=True)
class Constants:
    """The constants.

    Attributes:
        literals: the entries of a selection that take the literal of control.
        last: where in `arriving` nothing is.
        base, source: where in `arriving` the products of a selection stand, and by which of `SOURCES` each is moved on.
        select: from a selection to the rules.
        chosen: the selection of each rule, as far as it goes on.
        scaled: from a selection to pairs of a scale and of something seen that it came from; then to halting.
        added: from some of `SCALES`, those of computing and of binding, to the same.
        goes_on: the rules that go on, by the rule that applies.
        of_control, of_frame: by the tags of control and of the frame, to be multiplied: the scales of a selection; the
            coefficients of the pairs; the rules that fit and ask for an operator; one over how far the frame has an operator; the derivative of that.
        sizes: of these parts.
        control, frame, operator: the rules that fit each tag and operator; no operator is one past the last.
        of_operator: those of the rules that ask for an operator that ask for each.
        four: all rules twice, then those that ask for an operator twice: what each rule is the product of.
        seen: from the rules by what they leave out, these pairs and halting to the tags and operators of both records.
        roles: from roles to the same.
        ends, errors: the rules that end; those of each error.
    """

    literals: Int[Tensor, " taking"]
    last: int
    base: Int[Tensor, " selection"]
    source: Int[Tensor, " selection"]
    select: Float[Tensor, "selection rules"]
    chosen: Float[Tensor, "rules_and_staying selection"]
    scaled: Float[Tensor, "selection pairs"]
    added: Float[Tensor, "4 pairs"]
    goes_on: Float[Tensor, "rules_and_staying rules"]
    of_control: Float[Tensor, "tags parts"]
    of_frame: Float[Tensor, "tags parts"]
    sizes: list[int]
    control: Float[Tensor, "tags rules"]
    frame: Float[Tensor, "tags rules"]
    operator: Float[Tensor, "operators_and_none rules"]
    of_operator: Float[Tensor, "operators_and_none asking"]
    four: Int[Tensor, " four"]
    seen: Float[Tensor, "reasons tags_and_operators"]
    roles: Float[Tensor, "3 tags_and_operators"]
    ends: Float[Tensor, " rules"]
    errors: Float[Tensor, "errors rules"]


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they are kept, for other runs
def constants(layout: Layout, width: int, tables: Tables) -> Constants:
    """The constants of memory of one size."""
    places = Places(layout, width)
    every = pad(tables.select, (0, 1))  # what is selected last is one, for halting
    live = torch.cat([tables.select[:-1].any(0), torch.tensor([True])]).nonzero()[:, 0]
    select = every[:, live]
    base, source = (torch.tensor(part)[live] for part in zip(*_products(places), strict=True))
    signs = torch.where(live == SCALED - 1, -1.0, 1.0)  # binding takes the older binding away
    stays = torch.tensor([*(rule.halts or rule.error is not None for rule in RULES), True])
    goes_or_computes = (tables.goes_on + tables.computes)[:, None]
    goes = goes_or_computes * (tables.goes_on + tables.computes[:, None] * tables.computes)
    scales = inverse(tables.seen[:, : len(PER)])
    none = select.new_zeros(1, len(RULES))
    scaled = pad(tables.scaled, (0, 0, 0, every.shape[1] - SCALED))[live]
    pairs, of_control, of_frame, to_seen = _pairs(tables, scales, scaled.any(0))
    factors = [part[:, live] for part in _factors(tables, scales)]
    factors[0] = factors[0] * signs
    asking = tables.operator.any(0).nonzero()[:, 0]
    rules = torch.arange(len(RULES))
    four = torch.cat([rules, rules, asking, asking])
    some, control, frame = select.new_ones(len(Tag), 1), tables.control, tables.frame
    per_operator, derivative = scales[:, OPERATOR, None], inverse_derivative(scales)[:, OPERATOR, None]
    by_control = [factors[0], of_control, control[:, asking], some, some]
    by_frame = [factors[1], of_frame, frame[:, asking], per_operator, derivative]
    return Constants(
        (live[:, None] == torch.arange(_TAKES_LITERAL.start, _TAKES_LITERAL.stop)).any(1).nonzero()[:, 0],
        places.arriving - 1,
        base,
        source,
        select[:-1].t().contiguous(),
        torch.where(stays[:, None], 0, select * signs).index_fill(1, torch.tensor(len(live) - 1), 1.0),
        torch.block_diag(scaled[:-1, pairs], select.new_ones(1, 1)),
        pad(torch.eye(len(SCALES), dtype=select.dtype)[list(ADDED)][:, pairs], (0, 1)),
        torch.cat([goes, none]),
        torch.cat(by_control, dim=1),
        torch.cat(by_frame, dim=1),
        [part.shape[1] for part in by_control],
        control,
        frame,
        torch.cat([tables.operator, none]) + tables.any_operator,
        torch.cat([tables.operator, none])[:, asking],
        four,
        _seen(tables, asking, to_seen),
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
    yield places.one, number["zero"]


def _factors(tables: Tables, scales: Tensor) -> list[Float[Tensor, "tags selection"]]:
    """How a selection is scaled, by the tag of control and by that of the frame; the other leaves it as it is."""
    owned, _, integer = _parts(tables)
    kept = owned * scales[:, : len(OWNED)] * scales[:, ANY, None]
    is_integer = integer * scales[:, LITERAL, None] * scales[:, ANY, None]
    one = torch.ones_like(scales)
    of_control = torch.cat([scales, one, kept, is_integer, one[:, :1]], dim=1)
    of_frame = torch.cat([one, scales, torch.ones_like(kept), one[:, :2]], dim=1)
    rest = one.new_ones(len(one), tables.select.shape[1] + 1 - SCALED)
    return [torch.cat([part[:, tables.scaling], rest], dim=1) for part in (of_control, of_frame)]


def _parts(tables: Tables) -> tuple[Tensor, Tensor, Tensor]:
    """How far each tag is a value that has each of `OWNED`, is a value of each kind, is an integer."""
    owned, kinds, integer = tables.seen[:, len(PER) :].split((len(OWNED), len(KINDS), 1), dim=1)
    return owned, kinds, integer


def _pairs(
    tables: Tables, scales: Tensor, live: Tensor
) -> tuple[Int[Tensor, " pairs"], Tensor, Tensor, Float[Tensor, "pairs tags_and_operators"]]:
    """The scale of each pair, its coefficients, and what is carried on to: the derivatives of all scales by what was seen.

    The scales in `live` are those of any rule, and those that computing needs.
    """
    owned, _, is_integer = _parts(tables)
    derivatives, of_any = inverse_derivative(scales), scales[:, ANY, None]
    of_fields, of_literal, one = scales[:, : len(OWNED)], scales[:, LITERAL, None], torch.ones_like(scales)
    to_any, to_literal = derivatives[:, ANY, None], derivatives[:, LITERAL, None]
    fields, integer = [*range(len(OWNED))], len(PER) + len(OWNED) + len(KINDS)
    kept = [KEPT + field for field in fields]
    parts: list[tuple[list[int], Tensor, Tensor, int, list[int]]] = [
        ([*range(FRAME)], derivatives, one, 0, [*range(FRAME)]),
        (kept, owned * of_any * derivatives[:, : len(OWNED)], one[:, : len(OWNED)], 0, fields),
        (kept, owned * of_fields * to_any, one[:, : len(OWNED)], 0, [ANY] * len(OWNED)),
        (kept, of_fields * of_any, one[:, : len(OWNED)], 0, [len(PER) + field for field in fields]),
        ([INTEGER], is_integer * of_any * to_literal, one[:, :1], 0, [LITERAL]),
        ([INTEGER], is_integer * of_literal * to_any, one[:, :1], 0, [ANY]),
        ([INTEGER], of_literal * of_any, one[:, :1], 0, [integer]),
        ([*range(FRAME, KEPT)], one, derivatives, len(Tag) + len(OPERATORS), [*range(len(PER))]),
    ]
    pairs = torch.tensor([scale for part in parts for scale in part[0]])
    of_control, of_frame = torch.cat([part[1] for part in parts], dim=1), torch.cat([part[2] for part in parts], dim=1)
    to_seen = scales.new_zeros(len(pairs), 2 * (len(Tag) + len(OPERATORS)))
    row = 0
    for _, _, _, start, columns in parts:
        to_seen[row : row + len(columns), start : start + len(Tag)] = tables.seen[:, columns].t()
        row += len(columns)
    used = live.index_fill(0, torch.tensor(ADDED), True)[pairs]
    return pairs[used], of_control[:, used], of_frame[:, used], to_seen[used]


def _seen(tables: Tables, asking: Tensor, of_pairs: Tensor) -> Float[Tensor, "reasons tags_and_operators"]:
    """`Constants.seen`: to the tags and operators of control, then to those of the frame."""
    both, new = len(Tag) + len(OPERATORS), tables.select.new_zeros
    to_control, to_frame = slice(0, len(Tag)), slice(both, both + len(Tag))
    control, frame = new(len(RULES), 2 * both), new(len(RULES), 2 * both)
    operator, of_operator, halts = new(len(asking), 2 * both), new(len(asking), 2 * both), new(1, 2 * both)
    control[:, to_control] = tables.control.t()
    frame[:, to_frame] = tables.frame.t()
    operator[:, both + len(Tag) :] = tables.operator[:, asking].t()
    of_operator[:, to_frame] = tables.seen[:, OPERATOR]
    halts[:, to_frame][:, HALT] = 1
    return torch.cat([control, frame, operator, of_operator, of_pairs, halts])


def _roles(like: Tensor) -> Float[Tensor, "3 tags_and_operators"]:
    """`Constants.roles`: a pointer is divided by what there is of its role, and control is a value as far as it is one."""
    both, table = len(Tag) + len(OPERATORS), role_table(like).t()
    found = like.new_zeros(3, 2 * both)
    found[0, : len(Tag)] = -table[0]
    found[1, both : both + len(Tag)] = -table[1]
    found[2, : len(Tag)] = table[2]
    return found
