"""Arithmetic on distributions over integers: exact marginals, one-hot operands give one-hot results.

An operand is a distribution over the declared integers, of any mass; results have the product of the masses, less what
leaves the range or is not defined. On the CPU the sums run over the integers that have any mass: one a program where its
data is certain. Where the operands are soft, and always on other devices, they run over all pairs.

Both directions, forward and backward, are custom operators, since `torch.compile` traces neither sparse matrices nor
shapes that depend on data; what is needed besides tensors is passed to them by its number.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.lang.primitives import ARITHMETIC
from neurallambda.machine.pairs import PairTable, shifted_sum, shifted_sum_gradients

OPERATIONS = tuple(ARITHMETIC)
"""The order of the weights of operations."""

_PLUS, _MINUS = OPERATIONS.index("+"), OPERATIONS.index("-")
_FEW = 2048
"""So many pairs at most are summed one by one, for the whole batch together."""


class Arithmetic:
    """What is needed for the operations that may occur, over a range of integers.

    Args:
        integers: the range.
        names: which of `OPERATIONS` may occur; the others are not looked at.
    """

    def __init__(self, integers: range, names: frozenset[str]) -> None:
        self.integers = integers
        self.names = [name for name in OPERATIONS if name in names]
        self._tables: dict[tuple[str, torch.device, torch.dtype], PairTable] = {}
        self.number = len(_ALL)
        _ALL.append(self)

    def operate(
        self,
        left: Float[Tensor, "batch n"],
        right: Float[Tensor, "batch n"],
        weights: Float[Tensor, "batch operations"],
    ) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch 3"]]:
        """The mixture of all operations' results, and the masses of less, equal and greater."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            both = _operate(left, right, weights, self.number)
        else:
            both = _forward(left, right, weights, self)
        return both[:, :-3], both[:, -3:]

    def carry(
        self,
        to_result: Float[Tensor, "batch n"],
        to_order: Float[Tensor, "batch 3"],
        left: Float[Tensor, "batch n"],
        right: Float[Tensor, "batch n"],
        weights: Float[Tensor, "batch operations"],
    ) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch n"], Float[Tensor, "batch operations"]]:
        """What arrives at `left`, `right` and `weights` of what arrives at what `operate` gives."""
        few = _few(left, right)
        if few is None:
            return _all_pairs_backward(to_result, to_order, left, right, weights, self)
        return _few_pairs_backward(to_result, to_order, left, right, weights, self, *few)

    def results(self, name: str, left: Int[Tensor, " left"], right: Int[Tensor, " right"]) -> Int[Tensor, "left right"]:
        """The index of the result of each pair of indices; one past the last where it is out of range or undefined."""
        start, count = self.integers.start, len(self.integers)
        values = _FUNCTIONS[name](left[:, None] + start, right[None, :] + start) - start
        return torch.where((values >= 0) & (values < count), values, count)

    def table(self, name: str, like: Tensor) -> PairTable:
        """The results of all pairs; made once."""
        key = (name, like.device, like.dtype)
        if key not in self._tables:
            everything = torch.arange(len(self.integers), device=like.device)
            self._tables[key] = PairTable(self.results(name, everything, everything), len(everything), like.dtype)
        return self._tables[key]

    def live(self, weights: Float[Tensor, "batch operations"]) -> list[str]:
        """The operations of any weight, where asking is free."""
        if weights.device.type != "cpu":
            return self.names
        some = weights.any(0).tolist()
        return [name for name in self.names if some[OPERATIONS.index(name)]]


_ALL: list[Arithmetic] = []


@torch.library.custom_op("neurallambda::operate", mutates_args=())
def _operate(left: Tensor, right: Tensor, weights: Tensor, number: int) -> Tensor:
    return _forward(left, right, weights, _ALL[number])


@_operate.register_fake
def _(left: Tensor, right: Tensor, weights: Tensor, number: int) -> Tensor:
    return left.new_empty(left.shape[0], left.shape[1] + 3)


@torch.library.custom_op("neurallambda::operate_backward", mutates_args=())
def _operate_backward(
    gradient: Tensor, left: Tensor, right: Tensor, weights: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    return _ALL[number].carry(gradient[:, :-3].contiguous(), gradient[:, -3:], left, right, weights)


@_operate_backward.register_fake
def _(gradient: Tensor, left: Tensor, right: Tensor, weights: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(left), torch.empty_like(right), torch.empty_like(weights)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.number = inputs[3]


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
    return (*_operate_backward(gradient, *ctx.saved_tensors, ctx.number), None)


_operate.register_autograd(_backward, setup_context=_save)


def _forward(left: Tensor, right: Tensor, weights: Tensor, arithmetic: Arithmetic) -> Tensor:
    few = _few(left, right)
    if few is None:
        return _all_pairs(left, right, weights, arithmetic)
    return _few_pairs(left, right, weights, arithmetic, *few)


def _few(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """The integers that have any mass in any row, where asking is free and they are few."""
    if left.device.type != "cpu":
        return None
    some_left, some_right = (side.abs().sum(0).nonzero()[:, 0] for side in (left, right))
    return (some_left, some_right) if len(some_left) * len(some_right) <= _FEW else None


def _few_pairs(
    left: Tensor, right: Tensor, weights: Tensor, arithmetic: Arithmetic, some_left: Tensor, some_right: Tensor
) -> Tensor:
    joint = (left[:, some_left, None] * right[:, None, some_right]).flatten(1)
    result = left.new_zeros(len(left), left.shape[1] + 1)
    for name in arithmetic.live(weights):
        weight = weights[:, OPERATIONS.index(name), None]
        result.index_add_(1, arithmetic.results(name, some_left, some_right).flatten(), joint * weight)
    order = joint @ _order(some_left, some_right).to(left.dtype).flatten(0, 1)
    return torch.cat([result[:, :-1], order], dim=-1)


def _few_pairs_backward(
    to_result: Tensor,
    to_order: Tensor,
    left: Tensor,
    right: Tensor,
    weights: Tensor,
    arithmetic: Arithmetic,
    some_left: Tensor,
    some_right: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    everything = torch.arange(left.shape[1])
    to_result = pad(to_result, (0, 1))  # what is out of range has no gradient
    to_weights, live = torch.zeros_like(weights), arithmetic.live(weights)
    left_part, right_part = left[:, some_left, None], right[:, None, some_right]
    joint = left_part * right_part
    at_left = _spread(to_order, _order(everything, some_right))
    at_right = _spread(to_order, _order(some_left, everything))
    for name in arithmetic.names:
        column = OPERATIONS.index(name)
        arriving = _gather(to_result, arithmetic.results(name, some_left, some_right))
        to_weights[:, column] = (arriving * joint).sum((1, 2))
        if name in live:
            weight = weights[:, column, None, None]
            at_left.addcmul_(_gather(to_result, arithmetic.results(name, everything, some_right)), weight)
            at_right.addcmul_(_gather(to_result, arithmetic.results(name, some_left, everything)), weight)
    return (at_left * right_part).sum(2), (at_right * left_part).sum(1), to_weights


def _gather(values: Float[Tensor, "batch n"], index: Int[Tensor, "left right"]) -> Float[Tensor, "batch left right"]:
    return values.index_select(1, index.flatten()).unflatten(1, index.shape)


def _spread(to_order: Float[Tensor, "batch 3"], order: Tensor) -> Float[Tensor, "batch left right"]:
    """What arrives at each pair, by its order."""
    return (to_order @ order.to(to_order.dtype).flatten(0, 1).t()).unflatten(1, order.shape[:2])


def _all_pairs(left: Tensor, right: Tensor, weights: Tensor, arithmetic: Arithmetic) -> Tensor:
    result, live = torch.zeros_like(left), arithmetic.live(weights)
    if "+" in live or "-" in live:
        summand, shift = _summand(right, weights, arithmetic.integers)
        result = shifted_sum(left, summand, shift, left.shape[1])
    for name in live:
        if name not in ("+", "-"):
            weight = weights[:, OPERATIONS.index(name), None]
            result = torch.addcmul(result, weight, arithmetic.table(name, left).sum(left, right))
    return torch.cat([result, compare(left, right)], dim=-1)


def _all_pairs_backward(
    to_result: Tensor, to_order: Tensor, left: Tensor, right: Tensor, weights: Tensor, arithmetic: Arithmetic
) -> tuple[Tensor, Tensor, Tensor]:
    to_left, to_right = _compare_backward(to_order, left, right)
    to_weights = torch.zeros_like(weights)
    if "+" in arithmetic.names or "-" in arithmetic.names:
        summand, shift = _summand(right, weights, arithmetic.integers)
        of_left, of_summand = shifted_sum_gradients(to_result, left, summand, shift)
        of_right = _summand_backward(of_summand, right, weights, arithmetic.integers, to_weights)
        to_left, to_right = to_left + of_left, to_right + of_right
    for name in arithmetic.names:
        if name not in ("+", "-"):
            column = OPERATIONS.index(name)
            of_left, of_right = arithmetic.table(name, left).gradients(to_result, left, right)
            weight = weights[:, column, None]
            to_left, to_right = torch.addcmul(to_left, weight, of_left), torch.addcmul(to_right, weight, of_right)
            to_weights[:, column] = (of_left * left).sum(-1)
    return to_left, to_right, to_weights


def _summand(right: Tensor, weights: Tensor, integers: range) -> tuple[Float[Tensor, "batch wide"], int]:
    """What to add to the left operand, and the shift of indices that makes the sum.

    The right operand is spread over the integers by the weight of `+` and, negated, over their mirror image by that of `-`.
    """
    start, straight, mirrored = _wide(integers)
    summand = right.new_zeros(len(right), straight.stop + mirrored.stop - len(integers))
    summand[:, straight] += weights[:, [_PLUS]] * right
    summand[:, mirrored] += weights[:, [_MINUS]] * right.flip(-1)
    return summand, -start


def _summand_backward(
    to_summand: Tensor, right: Tensor, weights: Tensor, integers: range, to_weights: Tensor
) -> Float[Tensor, "batch n"]:
    """What arrives at `right`; what arrives at the weights is added to `to_weights`."""
    _, straight, mirrored = _wide(integers)
    of_plus, of_minus = to_summand[:, straight], to_summand[:, mirrored].flip(-1)
    to_weights[:, _PLUS] += (of_plus * right).sum(-1)
    to_weights[:, _MINUS] += (of_minus * right).sum(-1)
    return weights[:, [_PLUS]] * of_plus + weights[:, [_MINUS]] * of_minus


def _wide(integers: range) -> tuple[int, slice, slice]:
    """The least of the integers and their negatives; where, counted from there, the integers lie, and where their negatives."""
    start = min(integers.start, 1 - integers.stop)
    straight, mirrored = integers.start - start, 1 - integers.stop - start
    return start, slice(straight, straight + len(integers)), slice(mirrored, mirrored + len(integers))


def compare(left: Float[Tensor, "batch n"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch 3"]:
    """The masses of less, equal and greater."""
    equal = (left * right).sum(-1)
    at_most = (left.cumsum(-1) * right).sum(-1)
    all_pairs = left.sum(-1) * right.sum(-1)
    return torch.stack([at_most - equal, equal, all_pairs - at_most], dim=-1).clamp_min(0)


def _compare_backward(to_order: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    to_less, to_equal, to_greater = to_order[:, None].unbind(-1)
    left_below, right_below = left.cumsum(-1) - left, right.cumsum(-1) - right
    left_above, right_above = (side.flip(-1).cumsum(-1).flip(-1) - side for side in (left, right))
    to_left = to_less * right_above + to_equal * right + to_greater * right_below
    return to_left, to_less * left_below + to_equal * left + to_greater * left_above


def _order(left: Int[Tensor, " left"], right: Int[Tensor, " right"]) -> Tensor:
    """Which pairs of integers are less, equal, greater: the last axis."""
    left, right = left[:, None], right[None, :]
    return torch.stack([left < right, left == right, left > right], dim=-1)


_UNDEFINED = 2**62
"""What stands for the result of a division by zero: out of every range."""


def _floor_divide(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.div(left, torch.where(zero, 1, right), rounding_mode="floor"))


def _modulo(left: Tensor, right: Tensor) -> Tensor:
    zero = right == 0
    return torch.where(zero, _UNDEFINED, torch.remainder(left, torch.where(zero, 1, right)))


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": _floor_divide,
    "mod": _modulo,
}
