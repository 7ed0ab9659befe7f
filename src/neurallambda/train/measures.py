"""How wrong the members of a population are about a batch."""

from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


def cross_entropy(
    logits: Float[Tensor, "*members rows time outputs"],
    targets: Int[Tensor, "*members rows time"],
    mask: Bool[Tensor, "*members rows time"],
) -> Float[Tensor, "*members"]:
    """The mean over rows of the mean over a row's answers of how surprising the right answer is, for each member.

    Args:
        logits: the scores of all answers at each place.
        targets: the right answers.
        mask: where an answer is read.

    Returns:
        In nats.

    Example:
        >>> import torch
        >>> cross_entropy(torch.zeros(1, 2, 3, 2), torch.zeros(1, 2, 3).long(), torch.ones(1, 2, 3).bool())
        tensor([0.6931])
    """
    surprise = functional.cross_entropy(logits.flatten(0, -2).float(), targets.flatten(), reduction="none")
    per_row = (surprise.view(targets.shape) * mask).sum(-1) / mask.sum(-1).clamp_min(1)
    return per_row.mean(-1)


def token_accuracy(
    logits: Float[Tensor, "*members rows time outputs"],
    targets: Int[Tensor, "*members rows time"],
    mask: Bool[Tensor, "*members rows time"],
) -> Float[Tensor, "*members"]:
    """The share of all answers that are right, for each member.

    Args:
        logits: the scores of all answers at each place; the highest is the answer.
        targets: the right answers.
        mask: where an answer is read.

    Example:
        >>> import torch
        >>> token_accuracy(torch.eye(2)[None, None], torch.tensor([[[0, 0]]]), torch.ones(1, 1, 2).bool())
        tensor([0.5000])
    """
    right = (logits.argmax(-1) == targets) & mask
    return right.sum((-1, -2)) / mask.sum((-1, -2)).clamp_min(1)
