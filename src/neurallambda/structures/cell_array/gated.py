"""The gated row of cells: vectors instead of states, a gated convolution instead of a table."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

Cells = Float[Tensor, "batch cells channels"]

EDGE_OF_LINEAR = 0.9
"""From here on, of the 1 at which activations are cut off, saturation costs something."""


class GatedWeights(NamedTuple):
    """The local rule of a gated row of cells. Each weight takes the left, own and right cell and the recalled input.

    Attributes:
        gates: to reset and update gates, [4 channels, 2 channels].
        gate_bias: [2 channels].
        candidate: to new content, [4 channels, channels].
        candidate_bias: [channels].
    """

    gates: Tensor
    gate_bias: Tensor
    candidate: Tensor
    candidate_bias: Tensor


def gated_step(
    cells: Cells,
    recalled: Cells,
    real: Bool[Tensor, "batch cells"],
    weights: GatedWeights,
    *,
    saturation: float = 0.0,
    dropout: float = 0.0,
) -> Cells:
    """All cells at once take one step, from what they, their neighbours and the input hold.

        gates     = hard_sigmoid(W_g [left, own, right, input] + b_g)          reset r, update u
        candidate = hard_tanh(W_c [left r, own r, right r, input] + b_c)       of the cells after their reset
        next      = u * carried + (1 - u) * candidate

    `carried` is what the update gate keeps: the first third of the channels of the cell itself, the second third of its left
    neighbour, the last of its right one. So a signal can travel along the row without being computed anew. This is the
    convolutional gated recurrent unit with diagonal gates of Freivalds and Liepins (2017, arXiv:1702.08727), after the
    Neural GPU of Kaiser and Sutskever (2016); the recalled input, which keeps long iterations from drifting, is
    that of Bansal et al. (2022, arXiv:2202.05826).

    A step costs 12 channels² multiplications for each cell.

    Args:
        cells: what the cells hold, from -1 to 1.
        recalled: the input, given again at each step.
        real: which cells there are; the others hold zeros before and after.
        weights: the local rule.
        saturation: how strongly activations are pushed out of the region where they are cut off and pass no gradient: the
            factor of sum(|x| - 0.9), over those beyond, added to the loss. It acts on gradients alone.
        dropout: the share of the candidates that is dropped.

    Returns:
        What the cells hold after the step.
    """
    channels, there = cells.shape[-1], real[..., None].to(cells.dtype)
    before = pushed(_near(cells, recalled) @ weights.gates + weights.gate_bias, saturation)
    reset, update = (before * 0.5 + 0.5).clamp(0, 1).split(channels, -1)
    candidate = pushed(_near(cells * reset, recalled) @ weights.candidate + weights.candidate_bias, saturation)
    candidate = functional.dropout(candidate.clamp(-1, 1), dropout) if dropout else candidate.clamp(-1, 1)
    return (update * carried(cells) + (1 - update) * candidate) * there


def carried(cells: Cells) -> Cells:
    """The cells with a third of their channels moved one cell to the right, and a third one cell to the left.

    Example:
        >>> carried(torch.arange(6.0).reshape(1, 2, 3))
        tensor([[[0., 0., 5.],
                 [3., 1., 0.]]])
    """
    third = cells.shape[-1] // 3
    own, to_right, to_left = cells.split([cells.shape[-1] - 2 * third, third, third], -1)
    to_right = functional.pad(to_right[:, :-1], [0, 0, 1, 0])
    return torch.cat([own, to_right, functional.pad(to_left[:, 1:], [0, 0, 0, 1])], -1)


def pushed(activations: Tensor, weight: float) -> Tensor:
    """The same numbers, whose gradients gain that of `weight * sum(relu(|activations| - 0.9))`.

    Example:
        >>> x = torch.tensor([0.5, 2.0, -2.0], requires_grad=True)
        >>> pushed(x, 0.1).sum().backward()
        >>> x.grad
        tensor([1.0000, 1.1000, 0.9000])
    """
    return _Pushed.apply(activations, weight) if weight else activations


def _near(cells: Tensor, recalled: Tensor) -> Tensor:
    """Left, own and right cell and the input, side by side."""
    left = functional.pad(cells[:, :-1], [0, 0, 1, 0])
    return torch.cat([left, cells, functional.pad(cells[:, 1:], [0, 0, 0, 1]), recalled], -1)


class _Pushed(torch.autograd.Function):
    """The identity; on the way back it adds the gradient of the cost of saturation."""

    generate_vmap_rule = True

    @staticmethod
    def forward(activations: Tensor, weight: float) -> Tensor:
        del weight
        return activations.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        activations, ctx.weight = inputs
        ctx.save_for_backward(activations)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (activations,), (gradient,) = ctx.saved_tensors, gradients
        beyond = (activations.abs() > EDGE_OF_LINEAR).to(activations.dtype)
        return gradient + ctx.weight * activations.sign() * beyond, None
