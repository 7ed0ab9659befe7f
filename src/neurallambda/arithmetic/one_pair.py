"""Arithmetic on operands that are one integer in each row: what arrives at them comes from a line of the table of results."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.integers import OPERATIONS, Integers
from neurallambda.arithmetic.masses import is_nothing


def one(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """The one integer that has all mass on each side of each row, where asking is free and it is one at most."""
    if left.device.type != "cpu":
        return None
    masses, integers = zip(left.max(-1), right.max(-1), strict=True)
    if not (torch.equal(masses[0], left.sum(-1)) and torch.equal(masses[1], right.sum(-1))):
        return None
    return integers


def one_pair_backward(
    to_result: Float[Tensor, "batch n"],
    to_order: Float[Tensor, "batch 3"],
    left: Float[Tensor, "batch n"],
    right: Float[Tensor, "batch n"],
    weights: Float[Tensor, "batch operations"],
    integers: Integers,
    the_left: Int[Tensor, " batch"],
    the_right: Int[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch n"], Float[Tensor, "batch operations"]]:
    """What arrives at `left`, `right` and `weights`, also where they have no mass."""
    to_left, to_right, to_weights = around(to_result, to_order, weights, integers, the_left, the_right)
    left_mass, right_mass = left.gather(1, the_left[:, None]), right.gather(1, the_right[:, None])
    return to_left * right_mass, to_right * left_mass, to_weights * (left_mass * right_mass)


def around(
    to_result: Float[Tensor, "batch n"],
    to_order: Float[Tensor, "batch 3"],
    weights: Float[Tensor, "batch operations"],
    integers: Integers,
    the_left: Int[Tensor, " batch"],
    the_right: Int[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch n"], Float[Tensor, "batch operations"]]:
    """What arrives at the results of every other left integer with the right one, and of every other right one with the left
    one; and at the result of each operation.
    """
    everything = torch.arange(to_result.shape[1])
    some_left, row_left = the_left.unique(return_inverse=True)
    some_right, row_right = the_right.unique(return_inverse=True)
    some_left, some_right = some_left[:, None], some_right[:, None]
    to_weights, to_left, to_right = torch.zeros_like(weights), None, None
    if not is_nothing(to_order):
        to_left = _lines(to_order, _order(everything, some_right), row_right)
        to_right = _lines(to_order, _order(some_left, everything), row_left)
    live = integers.live(weights)
    to_result = pad(to_result, (0, 1)) if integers.names else to_result  # what is out of range has no gradient
    for name in integers.names:
        column = OPERATIONS.index(name)
        weight = weights[:, column, None]
        if name in live:
            of_left = _lines(to_result, integers.each(name, everything, some_right), row_right)
            of_right = _lines(to_result, integers.each(name, some_left, everything), row_left)
            to_weights[:, column, None] = of_left.gather(1, the_left[:, None])
            to_left = of_left * weight if to_left is None else to_left.addcmul_(of_left, weight)
            to_right = of_right * weight if to_right is None else to_right.addcmul_(of_right, weight)
        else:
            to_weights[:, column, None] = to_result.gather(1, integers.each(name, the_left, the_right)[:, None])
    nothing = torch.zeros(len(weights), len(everything), dtype=weights.dtype)
    return nothing if to_left is None else to_left, nothing if to_right is None else to_right, to_weights


def _lines(values: Float[Tensor, "batch n"], lines: Int[Tensor, "some m"], row: Int[Tensor, " batch"]) -> Tensor:
    """What stands where each row's line says."""
    return values.index_select(1, lines[0]) if len(lines) == 1 else values.gather(1, lines[row])


def _order(left: Tensor, right: Tensor) -> Tensor:
    """Whether integers are less, equal or greater, as 0, 1, 2."""
    return (left >= right).long() + (left > right)
