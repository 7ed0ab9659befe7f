"""Second gradients of kernels: their backward pass, where it is itself differentiated, is that of plain PyTorch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def differentiable_gradients(
    run: Callable[..., Tensor | tuple[Tensor, ...]], inputs: Sequence[Tensor], grads: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """The gradients of what a kernel computes, in a form that can be differentiated again.

    Args:
        run: the same in PyTorch: of the inputs, one or several outputs.
        inputs: what the kernel was given.
        grads: the gradient of each output, None where none came back.

    Returns:
        The gradient of each input.
    """
    # Views of the inputs, so that the way back ends here: the inputs themselves may share a source with what came before
    # them, and then all of that would be gone through again, at each step twice as much as at the one before.
    tracked = tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs)
    results = run(*tracked)
    outputs = (results,) if isinstance(results, Tensor) else results
    pairs = [(output, grad) for output, grad in zip(outputs, grads, strict=True) if grad is not None]
    outputs, given = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, tracked, given, create_graph=True, allow_unused=True)
