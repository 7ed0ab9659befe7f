"""Arithmetic on distributions over integers: exact marginals, one-hot operands give one-hot results.

An operand is a distribution over the declared integers, of any mass; results have the product of the masses, less what
leaves the range or is not defined. On the CPU the sums run over the integers that have any mass (`few_pairs`); backward, where
that is one in each row, they are not even sums (`one_pair`). Where the operands are soft, and always on other devices, they run
over all pairs (`all_pairs`).

Both directions, forward and backward, are custom operators, since `torch.compile` traces neither sparse matrices nor
shapes that depend on data; what is needed besides tensors is passed to them by its number.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.all_pairs import all_pairs, all_pairs_backward
from neurallambda.arithmetic.few_pairs import few, few_pairs, few_pairs_backward
from neurallambda.arithmetic.integers import ALL, Integers
from neurallambda.arithmetic.one_pair import one, one_pair_backward


def operate(
    left: Float[Tensor, "batch n"],
    right: Float[Tensor, "batch n"],
    weights: Float[Tensor, "batch operations"],
    integers: Integers,
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch 3"]]:
    """The mixture of the results of all `OPERATIONS`, and the masses of less, equal and greater."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        both = _operate(left, right, weights, integers.number)
    else:
        both = _forward(left, right, weights, integers)
    return both[:, :-3], both[:, -3:]


def operate_backward(
    to_result: Float[Tensor, "batch n"],
    to_order: Float[Tensor, "batch 3"],
    left: Float[Tensor, "batch n"],
    right: Float[Tensor, "batch n"],
    weights: Float[Tensor, "batch operations"],
    integers: Integers,
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch n"], Float[Tensor, "batch operations"]]:
    """What arrives at `left`, `right` and `weights` of what arrives at what `operate` gives."""
    pair = one(left, right)
    if pair is not None:
        return one_pair_backward(to_result, to_order, left, right, weights, integers, *pair)
    some = few(left, right)
    if some is None:
        return all_pairs_backward(to_result, to_order, left, right, weights, integers)
    return few_pairs_backward(to_result, to_order, left, right, weights, integers, *some)


def _forward(left: Tensor, right: Tensor, weights: Tensor, integers: Integers) -> Tensor:
    some = few(left, right)
    if some is None:
        return all_pairs(left, right, weights, integers)
    return few_pairs(left, right, weights, integers, *some)


@torch.library.custom_op("neurallambda::operate", mutates_args=())
def _operate(left: Tensor, right: Tensor, weights: Tensor, number: int) -> Tensor:
    return _forward(left, right, weights, ALL[number])


@_operate.register_fake
def _(left: Tensor, right: Tensor, weights: Tensor, number: int) -> Tensor:
    return left.new_empty(left.shape[0], left.shape[1] + 3)


@torch.library.custom_op("neurallambda::operate_backward", mutates_args=())
def _operate_backward(
    gradient: Tensor, left: Tensor, right: Tensor, weights: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    to_result, to_order = gradient[:, :-3].contiguous(), gradient[:, -3:]
    return operate_backward(to_result, to_order, left, right, weights, ALL[number])


@_operate_backward.register_fake
def _(gradient: Tensor, left: Tensor, right: Tensor, weights: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(left), torch.empty_like(right), torch.empty_like(weights)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.number = inputs[3]


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
    return (*_operate_backward(gradient, *ctx.saved_tensors, ctx.number), None)


_operate.register_autograd(_backward, setup_context=_save)
