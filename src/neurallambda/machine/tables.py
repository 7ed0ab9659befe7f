"""The rules as tensors: which states a rule matches, and where it moves what."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.machine.alphabet import FIELDS_OF, KINDS, OPERATORS, VALUES, Field, Tag
from neurallambda.machine.compute import COMPUTING, Operations
from neurallambda.machine.rules import RULES, From, Operand, Rule, Take

CODE_SOURCES = (From.CONTROL_FIRST, From.CONTROL_SECOND, From.FRAME_FIRST, From.FRAME_SECOND, From.CONTROL_THIRD)
"""What points at code, in the order in which a step lines it up."""

WIDE_SOURCES = (
    From.CONTROL_ENVIRONMENT,
    From.CONTROL_LINK,
    From.CONTROL_VALUE,
    From.FRAME_ENVIRONMENT,
    From.FRAME_LINK,
    From.FRAME_VALUE,
    From.CONTROL,
    From.ENVIRONMENT,
    From.CONTINUATION,
    None,
)
"""What points anywhere, likewise: three fields of two records, then the registers. Where a rule takes control it takes a
value; last comes control as it is, whatever it stands on, for programs that stay where they are."""

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

ERRORS = tuple(ErrorKind)
COMPUTED_ERRORS = (ErrorKind.NOT_AN_INTEGER, ErrorKind.OVERFLOW, ErrorKind.DIVISION_BY_ZERO)
_STAYING = (None, From.ENVIRONMENT, From.CONTINUATION)
CODE_TARGETS, WIDE_TARGETS = 4, 6
"""The next control and three fields of the record; the three registers and three fields."""


@dataclass(frozen=True)
class Selection:
    """How much each source gives to each target, of one rule or of a mixture of rules.

    Attributes:
        code: from `CODE_SOURCES` to the next control and the record's three code pointers.
        wide: from `WIDE_SOURCES` to the three registers and the record's three wide pointers.
        here: from the new record to the three registers.
        written: the tag written.
        operator: the record's operator, from control and from the frame.
        operand: the operand it holds: the value under control, or what a partial primitive there holds.
        computes, copies, binds: whether the record is computed, is the value under control, joins the environment.
    """

    code: Float[Tensor, "rules 20"]
    wide: Float[Tensor, "rules 60"]
    here: Float[Tensor, "rules 3"]
    written: Float[Tensor, "rules tags"]
    operator: Float[Tensor, "rules 2"]
    operand: Float[Tensor, "rules 2"]
    computes: Float[Tensor, "rules 1"]
    copies: Float[Tensor, "rules 1"]
    binds: Float[Tensor, "rules 1"]


_SIZES = (len(CODE_SOURCES) * CODE_TARGETS, len(WIDE_SOURCES) * WIDE_TARGETS, 3, len(Tag), 2, 2, 1, 1, 1)


@dataclass(frozen=True)
class Tables:
    """All constants of a step.

    Attributes:
        operations: what computes.
        control, frame, operator: which tags and operators a rule matches.
        any_operator: the rules that match whatever operator the frame holds, or none.
        owned: which tags have each of `OWNED`; then which tag waits for a right operand; then which tags are values.
        owned_by_values: the same of values alone.
        values: which tags are values.
        halting: the tag of the frame that halts.
        ends: whether a rule computes, whether it halts, and which of `ERRORS` it ends in.
        goes_on: the rules after which the program goes on for certain.
        computes: the rule that computes, and goes on where the computation succeeds.
        select: every rule's `Selection`, side by side.
        computing: the operators that compute.
        computed_errors: from `COMPUTED_ERRORS` to `ERRORS`.
        results: the tags of a computed integer, of true and of false.
        kinds: from tags to kinds of operand, and to integer.
        staying: the weights from `WIDE_SOURCES` that leave the registers as they are.
    """

    operations: Operations
    control: Float[Tensor, "tags rules"]
    frame: Float[Tensor, "tags rules"]
    operator: Float[Tensor, "operators rules"]
    any_operator: Float[Tensor, " rules"]
    owned: Float[Tensor, "tags masses"]
    owned_by_values: Float[Tensor, "tags owned"]
    values: Float[Tensor, " tags"]
    halting: Float[Tensor, "tags 1"]
    ends: Float[Tensor, "rules ends"]
    goes_on: Float[Tensor, " rules"]
    computes: Float[Tensor, " rules"]
    select: Float[Tensor, "rules selection"]
    computing: Float[Tensor, " operators"]
    computed_errors: Float[Tensor, "computed_errors errors"]
    results: Float[Tensor, "3 tags"]
    kinds: Float[Tensor, "tags kinds"]
    staying: Float[Tensor, "targets sources"]

    def selection(self, rules: Float[Tensor, "batch rules"]) -> Selection:
        """The selection of a mixture of rules."""
        return Selection(*(rules @ self.select).split(_SIZES, dim=-1))


@lru_cache(maxsize=16)
def tables(integers: range, operations: frozenset[str], device: torch.device, dtype: torch.dtype) -> Tables:
    """The tables for a range of integers and the operations that may occur; made once."""

    def tensor(rows: list[list[bool]] | list[bool]) -> Tensor:
        return torch.tensor(rows, device=device, dtype=dtype)

    masses = [[field in FIELDS_OF.get(tag, ()) for field in OWNED] for tag in Tag]
    return Tables(
        operations=Operations.of(integers, operations, device, dtype),
        control=tensor([[tag in rule.control for rule in RULES] for tag in Tag]),
        frame=tensor([[tag in rule.frame for rule in RULES] for tag in Tag]),
        operator=tensor([[name in (rule.operator or ()) for rule in RULES] for name in OPERATORS]),
        any_operator=tensor([rule.operator is None for rule in RULES]),
        owned=tensor([[*row, tag is Tag.COMPUTE_BINARY, tag in VALUES] for row, tag in zip(masses, Tag, strict=True)]),
        owned_by_values=tensor([[has and tag in VALUES for has in row] for row, tag in zip(masses, Tag, strict=True)]),
        values=tensor([tag in VALUES for tag in Tag]),
        halting=tensor([[tag is Tag.HALT] for tag in Tag]),
        ends=tensor([[rule.computes, rule.halts, *(rule.error is kind for kind in ERRORS)] for rule in RULES]),
        goes_on=tensor([not (rule.halts or rule.error or rule.computes) for rule in RULES]),
        computes=tensor([rule.computes for rule in RULES]),
        select=tensor([_selection(rule) for rule in RULES]),
        computing=tensor([name in COMPUTING for name in OPERATORS]),
        computed_errors=tensor([[kind is error for error in ERRORS] for kind in COMPUTED_ERRORS]),
        results=tensor([[tag is result for tag in Tag] for result in (Tag.INTEGER, Tag.TRUE, Tag.FALSE)]),
        kinds=tensor([[tag is kind for kind in (*KINDS, Tag.INTEGER)] for tag in Tag]),
        staying=tensor([[source is target for source in WIDE_SOURCES] for target in _STAYING] + [[False] * 10] * 3),
    )


def _selection(rule: Rule) -> list[bool]:
    registers = (rule.next_control, rule.next_environment, rule.next_continuation)
    at_code = (rule.next_control, *(rule.pointers.get(name) for name in (Field.FIRST, Field.SECOND, Field.THIRD)))
    at_all = (*registers, *(rule.pointers.get(name) for name in (Field.ENVIRONMENT, Field.LINK, Field.VALUE)))
    return [
        *(source is target for target in at_code for source in CODE_SOURCES),
        *(source is target and target is not None for target in at_all for source in WIDE_SOURCES),
        *(rule.next_control is From.HERE, rule.binds, rule.next_continuation is From.HERE),
        *(rule.writes is tag and not (rule.copies or rule.computes) for tag in Tag),
        *(rule.takes_operator is take for take in Take),
        *(rule.operand is operand for operand in Operand),
        *(rule.computes, rule.copies, rule.binds),
    ]
