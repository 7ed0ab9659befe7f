"""The derivative of what was computed of certain operands: `by_hand.compute` at a corner, by the cases that they are."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arithmetic.one_pair import around
from neurallambda.machine.alphabet import KINDS, OPERATORS, Tag
from neurallambda.machine.compute import CASES, CLASSES, IS_ARITHMETIC, IS_DIVISION, Operations
from neurallambda.machine.moves import Computing
from neurallambda.machine.tables import Tables

_CLASSES, _PAIRS, _OTHER = len(CLASSES), len(CLASSES) ** 2, len(CLASSES) - 1
_RESULTS = slice(Tag.INTEGER, Tag.FALSE + 1)
assert list(Tag)[_RESULTS] == [Tag.INTEGER, Tag.TRUE, Tag.FALSE]
_CLASS_OF = torch.tensor([0 if tag is Tag.INTEGER else 1 + KINDS.index(tag) if tag in KINDS else _OTHER for tag in Tag])


@dataclass(frozen=True)
class Arrived:
    """What arrives at what was computed.

    Attributes:
        results: at an integer, true and false.
        literal: at the integers, if anything does.
        errors: at the errors.
        share: at computing rather than anything else: at the results that there are.
    """

    results: Float[Tensor, "some 3"]
    literal: Float[Tensor, "some integers"] | None
    errors: Float[Tensor, "some errors"]
    share: Float[Tensor, "some 1"]


@dataclass(frozen=True)
class ToOperands:
    """What arrives at the operands.

    Attributes:
        operator: at the frame's operator, given that it computes.
        left, right: at integers.
        left_kinds, right_kinds: at `KINDS`.
        scales: at the mass of the kinds on the right, of the integer there, of all on the left.
    """

    operator: Float[Tensor, "some operators"]
    left: Float[Tensor, "some integers"]
    left_kinds: Float[Tensor, "some 3"]
    right: Float[Tensor, "some integers"]
    right_kinds: Float[Tensor, "some 3"]
    scales: Float[Tensor, "some 3"]


@dataclass(frozen=True)
class Operands:
    """What was computed of, in each program: the operator, and each operand as an integer and as one of `CLASSES`."""

    operator: Int[Tensor, "*steps batch"]
    left: Int[Tensor, "*steps batch"]
    right: Int[Tensor, "*steps batch"]
    left_class: Int[Tensor, "*steps batch"]
    right_class: Int[Tensor, "*steps batch"]

    @staticmethod
    def of(operator: Tensor, left: Tensor, kind: Tensor, right: Tensor, tag: Tensor) -> "Operands":
        """What the frame holds, its literal and kind, and what control is; -1 is nothing."""
        left_class = torch.where(left >= 0, 0, torch.where(kind >= 0, 1 + kind, _OTHER))
        return Operands(operator, left.clamp_min(0), right.clamp_min(0), left_class, _CLASS_OF[tag])

    def at(self, step: int, rows: Tensor | None) -> "Operands":
        """Those of some programs at one step."""
        parts = (part[step] for part in vars(self).values())
        return Operands(*(part if rows is None else part[rows] for part in parts))


@dataclass(frozen=True)
class Computation:
    """A computation, in the programs that computed; `rows` are these among all, and `result` the integers computed."""

    done: Computing
    operands: Operands
    result: Int[Tensor, " some"]

    @property
    def rows(self) -> Int[Tensor, " some"] | slice:
        """The programs that computed."""
        return slice(None) if self.done.rows is None else self.done.rows

    def arrived(
        self, tags: Float[Tensor, "batch tags"], literal: Float[Tensor, "batch integers"] | None, errors: Tensor
    ) -> Arrived:
        """What arrives of all that arrives at the tags and the literal of the new record, and at the errors."""
        results = tags[self.rows, _RESULTS]
        share = (results * self.done.results).sum(-1, keepdim=True)
        if literal is None:
            return Arrived(results, None, errors[self.rows], share)
        literal = literal[self.rows]
        share = share + literal.gather(1, self.result.clamp_min(0)[:, None]) * (self.result >= 0)[:, None]
        return Arrived(results, literal, errors[self.rows], share)

    def through_errors(self, arrived: Arrived, tables: Tables) -> Float[Tensor, "some 1"]:
        """What arrives at the rule that computes from the errors that its computation ended in."""
        failed = self.done.errors @ tables.computed_errors
        return (arrived.errors * failed).sum(-1, keepdim=True)

    def carry(self, arrived: Arrived, tables: Tables) -> ToOperands:
        """What arrives at the operands."""
        operands, operations = self.operands, tables.operations
        truth = operations.truth.view(len(OPERATORS), CASES, 3)
        succeeds = self.done.results.sum(-1, keepdim=True)
        to_results = (arrived.results - arrived.share) * succeeds
        to_not_an_integer, to_overflow, to_by_zero = (arrived.errors @ tables.computed_errors.t()).split(1, dim=1)
        left, right = operands.left[:, None], operands.right[:, None]
        left_is = (operands.left_class == 0).to(to_results.dtype)[:, None]
        right_is = (operands.right_class == 0).to(to_results.dtype)[:, None]
        both = left_is * right_is

        # What an operator answers on classes of operands, and on integers by their order.
        to_answered = torch.cat([to_results[:, 1:], to_not_an_integer], dim=1)[:, :, None]
        to_cases = (truth.index_select(0, operands.operator) @ to_answered)[:, :, 0]
        order = _PAIRS + (left >= right).long() + (left > right)
        case = torch.where(both > 0, order, _CLASSES * operands.left_class[:, None] + operands.right_class[:, None])
        to_operator = (truth.transpose(0, 1).index_select(0, case[:, 0]) @ to_answered)[:, :, 0]
        every = torch.arange(_CLASSES)
        to_left_kinds = to_cases.gather(1, _CLASSES * every + operands.right_class[:, None])
        to_right_kinds = to_cases.gather(1, _CLASSES * operands.left_class[:, None] + every)
        to_left_kinds, to_right_kinds = (part[:, :-1] - part[:, -1:] for part in (to_left_kinds, to_right_kinds))

        # What arithmetic makes of two integers, and where it leaves their range.
        weights = _ONES[operands.operator].to(to_results.dtype)[:, IS_ARITHMETIC]
        to_result = (to_results[:, :1] - to_overflow).expand(-1, len(operations.integers.range))
        if arrived.literal is not None:
            to_result = torch.addcmul(to_result, arrived.literal, succeeds)
        to_left, to_right, to_weights = around(
            to_result, to_cases[:, _PAIRS:], weights, operations.integers, operands.left, operands.right
        )
        to_operator[:, IS_ARITHMETIC] += (to_weights + to_overflow) * both
        overflows = to_overflow * weights.sum(-1, keepdim=True)
        to_left = torch.addcmul(overflows * right_is + to_left_kinds[:, :1], to_left, right_is)
        to_right = torch.addcmul(overflows * left_is + to_right_kinds[:, :1], to_right, left_is)
        if operations.can_divide_by_zero:
            self._by_zero(
                to_by_zero - to_overflow, left_is, right_is, weights, to_operator, to_left, to_right, operations
            )
        left_kinds, right_kinds = to_left_kinds[:, 1:], to_right_kinds[:, 1:]
        scales = [
            _of_class(right_kinds, operands.right_class),
            to_right.gather(1, right) * right_is,
            to_left.gather(1, left) * left_is + _of_class(left_kinds, operands.left_class),
        ]
        along = to_operator.gather(1, operands.operator[:, None])
        to_operator = (to_operator - along) * tables.computing
        return ToOperands(to_operator, to_left, left_kinds, to_right * right_is, right_kinds, torch.cat(scales, dim=1))

    def _by_zero(
        self,
        arriving: Tensor,
        left_is: Tensor,
        right_is: Tensor,
        weights: Tensor,
        to_operator: Tensor,
        to_left: Tensor,
        to_right: Tensor,
        operations: Operations,
    ) -> None:
        """Add what arrives by way of divisions by zero, which are not out of range."""
        zero = -operations.integers.range.start
        is_zero = right_is * (self.operands.right == zero)[:, None]
        divides = weights[:, IS_DIVISION].sum(-1, keepdim=True)
        to_operator[:, IS_ARITHMETIC][:, IS_DIVISION] += arriving * left_is * is_zero
        to_left += arriving * divides * is_zero
        to_right[:, zero] += (arriving * divides * left_is)[:, 0]


_ONES = torch.eye(len(OPERATORS))


def _of_class(to_kinds: Float[Tensor, "some 3"], of: Int[Tensor, " some"]) -> Float[Tensor, "some 1"]:
    """What arrives at the kind that an operand is, if it is one."""
    is_kind = (of > 0) & (of < _OTHER)
    return to_kinds.gather(1, torch.where(is_kind, of - 1, 0)[:, None]) * is_kind[:, None]
