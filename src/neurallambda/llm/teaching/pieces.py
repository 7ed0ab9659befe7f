"""A loss over many rows of logits, piece by piece: of a large vocabulary, all rows at once do not fit the processor's cache."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from neurallambda.arguments import checked
from neurallambda.errors import check_count

Loss = Callable[..., Tensor]


@checked
def summed_in_pieces(
    loss: Loss, logits: Float[Tensor, "rows vocabulary"], *given: Tensor, rows: int = 16
) -> Float[Tensor, ""]:
    """The sum of a loss over rows, whose gradient is made along with it, a few rows at a time.

    `loss(logits, *given)` of all rows passes over the whole of the logits once for each of its operations, forwards and
    backwards, through memory. Here all passes over a piece follow each other, and the piece stays in the cache. It computes in
    float32, of logits in bfloat16 too.

    Args:
        loss: from some rows of logits, in float32 or what the logits have if that is wider, and the same rows of what is given,
            to one number, a sum over the rows. No gradient reaches what it takes from elsewhere.
        logits: what the gradient is for.
        given: what else each row has; tensors with as many rows.
        rows: how many make a piece.

    Returns:
        The sum, on which `backward` may be called once.

    Raises:
        ArgumentError: if `rows` is not positive.

    Example:
        >>> logits, targets = torch.randn(5, 7, requires_grad=True), torch.tensor([0, 6, 2, 2, 1])
        >>> from functools import partial
        >>> cross_entropy = partial(torch.nn.functional.cross_entropy, reduction="sum")
        >>> total = summed_in_pieces(cross_entropy, logits, targets, rows=2)
        >>> torch.allclose(total, cross_entropy(logits, targets))
        True
    """
    check_count("rows", rows)
    return _Summed.apply(logits, loss, rows, *given)


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, loss: Loss, rows: int, *given: Tensor) -> Tensor:
        wide = torch.promote_types(logits.dtype, torch.float32)
        total = torch.zeros((), dtype=wide, device=logits.device)
        wanted = ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits) if wanted else None
        with torch.set_grad_enabled(wanted), torch.autocast(logits.device.type, enabled=False):
            for first in range(0, len(logits), rows):
                part = slice(first, first + rows)
                piece = logits[part].detach().to(wide).requires_grad_(wanted)
                found = loss(piece, *(one[part] for one in given))
                total += found.detach()
                if gradient is not None:
                    gradient[part] = torch.autograd.grad(found, piece)[0]
        ctx.gradient = gradient
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, scale: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        gradient: Tensor = ctx.gradient  # pyright: ignore[reportAttributeAccessIssue]
        return (gradient * scale.to(gradient.dtype), *[None] * (len(ctx.needs_input_grad) - 1))  # pyright: ignore[reportAttributeAccessIssue]
