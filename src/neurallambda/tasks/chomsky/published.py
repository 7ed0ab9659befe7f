"""The figures of the paper, and what its tasks share."""

import numpy as np
from jaxtyping import Int

from neurallambda.tasks.task import Published, Rows

MODELS = ("RNN", "Stack-RNN", "Tape-RNN", "Transformer", "LSTM")
SOURCE = (
    "Delétang et al., Neural Networks and the Chomsky Hierarchy, ICLR 2023, arXiv:2207.02098, main table: accuracy in "
    "percent over the lengths 41 to 500 after training on 1 to 40, the best of all seeds and learning rates"
)


def published(*figures: float) -> Published:
    """The figures of a task, in the order of `MODELS`.

    >>> published(56.0, 100.0, 100.0, 57.5, 59.1).best
    ('Stack-RNN', 100.0)
    """
    return Published(dict(zip(MODELS, figures, strict=True)), SOURCE)


def one(_: int) -> int:
    """The answer's length where it is a single symbol."""
    return 1


def classified(
    inputs: Int[np.ndarray, "rows widest"], lengths: Int[np.ndarray, " rows"], classes: Int[np.ndarray, " rows"]
) -> Rows:
    """Rows whose answer is a single symbol."""
    return Rows(inputs=inputs, lengths=lengths, answers=classes[:, None], sizes=np.ones_like(lengths))


def uniform(
    count: int, lengths: Int[np.ndarray, " rows"], random: np.random.Generator
) -> Int[np.ndarray, "rows widest"]:
    """Strings in which every symbol is equally likely; past their lengths they are 0."""
    width = int(lengths.max())
    return random.integers(0, count, (len(lengths), width)) * (np.arange(width) < lengths[:, None])
