"""Teach a task to a language model while it keeps its language, and measure both."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from random import Random
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm.grafting import disabled, is_grafted, structure_of
from neurallambda.llm.structure import straight_through
from neurallambda.llm.teaching.pieces import summed_in_pieces
from neurallambda.llm.teaching.recipe import Precision, TeachingRecipe, rate_at
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.room import check_room, device_of
from neurallambda.llm.teaching.tasks import Encoded, TextTask, draw

Listener = Callable[[int, float], None]
IGNORED = -100
"""Stands for the target where there is none."""


def teach(
    model: Any,
    groups: list[dict[str, Any]],
    task: TextTask,
    tokenizer: Any,
    recipe: TeachingRecipe,
    *,
    seed: int,
    replay: Replay | None = None,
    before: Any = None,
    listener: Listener = lambda step, loss: None,
) -> float:
    """Teach a task.

    Args:
        model: with or without a graft; changed in place.
        groups: what learns, each group with its learning rate, as optimizers take them.
        task: what is taught.
        tokenizer: of the model.
        recipe: how.
        seed: of the examples and of the noise.
        replay: what the model is given beside the task; None: nothing.
        before: what says what the model said before, a copy of it; None: itself without its graft, where it is else frozen.
        listener: told each step and its loss.

    Returns:
        How many seconds it took.

    Raises:
        ArgumentError: if the loss is no finite number any more, or `before` is missing.
    """
    if replay is not None and recipe.replay_every and before is None:
        _check_only_the_graft(model, groups)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, recipe.steps))
    learning = [parameter for group in groups for parameter in group["params"]]
    random, generator = Random(seed), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    began = perf_counter()
    model.train()
    for step in range(recipe.steps):
        batch = draw(task, random.randint(*recipe.lengths_at(step)), recipe.rows, random, tokenizer)
        with _computing_in(recipe.precision, device_of(model).type):
            loss = _loss(model, batch)
            total = loss
            if replay is not None and recipe.replay_every and step % recipe.replay_every == 0:
                texts = replay.draw(
                    tokens=recipe.replay_tokens, lengths=recipe.replay_lengths, random=random, generator=generator
                )
                with straight_through(model) if is_grafted(model) else nullcontext():
                    total = total + _divergence(model, before, texts)
        if not bool(total.isfinite()):
            raise ArgumentError(
                f"groups: after {step} steps the loss is no finite number; a smaller learning rate may help"
            )
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(learning, recipe.clip)
        optimizer.step()
        schedule.step()
        listener(step + 1, float(loss.detach()))
    model.eval()
    return perf_counter() - began


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
        logits, targets, counts = _answers(model, batch)
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


def _computing_in(precision: Precision, device: str) -> AbstractContextManager[Any]:
    return nullcontext() if precision == "float32" else torch.autocast(device, dtype=torch.bfloat16)


def _answers(model: Any, batch: Encoded) -> tuple[Tensor, Tensor, Tensor]:
    """The logits where answers may be, the tokens that are right there, and which of them count."""
    check_room(model, batch.tokens.shape[1], "length: got an example with its answer")
    start, is_padded = batch.start, not bool(batch.real.all())
    batch = batch.to(device_of(model))  # after what is asked of its numbers, which would wait for another device
    kept = batch.tokens.shape[1] - start + 1
    padding = {"attention_mask": batch.real.long()} if is_padded else {}
    # Places, not how many: of a slice, gradients of the head go through a matrix for each row, which takes thrice as long.
    places = torch.arange(batch.tokens.shape[1] - kept, batch.tokens.shape[1], device=batch.tokens.device)
    logits = model(input_ids=batch.tokens, use_cache=False, logits_to_keep=places, **padding).logits[:, -kept:]
    return logits[:, :-1], batch.tokens[:, start:], batch.answer[:, start:]


def _loss(model: Any, batch: Encoded) -> Tensor:
    """The mean over the tokens of answers."""
    logits, targets, counts = _answers(model, batch)
    targets = targets.masked_fill(~counts, IGNORED)
    return summed_in_pieces(_cross_entropy, logits.flatten(0, 1), targets.flatten()) / counts.sum()


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")


def language_losses(model: Any, texts: Tensor) -> Tensor:
    """The loss of each token of plain text but the first: [texts, time - 1].

    Args:
        model: what reads them.
        texts: [texts, time] tokens.
    """
    texts = texts.to(device_of(model))
    logits, follow = model(input_ids=texts[:, :-1], use_cache=False).logits, texts[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), follow.flatten(), reduction="none").view_as(follow)


def _divergence(model: Any, before: Any, tokens: Tensor) -> Tensor:
    """How far the predictions of a model are from what they were (Kullback and Leibler): the mean over tokens.

    The loss of a token that follows would be the same in the mean, but it draws at parameters that change nothing too, now this
    way, now that.
    """
    asked, tokens = model if before is None else before, tokens.to(device_of(model))
    with torch.no_grad(), disabled(model) if before is None else nullcontext():
        wanted = asked(input_ids=tokens.to(device_of(asked)), use_cache=False).logits.to(tokens.device)
    said = model(input_ids=tokens, use_cache=False).logits
    return summed_in_pieces(_divergence_of, said.flatten(0, 1), wanted.flatten(0, 1)) / tokens.numel()


def _divergence_of(said: Tensor, wanted: Tensor) -> Tensor:
    wanted = wanted.to(said.dtype).log_softmax(-1)
    return functional.kl_div(said.log_softmax(-1), wanted, log_target=True, reduction="sum")


def _check_only_the_graft(model: Any, groups: list[dict[str, Any]]) -> None:
    """Refuse a model that will not be what it was when its graft is left out."""
    own = {id(one) for one in structure_of(model).parameters()} if is_grafted(model) else set[int]()
    if not all(id(one) in own for group in groups for one in group["params"]):
        raise ArgumentError(
            "before: more than a graft learns, so texts can only be repeated with a copy of the model as it was"
        )
