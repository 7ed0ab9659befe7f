"""The words that records are made of: tags, operators, kinds of operand, fields."""

from enum import IntEnum, StrEnum

from neurallambda.lang.terms import BINARY_PRIMITIVES, UNARY_PRIMITIVES


class Tag(IntEnum):
    """What a record is. Code is laid down by the assembler; values and frames are written by the machine."""

    NONE = 0
    # code
    VARIABLE = 1
    FUNCTION = 2
    DELAY = 3
    APPLY = 4
    BIND = 5
    FORCE = 6
    IF = 7
    UNARY = 8
    BINARY = 9
    OVERSIZED = 10  # a literal outside the declared integers
    # values
    INTEGER = 11
    TRUE = 12
    FALSE = 13
    NIL = 14
    UNARY_PRIMITIVE = 15
    BINARY_PRIMITIVE = 16
    PARTIAL = 17
    CLOSURE = 18
    THUNK = 19
    PAIR = 20
    # frames: what waits for a value
    HALT = 21
    ARGUMENT = 22  # for a function; then its argument is evaluated
    CALL = 23  # for the argument of a function
    REFUSE = 24  # for the argument of what is no function
    FORCING = 25  # for a thunk
    BRANCH = 26  # for a condition
    OPERAND = 27  # for a left operand; then the right one is evaluated
    SECTION = 28  # for the first operand of a binary primitive used as a value
    COMPUTE_UNARY = 29  # for the operand of a unary primitive
    COMPUTE_BINARY = 30  # for the right operand of a binary primitive


CODE = frozenset(
    (Tag.FUNCTION, Tag.DELAY, Tag.APPLY, Tag.BIND, Tag.FORCE, Tag.IF, Tag.UNARY, Tag.BINARY, Tag.OVERSIZED)
)
"""What control may stand on before it is a value. Variables are not here: they are looked up as they are selected."""

ATOMS = frozenset((Tag.INTEGER, Tag.TRUE, Tag.FALSE, Tag.NIL, Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE))
VALUES = ATOMS | {Tag.PARTIAL, Tag.CLOSURE, Tag.THUNK, Tag.PAIR}
FRAMES = frozenset(tag for tag in Tag if tag >= Tag.HALT)
FUNCTIONS = frozenset((Tag.UNARY_PRIMITIVE, Tag.BINARY_PRIMITIVE, Tag.PARTIAL, Tag.CLOSURE))

OPERATORS = UNARY_PRIMITIVES + BINARY_PRIMITIVES
"""The alphabet of the field `operator`."""

KINDS = (Tag.TRUE, Tag.FALSE, Tag.NIL)
"""The alphabet of the field `kind`: a held operand that is no integer. What is neither these nor an integer is `other`."""


class Field(StrEnum):
    """The parts of a record. The first four are distributions over small alphabets; the next three point at code; the
    last three point anywhere, and are as wide as the memory is long.
    """

    TAG = "tag"
    OPERATOR = "operator"
    KIND = "kind"
    LITERAL = "literal"
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    ENVIRONMENT = "environment"
    LINK = "link"
    VALUE = "value"


CODE_FIELDS: tuple[Field, ...] = (Field.FIRST, Field.SECOND, Field.THIRD)
NARROW_FIELDS: tuple[Field, ...] = (Field.TAG, Field.OPERATOR, Field.KIND, Field.LITERAL, *CODE_FIELDS)
WIDE_FIELDS: tuple[Field, ...] = (Field.ENVIRONMENT, Field.LINK, Field.VALUE)

_BODY = {Field.FIRST, Field.SECOND}
_WAIT = {Field.ENVIRONMENT, Field.LINK}

FIELDS_OF: dict[Tag, frozenset[Field]] = {
    tag: frozenset(fields)
    for tag, fields in {
        Tag.VARIABLE: {Field.FIRST},
        Tag.FUNCTION: _BODY,
        Tag.DELAY: _BODY,
        Tag.APPLY: {Field.FIRST, Field.SECOND},
        Tag.BIND: {Field.FIRST, Field.SECOND, Field.THIRD},
        Tag.FORCE: {Field.FIRST},
        Tag.IF: {Field.FIRST, Field.SECOND, Field.THIRD},
        Tag.UNARY: {Field.OPERATOR, Field.FIRST},
        Tag.BINARY: {Field.OPERATOR, Field.FIRST, Field.SECOND},
        Tag.INTEGER: {Field.LITERAL},
        Tag.UNARY_PRIMITIVE: {Field.OPERATOR},
        Tag.BINARY_PRIMITIVE: {Field.OPERATOR},
        Tag.PARTIAL: {Field.OPERATOR, Field.KIND, Field.LITERAL, Field.VALUE},
        Tag.CLOSURE: _BODY | {Field.ENVIRONMENT},
        Tag.THUNK: _BODY | {Field.ENVIRONMENT},
        Tag.PAIR: {Field.VALUE, Field.LINK},
        Tag.ARGUMENT: _WAIT | {Field.FIRST},
        Tag.CALL: _WAIT | _BODY,
        Tag.REFUSE: {Field.LINK},
        Tag.FORCING: {Field.LINK},
        Tag.BRANCH: _WAIT | _BODY,
        Tag.OPERAND: _WAIT | {Field.OPERATOR, Field.FIRST},
        Tag.SECTION: {Field.OPERATOR, Field.LINK},
        Tag.COMPUTE_UNARY: {Field.OPERATOR, Field.LINK},
        Tag.COMPUTE_BINARY: {Field.OPERATOR, Field.KIND, Field.LITERAL, Field.VALUE, Field.LINK},
    }.items()
}
"""Which fields a record of each tag has. A pair's head and tail are its value and link. A value that is bound to a
parameter has one field more: its parameter, in THIRD."""
