"""Where training starts: each way to fill weights is a function with a name and a reason."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import check_noise


@checked
@torch.no_grad()
def by_fan_in_(weight: Tensor, *, scale: float = 1.0) -> Tensor:
    """Normal weights whose sums keep the size of what is summed: N(0, scale² / inputs).

    The variance of a sum of n products is n times that of one, so weights of variance 1/n keep it (LeCun et al., 1998);
    behind a rectifier, which lets half of it through, scale is the square root of 2 (He et al., 2015). A larger scale
    before a softmax makes its choices sharper from the start.

    Args:
        weight: [outputs, inputs], filled in place.
        scale: what the standard deviation is multiplied by.

    Returns:
        The weight.

    Raises:
        ArgumentError: if the weight has not these two axes of real numbers, or the scale is negative or not finite.

    Example:
        >>> by_fan_in_(torch.empty(2, 3)).shape
        torch.Size([2, 3])
    """
    _check_weight(weight, "outputs, inputs")
    check_noise("scale", scale)
    return weight.normal_(0.0, scale / max(weight.shape[1], 1) ** 0.5)


@checked
@torch.no_grad()
def blocks_by_fan_in_(linear: nn.Linear, sizes: Mapping[str, int]) -> nn.Linear:
    """Weights for inputs that are several things side by side, each of which is to have the same say: `by_fan_in_` for each.

    Beside 300 features a state of 6 would hardly be heard if all weights were as small as 306 inputs ask for.

    Args:
        linear: filled in place; its bias becomes small.
        sizes: how many inputs each thing has, in order, by its name.

    Returns:
        The module.

    Raises:
        ArgumentError: if a size is negative, or the sizes do not add up to the inputs.

    Example:
        >>> blocks_by_fan_in_(nn.Linear(306, 32), {"features": 300, "state": 6})
        Linear(in_features=306, out_features=32, bias=True)
    """
    for name, size in sizes.items():
        check_count(f"sizes[{name!r}]", size, least=0)
    if sum(sizes.values()) != linear.in_features:
        raise ArgumentError(f"sizes: got {dict(sizes)}, expected {linear.in_features} inputs together")
    for block in linear.weight.split(list(sizes.values()), dim=1):
        by_fan_in_(block)
    if linear.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
        linear.bias.normal_(0.0, 0.1)
    return linear


@checked
@torch.no_grad()
def unit_inputs_(weight: Tensor, *, scale: float = 1.0) -> Tensor:
    """Weights N(0, scale²), for inputs of which one is 1 and the others 0.

    Of a one-hot input a sum has one term only, however many symbols there are, so its size must not be divided among
    them.

    Args:
        weight: [outputs, symbols], filled in place.
        scale: the standard deviation of the weights.

    Returns:
        The weight.

    Raises:
        ArgumentError: if the weight has not these two axes of real numbers, or the scale is negative or not finite.

    Example:
        >>> unit_inputs_(torch.empty(2, 3)).shape
        torch.Size([2, 3])
    """
    _check_weight(weight, "outputs, symbols")
    check_noise("scale", scale)
    return weight.normal_(0.0, scale)


@checked
@torch.no_grad()
def phase_bias_(weight: Tensor, *, during: int, after: int, size: float = 4.0) -> Tensor:
    """Incline a choice to one option while the input comes, and to another once it has ended.

    Where most orders of putting in and taking out lose the input, there is nothing to learn from. A network that starts by
    putting everything in and then taking everything out sees the whole input again, and descent finds the rest; with a
    size of 4 an action is 95% certain, and the noise of training still tries others. Six of six seeds learn to duplicate
    strings with it, with two queues, and five without, in half as many steps again. The idea is that of the forget gate's
    bias of 1 (Gers et al., 2000; Jozefowicz et al., 2015): start where the memory is kept.

    Args:
        weight: [logits, tokens], changed in place; the last token stands for "no input".
        during: the row of the option for all other tokens.
        after: the row of the option for the last token.
        size: what is added.

    Returns:
        The weight.

    Raises:
        ArgumentError: if the weight has not these two axes of real numbers, or no such row.

    Example:
        >>> phase_bias_(torch.zeros(3, 3), during=0, after=1)
        tensor([[4., 4., 0.],
                [0., 0., 4.],
                [0., 0., 0.]])
    """
    _check_weight(weight, "logits, tokens")
    if not weight.shape[1]:
        raise ArgumentError(f"weight: got {shown(weight)}, expected at least one token, which stands for no input")
    for name, row in (("during", during), ("after", after)):
        if not 0 <= row < len(weight):
            raise ArgumentError(f"{name}: got {row}, expected a row of the weight, from 0 to {len(weight) - 1}")
    weight[during, :-1] += size
    weight[after, -1] += size
    return weight


def _check_weight(weight: Tensor, axes: str) -> None:
    """Refuse what is no matrix of real numbers."""
    if weight.ndim != 2 or not weight.is_floating_point():
        raise ArgumentError(f"weight: got {shown(weight)}, expected one of real numbers and shape [{axes}]")
