"""The rules: one row each, read by the superposed machine and by the discrete stepper alike.

A row says *when* it applies (the tag of the record under control, the tag of the frame under the continuation, the
operator that frame holds) and *what* it does: where the next control, environment and continuation come from, and
what the step's one new record holds. Exactly one row applies to every reachable state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from neurallambda.errors import ErrorKind
from neurallambda.lang.terms import BINARY_PRIMITIVES
from neurallambda.machine.alphabet import CODE, FRAMES, FUNCTIONS, OPERATORS, VALUES, Field, Tag


class From(Enum):
    """Where a pointer comes from: a field of the record under control or of the frame, a register, or the new record."""

    CONTROL_FIRST = ("control", Field.FIRST)
    CONTROL_SECOND = ("control", Field.SECOND)
    CONTROL_THIRD = ("control", Field.THIRD)
    FRAME_FIRST = ("frame", Field.FIRST)
    FRAME_SECOND = ("frame", Field.SECOND)
    CONTROL_ENVIRONMENT = ("control", Field.ENVIRONMENT)
    CONTROL_LINK = ("control", Field.LINK)
    CONTROL_VALUE = ("control", Field.VALUE)
    FRAME_ENVIRONMENT = ("frame", Field.ENVIRONMENT)
    FRAME_LINK = ("frame", Field.LINK)
    FRAME_VALUE = ("frame", Field.VALUE)
    CONTROL = ("register", "control")
    ENVIRONMENT = ("register", "environment")
    CONTINUATION = ("register", "continuation")
    HERE = ("here", "here")


class Take(Enum):
    """Where the data of the new record comes from."""

    CONTROL = "control"
    FRAME = "frame"


class Operand(Enum):
    """Which operand the new record holds: the value under control, or what a partial primitive there holds already."""

    VALUE = "value"
    HELD = "held"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the table.

    Attributes:
        control, frame, operator: the state it applies to.
        next_control, next_environment, next_continuation: where the registers come from.
        binds: the new record joins the next environment, in place of the older binding of the same parameter.
        writes: the tag of the new record; NONE writes nothing, `copies` writes the value under control as it is.
        pointers: where the new record's pointer fields come from.
        takes_operator: whose operator the new record holds.
        operand: which operand's literal and kind the new record holds.
        computes: the new record is what the frame's operator makes of its operand and the value under control.
        error: the program ends in this error.
        halts: the program ends with the value under control.
    """

    name: str
    control: frozenset[Tag]
    frame: frozenset[Tag] = FRAMES
    operator: frozenset[str] | None = None
    next_control: From = From.CONTROL
    next_environment: From = From.ENVIRONMENT
    next_continuation: From = From.CONTINUATION
    binds: bool = False
    writes: Tag = Tag.NONE
    copies: bool = False
    pointers: Mapping[Field, From] = field(default_factory=lambda: MappingProxyType({}))
    takes_operator: Take | None = None
    operand: Operand | None = None
    computes: bool = False
    error: ErrorKind | None = None
    halts: bool = False


def _of(*tags: Tag) -> frozenset[Tag]:
    return frozenset(tags)


def _evaluate(tag: Tag, frame: Tag, **pointers: From) -> Rule:
    """The row that begins a construct: wait in a frame for the value of its first part."""
    holds = {Field(name): source for name, source in pointers.items()} | {Field.LINK: From.CONTINUATION}
    return Rule(
        name=f"begin {tag.name.lower()}",
        control=_of(tag),
        next_control=From.CONTROL_FIRST,
        next_continuation=From.HERE,
        writes=frame,
        pointers=holds,
        takes_operator=Take.CONTROL if tag in (Tag.UNARY, Tag.BINARY) else None,
    )


def _function_arrives(name: str, control: frozenset[Tag], frame: Tag, **row: object) -> Rule:
    """The row that has a function and goes on to its argument."""
    pointers = row.pop("pointers", {})
    assert isinstance(pointers, dict)
    return Rule(
        name=name,
        control=control,
        frame=_of(Tag.ARGUMENT),
        next_control=From.FRAME_FIRST,
        next_environment=From.FRAME_ENVIRONMENT,
        next_continuation=From.HERE,
        writes=frame,
        pointers={Field.LINK: From.FRAME_LINK} | pointers,
        **row,  # pyright: ignore[reportArgumentType]
    )


def _answer(name: str, control: frozenset[Tag], frame: Tag, operators: str = "", **row: object) -> Rule:
    """The row that has its answer in the new record and hands it to the frame below."""
    return Rule(
        name=name,
        control=control,
        frame=_of(frame),
        operator=frozenset(operators.split()) or None,
        next_control=From.HERE,
        next_continuation=From.FRAME_LINK,
        **row,  # pyright: ignore[reportArgumentType]
    )


def _fail(name: str, control: frozenset[Tag], frame: Tag, error: ErrorKind, operators: str = "") -> Rule:
    return Rule(
        name=name, control=control, frame=_of(frame), operator=frozenset(operators.split()) or None, error=error
    )


_BOOLEANS = _of(Tag.TRUE, Tag.FALSE)
_LISTS = _of(Tag.PAIR, Tag.NIL)
_BODY = {Field.FIRST: From.CONTROL_FIRST, Field.SECOND: From.CONTROL_SECOND}

RULES: tuple[Rule, ...] = (
    # Control stands on code.
    _evaluate(Tag.APPLY, Tag.ARGUMENT, first=From.CONTROL_SECOND, environment=From.ENVIRONMENT),
    _evaluate(Tag.BIND, Tag.CALL, first=From.CONTROL_SECOND, second=From.CONTROL_THIRD, environment=From.ENVIRONMENT),
    _evaluate(Tag.IF, Tag.BRANCH, first=From.CONTROL_SECOND, second=From.CONTROL_THIRD, environment=From.ENVIRONMENT),
    _evaluate(Tag.UNARY, Tag.COMPUTE_UNARY),
    _evaluate(Tag.BINARY, Tag.OPERAND, first=From.CONTROL_SECOND, environment=From.ENVIRONMENT),
    _evaluate(Tag.FORCE, Tag.FORCING),
    Rule(
        name="close function",
        control=_of(Tag.FUNCTION),
        frame=FRAMES - {Tag.ARGUMENT, Tag.CALL},
        next_control=From.HERE,
        writes=Tag.CLOSURE,
        pointers=_BODY | {Field.ENVIRONMENT: From.ENVIRONMENT},
    ),
    Rule(
        name="close thunk",
        control=_of(Tag.DELAY),
        next_control=From.HERE,
        writes=Tag.THUNK,
        pointers=_BODY | {Field.ENVIRONMENT: From.ENVIRONMENT},
    ),
    Rule(name="oversized literal", control=_of(Tag.OVERSIZED), error=ErrorKind.OVERFLOW),
    # A function has arrived; its argument is next.
    _function_arrives(
        "call function", _of(Tag.FUNCTION), Tag.CALL, pointers=_BODY | {Field.ENVIRONMENT: From.ENVIRONMENT}
    ),
    _function_arrives(
        "call closure", _of(Tag.CLOSURE), Tag.CALL, pointers=_BODY | {Field.ENVIRONMENT: From.CONTROL_ENVIRONMENT}
    ),
    _function_arrives("call unary", _of(Tag.UNARY_PRIMITIVE), Tag.COMPUTE_UNARY, takes_operator=Take.CONTROL),
    _function_arrives("call binary", _of(Tag.BINARY_PRIMITIVE), Tag.SECTION, takes_operator=Take.CONTROL),
    _function_arrives(
        "call partial",
        _of(Tag.PARTIAL),
        Tag.COMPUTE_BINARY,
        takes_operator=Take.CONTROL,
        operand=Operand.HELD,
        pointers={Field.VALUE: From.CONTROL_VALUE},
    ),
    _function_arrives("call other", VALUES - FUNCTIONS, Tag.REFUSE),
    # An argument has arrived: bind it and go on with the body.
    Rule(
        name="bind function",
        control=_of(Tag.FUNCTION),
        frame=_of(Tag.CALL),
        next_control=From.FRAME_FIRST,
        next_environment=From.FRAME_ENVIRONMENT,
        next_continuation=From.FRAME_LINK,
        binds=True,
        writes=Tag.CLOSURE,
        pointers=_BODY | {Field.THIRD: From.FRAME_SECOND, Field.ENVIRONMENT: From.ENVIRONMENT},
    ),
    Rule(
        name="bind value",
        control=VALUES,
        frame=_of(Tag.CALL),
        next_control=From.FRAME_FIRST,
        next_environment=From.FRAME_ENVIRONMENT,
        next_continuation=From.FRAME_LINK,
        binds=True,
        copies=True,
        pointers={Field.THIRD: From.FRAME_SECOND},
    ),
    _fail("refuse", VALUES, Tag.REFUSE, ErrorKind.NOT_A_FUNCTION),
    # A condition has arrived.
    *(
        Rule(
            name=f"branch {tag.name.lower()}",
            control=_of(tag),
            frame=_of(Tag.BRANCH),
            next_control=source,
            next_environment=From.FRAME_ENVIRONMENT,
            next_continuation=From.FRAME_LINK,
        )
        for tag, source in ((Tag.TRUE, From.FRAME_FIRST), (Tag.FALSE, From.FRAME_SECOND))
    ),
    _fail("branch other", VALUES - _BOOLEANS, Tag.BRANCH, ErrorKind.NOT_A_BOOLEAN),
    # What is forced has arrived.
    Rule(
        name="force thunk",
        control=_of(Tag.THUNK),
        frame=_of(Tag.FORCING),
        next_control=From.CONTROL_FIRST,
        next_environment=From.CONTROL_ENVIRONMENT,
        next_continuation=From.FRAME_LINK,
    ),
    Rule(name="force function", control=FUNCTIONS, frame=_of(Tag.FORCING), next_continuation=From.FRAME_LINK),
    _fail("force other", VALUES - FUNCTIONS - {Tag.THUNK}, Tag.FORCING, ErrorKind.NOT_A_FUNCTION),
    # The first of two operands has arrived.
    Rule(
        name="hold operand",
        control=VALUES,
        frame=_of(Tag.OPERAND),
        next_control=From.FRAME_FIRST,
        next_environment=From.FRAME_ENVIRONMENT,
        next_continuation=From.HERE,
        writes=Tag.COMPUTE_BINARY,
        pointers={Field.VALUE: From.CONTROL, Field.LINK: From.FRAME_LINK},
        takes_operator=Take.FRAME,
        operand=Operand.VALUE,
    ),
    _answer(
        "partial",
        VALUES,
        Tag.SECTION,
        writes=Tag.PARTIAL,
        pointers={Field.VALUE: From.CONTROL},
        takes_operator=Take.FRAME,
        operand=Operand.VALUE,
    ),
    # All operands are there.
    _answer("compute", VALUES, Tag.COMPUTE_BINARY, " ".join(set(BINARY_PRIMITIVES) - {"cons"}), computes=True),
    _answer(
        "cons",
        VALUES,
        Tag.COMPUTE_BINARY,
        "cons",
        writes=Tag.PAIR,
        pointers={Field.VALUE: From.FRAME_VALUE, Field.LINK: From.CONTROL},
    ),
    *(
        Rule(
            name=name,
            control=_of(Tag.PAIR),
            frame=_of(Tag.COMPUTE_UNARY),
            operator=frozenset((name,)),
            next_control=source,
            next_continuation=From.FRAME_LINK,
        )
        for name, source in (("car", From.CONTROL_VALUE), ("cdr", From.CONTROL_LINK))
    ),
    _fail("no pair", VALUES - {Tag.PAIR}, Tag.COMPUTE_UNARY, ErrorKind.NOT_A_PAIR, "car cdr"),
    _answer("not true", _of(Tag.TRUE), Tag.COMPUTE_UNARY, "not", writes=Tag.FALSE),
    _answer("not false", _of(Tag.FALSE), Tag.COMPUTE_UNARY, "not", writes=Tag.TRUE),
    _fail("not other", VALUES - _BOOLEANS, Tag.COMPUTE_UNARY, ErrorKind.NOT_A_BOOLEAN, "not"),
    _answer("list", _LISTS, Tag.COMPUTE_UNARY, "listp", writes=Tag.TRUE),
    _answer("no list", VALUES - _LISTS, Tag.COMPUTE_UNARY, "listp", writes=Tag.FALSE),
    _answer("empty", _of(Tag.NIL), Tag.COMPUTE_UNARY, "empty?", writes=Tag.TRUE),
    _answer("not empty", VALUES - {Tag.NIL}, Tag.COMPUTE_UNARY, "empty?", writes=Tag.FALSE),
    Rule(name="halt", control=VALUES, frame=_of(Tag.HALT), halts=True),
)


def applies(rule: Rule, control: Tag, frame: Tag, operator: str | None) -> bool:
    """Whether a row applies to a sharp state; `operator` is what the frame holds, if anything."""
    return control in rule.control and frame in rule.frame and (rule.operator is None or operator in rule.operator)


_CONTROLS = CODE | VALUES
assert all(rule.control <= _CONTROLS and (rule.operator or frozenset()) <= set(OPERATORS) for rule in RULES)
