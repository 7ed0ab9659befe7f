"""What a step selects: how much each source gives to each target, of one rule or of a mixture of rules."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.alphabet import NARROW_FIELDS, VALUES, WIDE_FIELDS, Field, Tag
from neurallambda.machine.rules import From, Operand, Rule, Take

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

ANY_VALUE = "any value"
PER: tuple[Field | str, ...] = (*OWNED, ANY_VALUE)
"""What a record's scales scale to, in order: its fields, to what they are where it has them; then what holds of all of it."""

CODE_TARGETS, WIDE_TARGETS = 4, 6
"""The next control and three fields of the record; the three registers and three fields."""

AT = {name: slice(index, index + 1) for index, name in enumerate(PER)}
"""Where each of `PER` stands."""

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


def _pointer_scale(source: From | None) -> Scale:
    """How a pointer is scaled: a field by its record, a value by being one, a register not at all."""
    if source is From.CONTROL:
        return ("control", ANY_VALUE)
    return source.value if source and source.value[0] in ("control", "frame") else _ONE


ALL_VALUES = "the tags of values"
TAKES: tuple[tuple[str, Scale, tuple[Field | str, ...]], ...] = (
    ("copies", ("control", ANY_VALUE), (ALL_VALUES,)),
    ("copies", ("kept", Field.OPERATOR), (Field.OPERATOR,)),
    ("takes its operator", ("control", Field.OPERATOR), (Field.OPERATOR,)),
    ("takes what it holds", ("control", Field.LITERAL), (Field.KIND, Field.LITERAL)),
    ("copies", ("kept", Field.LITERAL), (Field.KIND, Field.LITERAL)),
    ("takes its value", _INTEGER, (Field.LITERAL,)),
    *(("copies", ("kept", field), (field,)) for field in (Field.FIRST, Field.SECOND, *WIDE_FIELDS)),
)
"""What a rule may take of the record under control into the same place of the new record: when, how scaled, which fields."""

_LITERAL = [index for index, (_, _, fields) in enumerate(TAKES) if Field.LITERAL in fields]
TAKES_LITERAL = slice(_LITERAL[0], _LITERAL[-1] + 1)
"""Which of these take literals; they stand together."""


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


SCALED_SIZES = (len(CODE_SOURCES) * CODE_TARGETS, len(WIDE_SOURCES) * WIDE_TARGETS, len(TAKES), 1, 1, 1)
_AS_IT_IS = (3, len(Tag), 1)
SCALED = sum(SCALED_SIZES)
"""So many entries of a selection come first and are scaled."""


def selection(
    chosen: Float[Tensor, "batch selection"], scales: Float[Tensor, "batch scales"], scaling: Int[Tensor, " scaled"]
) -> Selection:
    """A mixture of rows of `Tables.select`, scaled."""
    first, rest = chosen.split((SCALED, chosen.shape[-1] - SCALED), dim=-1)
    code, wide, *scaled = (first * scales.index_select(-1, scaling)).split(SCALED_SIZES, dim=-1)
    code = code.unflatten(-1, (CODE_TARGETS, len(CODE_SOURCES)))
    wide = wide.unflatten(-1, (WIDE_TARGETS, len(WIDE_SOURCES)))
    return Selection(code, wide, *scaled, *rest.split(_AS_IT_IS, dim=-1))


def take_fields() -> list[list[bool]]:
    """What each part of `Selection.taken` takes: of each tag, then of each further field of a record, in order."""
    names = (*(ALL_VALUES if tag in VALUES else Field.TAG for tag in Tag), *NARROW_FIELDS[1:], *WIDE_FIELDS)
    return [[name in fields for name in names] for _, _, fields in TAKES]


def selection_scales() -> Iterator[Scale]:
    """How each of the first entries of a selection is scaled."""
    yield from [_pointer_scale(source) for source in CODE_SOURCES] * CODE_TARGETS
    yield from [_pointer_scale(source) for source in WIDE_SOURCES] * WIDE_TARGETS
    yield from (scale for _, scale, _ in TAKES)
    yield from (("frame", Field.OPERATOR), ("control", ANY_VALUE), ("frame", Field.ENVIRONMENT))


def selection_row(rule: Rule) -> list[bool]:
    """What a rule selects, as one row."""
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
        *(takes[when] for when, _, _ in TAKES),
        *(rule.takes_operator is Take.FRAME, rule.operand is Operand.VALUE, rule.binds),
        *(rule.next_control is From.HERE, rule.binds, rule.next_continuation is From.HERE),
        *(rule.writes is tag and not (rule.copies or rule.computes) for tag in Tag),
        rule.computes,
    ]


def staying_row() -> list[bool]:
    """The registers stay as they are, and nothing is written."""
    registers = (None, From.ENVIRONMENT, From.CONTINUATION)
    wide = [source is target for target in registers for source in WIDE_SOURCES]
    rest = sum(SCALED_SIZES[1:]) + sum(_AS_IT_IS) - len(wide)
    return [False] * SCALED_SIZES[0] + wide + [False] * rest
