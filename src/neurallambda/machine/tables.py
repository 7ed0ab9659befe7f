"""The rules as tensors: which states a rule matches, and where it moves what."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.terms import BINARY_PRIMITIVES
from neurallambda.machine.alphabet import FIELDS_OF, OPERATORS, VALUES, Field, Tag
from neurallambda.machine.rules import RULES, From, Operand, Rule, Take

CODE_SOURCES = (From.CONTROL_FIRST, From.CONTROL_SECOND, From.CONTROL_THIRD, From.FRAME_FIRST, From.FRAME_SECOND)
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
)
"""What points anywhere, likewise: three fields of two records, then the registers."""

MASSES = (
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

COMPUTING = frozenset(BINARY_PRIMITIVES) - {"cons"}
ERRORS = tuple(ErrorKind)
_STAYING = (From.CONTROL, From.ENVIRONMENT, From.CONTINUATION, None, None, None)
_CODE_TARGETS = (Field.FIRST, Field.SECOND, Field.THIRD)
_WIDE_TARGETS = (Field.ENVIRONMENT, Field.LINK, Field.VALUE)


@dataclass(frozen=True)
class Tables:
    """All constants of a step. `rules` is the number of rules; sources and targets are in the orders above.

    Attributes:
        control, frame, operator: which tags and operators a rule matches; `any_operator` marks rules that match without one.
        owned: which tags have each of `MASSES`.
        code: weights from `CODE_SOURCES` to the next control and the record's three code pointers.
        wide: weights from `WIDE_SOURCES` to the three registers and the record's three wide pointers.
        here: weights from the new record to the three registers.
        written: the tag that a rule writes.
        operator_from: whether the record takes its operator from control, or from the frame.
        operand: whether the record holds the value under control, or what a partial primitive there holds.
        error: which error a rule ends in.
        flags: whether a rule does each of `FLAGS`.
        goes_on: whether the program goes on after a rule.
        computing, values: which operators compute, which tags are values.
        results: the tags of a computed integer, true and false.
        staying: the weights from `WIDE_SOURCES` that leave the registers as they are.
    """

    control: Float[Tensor, "tags rules"]
    frame: Float[Tensor, "tags rules"]
    operator: Float[Tensor, "operators rules"]
    any_operator: Float[Tensor, " rules"]
    owned: Float[Tensor, "tags masses"]
    code: Float[Tensor, "rules targets_sources"]
    wide: Float[Tensor, "rules targets_sources"]
    here: Float[Tensor, "rules 3"]
    written: Float[Tensor, "rules tags"]
    operator_from: Float[Tensor, "rules 2"]
    operand: Float[Tensor, "rules 2"]
    error: Float[Tensor, "rules errors"]
    flags: Float[Tensor, "rules 4"]
    goes_on: Float[Tensor, " rules"]
    computing: Float[Tensor, " operators"]
    values: Float[Tensor, " tags"]
    results: Float[Tensor, "3 tags"]
    staying: Float[Tensor, "targets sources"]


FLAGS = ("computes", "copies", "binds", "halts")


@lru_cache(maxsize=16)
def tables(device: torch.device, dtype: torch.dtype) -> Tables:
    """The tables on a device; made once."""

    def matrix(rows: list[list[float]]) -> Tensor:
        return torch.tensor(rows, device=device, dtype=dtype)

    def vector(values: list[float]) -> Tensor:
        return torch.tensor(values, device=device, dtype=dtype)

    return Tables(
        control=matrix([[tag in rule.control for rule in RULES] for tag in Tag]),
        frame=matrix([[tag in rule.frame for rule in RULES] for tag in Tag]),
        operator=matrix([[name in (rule.operator or ()) for rule in RULES] for name in OPERATORS]),
        any_operator=vector([rule.operator is None for rule in RULES]),
        owned=matrix([[field in FIELDS_OF.get(tag, ()) for field in MASSES] for tag in Tag]),
        code=matrix([_code_weights(rule) for rule in RULES]),
        wide=matrix([_wide_weights(rule) for rule in RULES]),
        here=matrix([_here_weights(rule) for rule in RULES]),
        written=matrix([[rule.writes is tag and not (rule.copies or rule.computes) for tag in Tag] for rule in RULES]),
        operator_from=matrix([[rule.takes_operator is take for take in Take] for rule in RULES]),
        operand=matrix([[rule.operand is operand for operand in Operand] for rule in RULES]),
        error=matrix([[rule.error is kind for kind in ERRORS] for rule in RULES]),
        flags=matrix([[getattr(rule, flag) for flag in FLAGS] for rule in RULES]),
        goes_on=vector([rule.error is None and not rule.halts for rule in RULES]),
        computing=vector([name in COMPUTING for name in OPERATORS]),
        values=vector([tag in VALUES for tag in Tag]),
        results=matrix([[tag is result for tag in Tag] for result in (Tag.INTEGER, Tag.TRUE, Tag.FALSE)]),
        staying=matrix([[source is register for source in WIDE_SOURCES] for register in _STAYING]),
    )


def _code_weights(rule: Rule) -> list[float]:
    targets = [rule.next_control, *(rule.pointers.get(field) for field in _CODE_TARGETS)]
    return [float(source is target) for target in targets for source in CODE_SOURCES]


def _wide_weights(rule: Rule) -> list[float]:
    registers = [rule.next_control, rule.next_environment, rule.next_continuation]
    targets = [*registers, *(rule.pointers.get(field) for field in _WIDE_TARGETS)]
    return [float(source is target) for target in targets for source in WIDE_SOURCES]


def _here_weights(rule: Rule) -> list[float]:
    return [
        float(marked) for marked in (rule.next_control is From.HERE, rule.binds, rule.next_continuation is From.HERE)
    ]
