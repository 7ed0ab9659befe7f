"""What a language model is taught by: the loss of its answers, that of plain text, and how far it is from what it said."""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.llm.grafting import disabled
from neurallambda.llm.teaching.pieces import summed_in_pieces
from neurallambda.llm.teaching.room import check_room, device_of
from neurallambda.llm.teaching.tasks import Encoded

IGNORED = -100
"""Stands for the target where there is none."""


def answers_of(model: Any, batch: Encoded) -> tuple[Tensor, Tensor, Tensor]:
    """The logits where answers may be, the tokens that are right there, and which of them count.

    Args:
        model: what answers.
        batch: of examples.
    """
    check_room(model, batch.tokens.shape[1], "length: got an example with its answer")
    start, is_padded = batch.start, not bool(batch.real.all())
    batch = batch.to(device_of(model))  # after what is asked of its numbers, which would wait for another device
    kept = batch.tokens.shape[1] - start + 1
    padding = {"attention_mask": batch.real.long()} if is_padded else {}
    # Places, not how many: of a slice, gradients of the head go through a matrix for each row, which takes thrice as long.
    places = torch.arange(batch.tokens.shape[1] - kept, batch.tokens.shape[1], device=batch.tokens.device)
    logits = model(input_ids=batch.tokens, use_cache=False, logits_to_keep=places, **padding).logits[:, -kept:]
    return logits[:, :-1], batch.tokens[:, start:], batch.answer[:, start:]


def answer_loss(model: Any, batch: Encoded) -> Tensor:
    """The mean over the tokens of answers.

    Args:
        model: what answers.
        batch: of examples.
    """
    logits, targets, counts = answers_of(model, batch)
    targets = targets.masked_fill(~counts, IGNORED)
    return summed_in_pieces(_cross_entropy, logits.flatten(0, 1), targets.flatten()) / counts.sum()


def language_losses(model: Any, texts: Tensor) -> Tensor:
    """The loss of each token of plain text but the first: [texts, time - 1].

    Args:
        model: what reads them.
        texts: [texts, time] tokens.
    """
    texts = texts.to(device_of(model))
    logits, follow = model(input_ids=texts[:, :-1], use_cache=False).logits, texts[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), follow.flatten(), reduction="none").view_as(follow)


def divergence(model: Any, before: Any, tokens: Tensor) -> Tensor:
    """How far the predictions of a model are from what they were (Kullback and Leibler): the mean over tokens.

    The loss of a token that follows would be the same in the mean, but it draws at parameters that change nothing too, now this
    way, now that.

    Args:
        model: whose predictions are compared.
        before: what says what they were; None: the model without its graft.
        tokens: [texts, time].
    """
    asked, tokens = model if before is None else before, tokens.to(device_of(model))
    with torch.no_grad(), disabled(model) if before is None else nullcontext():
        wanted = asked(input_ids=tokens.to(device_of(asked)), use_cache=False).logits.to(tokens.device)
    said = model(input_ids=tokens, use_cache=False).logits
    return summed_in_pieces(_divergence_of, said.flatten(0, 1), wanted.flatten(0, 1)) / tokens.numel()


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")


def _divergence_of(said: Tensor, wanted: Tensor) -> Tensor:
    wanted = wanted.to(said.dtype).log_softmax(-1)
    return functional.kl_div(said.log_softmax(-1), wanted, log_target=True, reduction="sum")
