"""The derivative of computing, by hand: `compute` transposed. `to_x` is what arrives at `x`."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.operate import operate_backward
from neurallambda.machine.compute import CASES, CLASSES, IS_ARITHMETIC, IS_DIVISION, Operands, Operations, classes


def carry_computed(
    operands: Operands,
    cases: Float[Tensor, "batch cases"],
    computed: Float[Tensor, "batch 6"],
    to_integers: Float[Tensor, "batch integers"],
    to_results: Float[Tensor, "batch 3"],
    to_errors: Float[Tensor, "batch 3"],
    operations: Operations,
) -> Operands:
    """What arrives at the operands of what arrives at the integers, the results and the errors.

    Args:
        operands: as `compute` took them.
        cases: as it gave them.
        computed: the results and the errors it gave.
        to_integers: what arrives at the integers it gave.
        to_results: what arrives at the results.
        to_errors: what arrives at the errors.
        operations: what computes.
    """
    left, right, operator = operands.left, operands.right, operands.operator
    weights, left_sum, right_sum = operator[:, IS_ARITHMETIC], left.sum(-1), right.sum(-1)
    to_inside, to_true, to_false = to_results.unbind(-1)
    to_not_an_integer, to_overflow, to_by_zero = to_errors.unbind(-1)

    to_answered = torch.stack([to_true, to_false, to_not_an_integer], dim=-1)[:, None]
    answers = (operator @ operations.truth).unflatten(-1, (CASES, -1))
    to_cases = (answers * to_answered).sum(-1)
    to_operator = (cases[:, :, None] * to_answered).flatten(1) @ operations.truth.t()

    inside, by_zero = computed[:, 0], computed[:, -1]
    total = weights.sum(-1)
    to_overflow = to_overflow * (total * (left_sum * right_sum) - by_zero - inside >= 0)
    to_by_zero = to_by_zero - to_overflow
    to_left_sum, to_right_sum = to_overflow * total * right_sum, to_overflow * total * left_sum
    to_operator[:, IS_ARITHMETIC] += (to_overflow * left_sum * right_sum)[:, None]
    to_result = to_integers + (to_inside - to_overflow)[:, None]
    of_pairs, of_order = to_cases.split((len(CLASSES) ** 2, CASES - len(CLASSES) ** 2), dim=-1)
    to_left, to_right, to_weights = operate_backward(to_result, of_order, left, right, weights, operations.integers)
    to_operator[:, IS_ARITHMETIC] += to_weights
    if operations.can_divide_by_zero:
        zero = -operations.integers.range.start
        divides, is_zero = weights[:, IS_DIVISION].sum(-1), right[:, zero]
        to_operator[:, IS_ARITHMETIC][:, IS_DIVISION] += (to_by_zero * left_sum * is_zero)[:, None]
        to_left_sum = to_left_sum + to_by_zero * divides * is_zero
        to_right[:, zero] += to_by_zero * divides * left_sum

    of_pairs = of_pairs.unflatten(-1, (len(CLASSES), len(CLASSES)))
    of_left, of_right = classes(left_sum, operands.left_kinds), classes(right_sum, operands.right_kinds)
    known_left = _through_classes((of_pairs * of_right[:, None, :]).sum(2), left_sum, operands.left_kinds)
    known_right = _through_classes((of_pairs * of_left[:, :, None]).sum(1), right_sum, operands.right_kinds)
    return Operands(
        to_operator,
        to_left + (to_left_sum + known_left[:, 0])[:, None],
        known_left[:, 1:],
        to_right + (to_right_sum + known_right[:, 0])[:, None],
        known_right[:, 1:],
    )


def _through_classes(
    to_classes: Float[Tensor, "batch classes"], integers: Float[Tensor, " batch"], kinds: Float[Tensor, "batch 3"]
) -> Float[Tensor, "batch known"]:
    """What arrives at the mass of integers and at the kinds."""
    something_else = 1 - torch.cat([integers[:, None], kinds], dim=-1).sum(-1, keepdim=True)
    return to_classes[:, :-1] - to_classes[:, -1:] * (something_else >= 0)
