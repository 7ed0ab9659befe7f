"""The rules as tensors: which states a rule matches, and where it moves what."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.machine.alphabet import FIELDS_OF, KINDS, OPERATORS, VALUES, Tag
from neurallambda.machine.compute import COMPUTING, Operations
from neurallambda.machine.rules import RULES
from neurallambda.machine.selection import OWNED, SCALES, selection_row, selection_scales, staying_row

ERRORS = tuple(ErrorKind)
COMPUTED_ERRORS = (ErrorKind.NOT_AN_INTEGER, ErrorKind.OVERFLOW, ErrorKind.DIVISION_BY_ZERO)


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
            *(*row, tag in VALUES),
            *(has and tag in VALUES for has in row),
            *(tag is kind for kind in (*KINDS, Tag.INTEGER)),
        ]
        for row, tag in zip(masses, Tag, strict=True)
    ]
    scaling = torch.tensor([SCALES.index(scale) for scale in selection_scales()], device=device)
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
        select=tensor([*map(selection_row, RULES), staying_row()]),
        scaling=scaling,
        scaled=torch.nn.functional.one_hot(scaling, len(SCALES)).to(dtype),
        computing=tensor([name in COMPUTING for name in OPERATORS]),
        computed_errors=tensor([[kind is error for error in ERRORS] for kind in COMPUTED_ERRORS]),
        results=tensor([[tag is result for tag in Tag] for result in (Tag.INTEGER, Tag.TRUE, Tag.FALSE)]),
    )
