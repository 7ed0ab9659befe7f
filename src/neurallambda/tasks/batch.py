"""Batches of a task, and how well predictions answer them."""

from dataclasses import dataclass

from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.state import Batched, state


@state
class Batch(Batched):
    """Rows of a task, padded to one length.

    A row is its input, and then one empty token for each token of the answer; or, where a task is answered while it is
    read, its input alone. Padding is the empty token too, with a false mask.

    Attributes:
        tokens: what the model reads.
        targets: the right answer where one is read, and 0 elsewhere.
        mask: where an answer is read.
        lengths: how many tokens of each row are its input.

    Example:
        >>> import torch
        >>> from neurallambda.tasks import task
        >>> batch = task("reverse-string").batch(3, 1, generator=torch.Generator().manual_seed(1))
        >>> batch.tokens[0].tolist(), batch.targets[0].tolist()
        ([0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 0])
        >>> batch.mask[0].tolist(), batch.lengths.tolist()
        ([False, False, False, True, True, True], [3])
    """

    tokens: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]
    mask: Bool[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]


@dataclass(frozen=True)
class Score:
    """How well predictions answer a batch.

    Attributes:
        accuracy: the share of the answers' tokens that are right, from 0 to 1.
        exact: the share of the rows whose whole answer is right, from 0 to 1.
    """

    accuracy: float
    exact: float


def score(predictions: Shaped[Tensor, "batch time"], batch: Batch) -> Score:
    """Compare predictions with the right answers, where an answer is read.

    Args:
        predictions: for each token the number of an answer; what stands where no answer is read does not count.
        batch: what was asked.

    Returns:
        The shares of tokens and of rows that are right.

    Raises:
        ArgumentError: if the predictions have another shape than the batch, or are no whole numbers.

    Example:
        >>> import torch
        >>> tokens = torch.tensor([[0, 1, 2, 2], [1, 1, 2, 2]])
        >>> batch = Batch(tokens=tokens, targets=tokens.flip(1), mask=tokens == 2, lengths=torch.tensor([2, 2]))
        >>> score(torch.tensor([[5, 5, 1, 0], [5, 5, 1, 0]]), batch)
        Score(accuracy=0.75, exact=0.5)
    """
    if not isinstance(predictions, Tensor) or predictions.is_floating_point() or predictions.is_complex():
        kind = predictions.dtype if isinstance(predictions, Tensor) else type(predictions).__name__
        raise ArgumentError(
            f"predictions: got {kind}, expected a tensor of whole numbers; of logits [batch, time, outputs] take argmax(-1)"
        )
    if predictions.shape != batch.targets.shape:
        raise ArgumentError(
            f"predictions: got shape {tuple(predictions.shape)}, expected {tuple(batch.targets.shape)}, that of the batch"
        )
    right = (predictions == batch.targets) | ~batch.mask
    wrong = (~right).sum()
    asked = batch.mask.sum()
    return Score(accuracy=float(1 - wrong / asked.clamp_min(1)), exact=float(right.all(-1).float().mean()))
