"""Arithmetic on operands that are one integer in each row: what arrives at them comes from a line of the table of results."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.integers import OPERATIONS, Integers
from neurallambda.arithmetic.masses import is_nothing


def one(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """The one integer that has any mass on each side of each row, where asking is free and it is one at most."""
    if left.device.type != "cpu" or int(torch.maximum(left.count_nonzero(-1), right.count_nonzero(-1)).max()) > 1:
        return None
    return left.argmax(-1), right.argmax(-1)


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
    everything = torch.arange(left.shape[1])
    some_left, row_left = the_left.unique(return_inverse=True)
    some_right, row_right = the_right.unique(return_inverse=True)
    to_result = pad(to_result, (0, 1))  # what is out of range has no gradient
    to_weights, to_left, to_right = torch.zeros_like(weights), torch.zeros_like(left), torch.zeros_like(right)
    if not is_nothing(to_order):
        to_left += to_order.gather(1, _order(everything, some_right[:, None])[row_right])
        to_right += to_order.gather(1, _order(some_left[:, None], everything)[row_left])
    live = integers.live(weights)
    for name in integers.names:
        column = OPERATIONS.index(name)
        to_weights[:, column] = to_result.gather(1, integers.each(name, the_left, the_right)[:, None])[:, 0]
        if name in live:
            weight = weights[:, column, None]
            of_left = integers.each(name, everything, some_right[:, None])[row_right]
            of_right = integers.each(name, some_left[:, None], everything)[row_left]
            to_left.addcmul_(to_result.gather(1, of_left), weight)
            to_right.addcmul_(to_result.gather(1, of_right), weight)
    left_mass, right_mass = left.gather(1, the_left[:, None]), right.gather(1, the_right[:, None])
    return to_left * right_mass, to_right * left_mass, to_weights * (left_mass * right_mass)


def _order(left: Tensor, right: Tensor) -> Tensor:
    """Whether integers are less, equal or greater, as 0, 1, 2."""
    return (left >= right).long() + (left > right)
