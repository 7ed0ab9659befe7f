"""Weights as logarithms, with a number for the logarithm of nothing that no gradient trips over."""

import torch
from jaxtyping import Float
from torch import Tensor

NOTHING = -1e30
"""The logarithm of no weight at all: `exp` of it is 0, and ten million of them still add up to a finite number."""


def is_something(log_weights: Float[Tensor, "*shape"]) -> Tensor:
    """Where there is any weight, however small."""
    return log_weights > NOTHING / 2


def safe_log(weights: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The logarithm, `NOTHING` at zero; gradients there are zero."""
    some = weights > 0
    return torch.where(some, torch.where(some, weights, 1.0).log(), NOTHING)


def add_weights(one: Float[Tensor, "*shape"], other: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The logarithm of the sum of two weights; what is nothing adds nothing."""
    return torch.logaddexp(one, other)


def total(log_weights: Float[Tensor, "batch worlds"]) -> Float[Tensor, " batch"]:
    """The logarithm of the sum of the weights in each row; of one weight that is itself, and costs nothing."""
    return log_weights[:, 0] if log_weights.shape[1] == 1 else torch.logsumexp(log_weights, -1)


def share(part: Float[Tensor, "*shape"], whole: Float[Tensor, "*whole"]) -> Float[Tensor, "*shape"]:
    """`part / whole`, zeros where the whole is next to nothing, so that no gradient is larger than numbers can be."""
    some = whole > 1e-12
    return torch.where(some, part / torch.where(some, whole, 1.0), 0.0)
