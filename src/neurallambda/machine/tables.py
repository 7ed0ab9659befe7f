"""The rules as tensors: which states a rule matches, and where it moves what."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.machine.alphabet import FIELDS_OF, KINDS, NARROW_FIELDS, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.compute import COMPUTING, Operations
from neurallambda.machine.rules import RULES, From, Operand, Rule, Take

CODE_SOURCES = (
    From.CONTROL_FIRST,
    From.CONTROL_SECOND,
    From.CONTROL_THIRD,
    From.FRAME_FIRST,
    From.FRAME_SECOND,
    None,
)
"""What points at code, in the order in which it lies in two records. No rule takes the last, a frame's third pointer."""

WIDE_SOURCES = (
    From.CONTROL_ENVIRONMENT,
    From.CONTROL_LINK,
    From.CONTROL_VALUE,
    From.FRAME_ENVIRONMENT,
    From.FRAME_LINK,
    From.FRAME_VALUE,
    From.CONTROL,
    None,
    From.ENVIRONMENT,
    From.CONTINUATION,
)
"""What points anywhere, likewise: three fields of two records, then the registers. Where a rule takes control it takes a
value; control as it is, whatever it stands on, is for programs that stay where they are."""

OWNED: tuple[Field, ...] = (
    Field.OPERATOR,
    Field.LITERAL,
    Field.FIRST,
    Field.SECOND,
    Field.THIRD,
    Field.ENVIRONMENT,
    Field.LINK,
    Field.VALUE,
)
"""The fields whose mass in a record is the mass of the tags that have them."""

RIGHT_OPERAND, ANY_VALUE = "right operand", "any value"
PER: tuple[Field | str, ...] = (*OWNED, RIGHT_OPERAND, ANY_VALUE)
"""What a record's scales scale to, in order: its fields, to what they are where it has them; then what holds of all of it."""

ERRORS = tuple(ErrorKind)
COMPUTED_ERRORS = (ErrorKind.NOT_AN_INTEGER, ErrorKind.OVERFLOW, ErrorKind.DIVISION_BY_ZERO)
CODE_TARGETS, WIDE_TARGETS = 4, 6
"""The next control and three fields of the record; the three registers and three fields."""

Scale = tuple[str, Field | str]
"""Of which record a scale is, and of what. `kept` is how much of a field is left where control is a value."""

_ONE: Scale = ("one", "one")
_INTEGER: Scale = ("integer", Field.LITERAL)
SCALES: tuple[Scale, ...] = (
    *(("control", per) for per in PER),
    *(("frame", per) for per in PER),
    *(("kept", field) for field in OWNED),
    _INTEGER,
    _ONE,
)
"""All scales, in the order in which a step lines them up."""

_POINTER_SCALES: dict[From | None, Scale] = {
    source: source.value
    for source in (*CODE_SOURCES, *WIDE_SOURCES)
    if source and source.value[0] in ("control", "frame")
} | {From.CONTROL: ("control", ANY_VALUE)}

_VALUE = "the tags of values"
_TAKES: tuple[tuple[str, Scale, tuple[Field | str, ...]], ...] = (
    ("copies", ("control", ANY_VALUE), (_VALUE,)),
    ("copies", ("kept", Field.OPERATOR), (Field.OPERATOR,)),
    ("takes its operator", ("control", Field.OPERATOR), (Field.OPERATOR,)),
    ("takes what it holds", ("control", Field.LITERAL), (Field.KIND, Field.LITERAL)),
    ("copies", ("kept", Field.LITERAL), (Field.KIND, Field.LITERAL)),
    ("takes its value", _INTEGER, (Field.LITERAL,)),
    *(("copies", ("kept", field), (field,)) for field in (Field.FIRST, Field.SECOND, *WIDE_FIELDS)),
)
"""What a rule may take of the record under control into the same place of the new record: when, how scaled, which fields."""


@dataclass(frozen=True)
class Selection:
    """How much each source gives to each target, of one rule or of a mixture of rules.

    Attributes:
        code: from `CODE_SOURCES` to the next control and the record's three code pointers.
        wide: from `WIDE_SOURCES` to the three registers and the record's three wide pointers.
        taken: how much of the record under control is taken as it is, in parts that `Memory.take_columns` spreads over it.
        operator: how much of the frame's operator is taken.
        kind: how much of the kind of the value under control is taken.
        binds: how much the record joins the environment of the frame.
        here: from the new record to the three registers.
        written: the tag written.
        computes: whether the record is computed.
    """

    code: Float[Tensor, "batch 4 6"]
    wide: Float[Tensor, "batch 6 10"]
    taken: Float[Tensor, "batch taken"]
    operator: Float[Tensor, "batch 1"]
    kind: Float[Tensor, "batch 1"]
    binds: Float[Tensor, "batch 1"]
    here: Float[Tensor, "batch 3"]
    written: Float[Tensor, "batch tags"]
    computes: Float[Tensor, "batch 1"]


SCALED_SIZES = (len(CODE_SOURCES) * CODE_TARGETS, len(WIDE_SOURCES) * WIDE_TARGETS, len(_TAKES), 1, 1, 1)
_AS_IT_IS = (3, len(Tag), 1)
SCALED = sum(SCALED_SIZES)
"""So many entries of a selection come first and are scaled."""


@dataclass(frozen=True)
class Tables:
    """All constants of a step.

    Attributes:
        operations: what computes.
        seen: from tags to the masses of `PER`, to those of `OWNED` in values, to kinds of operand, and to integer.
        control, frame, operator: which tags and operators a rule matches.
        any_operator: the rules that match whatever operator the frame holds, or none.
        ends: whether a rule computes, whether it halts, and which of `ERRORS` it ends in.
        goes_on: the rules after which the program goes on for certain.
        computes: the rule that computes, and goes on where the computation succeeds.
        select: every rule's selection, and last that of staying as you are.
        scaling: which of `SCALES` scales each of the first entries of a selection.
        scaled: the same, as a matrix.
        computing: the operators that compute.
        computed_errors: from `COMPUTED_ERRORS` to `ERRORS`.
        results: the tags of a computed integer, of true and of false.
    """

    operations: Operations
    seen: Float[Tensor, "tags seen"]
    control: Float[Tensor, "tags rules"]
    frame: Float[Tensor, "tags rules"]
    operator: Float[Tensor, "operators rules"]
    any_operator: Float[Tensor, " rules"]
    ends: Float[Tensor, "rules ends"]
    goes_on: Float[Tensor, " rules"]
    computes: Float[Tensor, " rules"]
    select: Float[Tensor, "rules_and_staying selection"]
    scaling: Int[Tensor, " scaled"]
    scaled: Float[Tensor, "scaled scales"]
    computing: Float[Tensor, " operators"]
    computed_errors: Float[Tensor, "computed_errors errors"]
    results: Float[Tensor, "3 tags"]


@lru_cache(maxsize=16)
def tables(integers: range, operations: frozenset[str], device: torch.device, dtype: torch.dtype) -> Tables:
    """The tables for a range of integers and the operations that may occur; made once."""

    def tensor(rows: list[list[bool]] | list[bool]) -> Tensor:
        return torch.tensor(rows, device=device, dtype=dtype)

    masses = [[field in FIELDS_OF.get(tag, ()) for field in OWNED] for tag in Tag]
    seen = [
        [
            *(*row, tag is Tag.COMPUTE_BINARY, tag in VALUES),
            *(has and tag in VALUES for has in row),
            *(tag is kind for kind in (*KINDS, Tag.INTEGER)),
        ]
        for row, tag in zip(masses, Tag, strict=True)
    ]
    scaling = torch.tensor([SCALES.index(scale) for scale in _scaling()], device=device)
    return Tables(
        operations=Operations.of(integers, operations, device, dtype),
        seen=tensor(seen),
        control=tensor([[tag in rule.control for rule in RULES] for tag in Tag]),
        frame=tensor([[tag in rule.frame for rule in RULES] for tag in Tag]),
        operator=tensor([[name in (rule.operator or ()) for rule in RULES] for name in OPERATORS]),
        any_operator=tensor([rule.operator is None for rule in RULES]),
        ends=tensor([[rule.computes, rule.halts, *(rule.error is kind for kind in ERRORS)] for rule in RULES]),
        goes_on=tensor([not (rule.halts or rule.error or rule.computes) for rule in RULES]),
        computes=tensor([rule.computes for rule in RULES]),
        select=tensor([*map(_selection, RULES), _staying()]),
        scaling=scaling,
        scaled=torch.nn.functional.one_hot(scaling, len(SCALES)).to(dtype),
        computing=tensor([name in COMPUTING for name in OPERATORS]),
        computed_errors=tensor([[kind is error for error in ERRORS] for kind in COMPUTED_ERRORS]),
        results=tensor([[tag is result for tag in Tag] for result in (Tag.INTEGER, Tag.TRUE, Tag.FALSE)]),
    )


def selection(
    chosen: Float[Tensor, "batch selection"], scales: Float[Tensor, "batch scales"], tables: Tables
) -> Selection:
    """A mixture of rows of `Tables.select`, scaled."""
    first, rest = chosen.split((SCALED, chosen.shape[-1] - SCALED), dim=-1)
    code, wide, *scaled = (first * scales.index_select(-1, tables.scaling)).split(SCALED_SIZES, dim=-1)
    code = code.unflatten(-1, (CODE_TARGETS, len(CODE_SOURCES)))
    wide = wide.unflatten(-1, (WIDE_TARGETS, len(WIDE_SOURCES)))
    return Selection(code, wide, *scaled, *rest.split(_AS_IT_IS, dim=-1))


def take_fields() -> list[list[bool]]:
    """What each part of `Selection.taken` takes: of each tag, then of each further field of a record, in order."""
    names = (*(_VALUE if tag in VALUES else Field.TAG for tag in Tag), *NARROW_FIELDS[1:], *WIDE_FIELDS)
    return [[name in fields for name in names] for _, _, fields in _TAKES]


def _scaling() -> Iterator[Scale]:
    """How each of the first entries of a selection is scaled."""
    yield from [_POINTER_SCALES.get(source, _ONE) for source in CODE_SOURCES] * CODE_TARGETS
    yield from [_POINTER_SCALES.get(source, _ONE) for source in WIDE_SOURCES] * WIDE_TARGETS
    yield from (scale for _, scale, _ in _TAKES)
    yield from (("frame", Field.OPERATOR), ("control", ANY_VALUE), ("frame", Field.ENVIRONMENT))


def _selection(rule: Rule) -> list[bool]:
    registers = (rule.next_control, rule.next_environment, rule.next_continuation)
    at_code = (rule.next_control, *(rule.pointers.get(name) for name in (Field.FIRST, Field.SECOND, Field.THIRD)))
    at_all = (*registers, *(rule.pointers.get(name) for name in WIDE_FIELDS))
    takes = {
        "copies": rule.copies,
        "takes its operator": rule.takes_operator is Take.CONTROL,
        "takes what it holds": rule.operand is Operand.HELD,
        "takes its value": rule.operand is Operand.VALUE,
    }
    return [
        *(source is target and target is not None for target in at_code for source in CODE_SOURCES),
        *(source is target and target is not None for target in at_all for source in WIDE_SOURCES),
        *(takes[when] for when, _, _ in _TAKES),
        *(rule.takes_operator is Take.FRAME, rule.operand is Operand.VALUE, rule.binds),
        *(rule.next_control is From.HERE, rule.binds, rule.next_continuation is From.HERE),
        *(rule.writes is tag and not (rule.copies or rule.computes) for tag in Tag),
        rule.computes,
    ]


def _staying() -> list[bool]:
    """The registers stay as they are, and nothing is written."""
    registers = (None, From.ENVIRONMENT, From.CONTINUATION)
    wide = [source is target for target in registers for source in WIDE_SOURCES]
    rest = sum(SCALED_SIZES[1:]) + sum(_AS_IT_IS) - len(wide)
    return [False] * SCALED_SIZES[0] + wide + [False] * rest
