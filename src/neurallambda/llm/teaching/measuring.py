"""How good a language model is at a task, and what is left of its language."""

from collections.abc import Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

from neurallambda.llm.teaching.losses import answers_of, language_losses
from neurallambda.llm.teaching.tasks import TextTask, draw

VALIDATION_ROWS, VALIDATION_SEED = 256, 2_000_003
"""How many fresh inputs choices are made by, and their seed, which no training and no test draws from."""


@torch.no_grad()
def exact_match(
    model: Any, task: TextTask, tokenizer: Any, length: int, *, rows: int, seed: int, at_once: int = 32
) -> float:
    """The share of fresh examples whose every token of the answer is the likeliest one, so that greedy decoding writes it.

    Args:
        model: in evaluation.
        task: whose examples.
        tokenizer: of the model.
        length: of the inputs.
        rows: how many.
        seed: of the examples.
        at_once: how many the model is given at once.
    """
    model.eval()
    random, right = Random(seed), 0
    for first in range(0, rows, at_once):
        batch = draw(task, length, min(at_once, rows - first), random, tokenizer)
        logits, targets, counts = answers_of(model, batch)
        right += int(((logits.argmax(-1) == targets) | ~counts).all(1).sum())
    return right / rows


@torch.no_grad()
def perplexity(model: Any, texts: Tensor, *, at_once: int = 8) -> float:
    """How surprised a model is by plain text: the exponential of the mean loss of a token.

    Args:
        model: in evaluation.
        texts: [texts, time] tokens.
        at_once: how many texts the model is given at once.
    """
    model.eval()
    return float(
        torch.cat([language_losses(model, part).flatten() for part in texts.split(at_once)]).double().mean().exp()
    )


def measured(
    model: Any, task: TextTask, tokenizer: Any, lengths: Sequence[int], *, rows: int, seed: int
) -> dict[str, float]:
    """The exact match at each length.

    Args:
        model: in evaluation.
        task: whose examples.
        tokenizer: of the model.
        lengths: of the inputs.
        rows: how many examples of each.
        seed: of the examples.
    """
    return {str(length): exact_match(model, task, tokenizer, length, rows=rows, seed=seed) for length in lengths}
