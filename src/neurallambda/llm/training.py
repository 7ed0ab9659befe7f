"""Teach a task to a language model while it keeps its language, and measure both."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite
from random import Random
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.grafting import disabled, is_grafted, structure_of
from neurallambda.llm.pieces import summed_in_pieces
from neurallambda.llm.replay import Replay
from neurallambda.llm.structure import straight_through
from neurallambda.llm.tasks import Encoded, TextTask, draw

Listener = Callable[[int, float], None]
Precision = Literal["float32", "bfloat16"]
"""In what the model computes while it is taught."""
IGNORED = -100
"""Stands for the target where there is none."""


@checked
@dataclass(frozen=True, kw_only=True)
class TeachingRecipe:
    """How a model is taught.

    Args:
        steps: how many.
        rows: examples a step, all of one length.
        lengths: the least and the greatest length in training.
        longer_until: short inputs first: the greatest length rises evenly from the least one, and is reached after so many steps; 0:
            all lengths from the beginning.
        learning_rate: the greatest; it rises over 20 steps and then falls to a fiftieth.
        clip: the greatest norm of the gradient.
        replay_every: every so many steps the model is given texts too, on which it is to say what it said before: the loss is
            the divergence of its predictions from those; 0: never.
        replay_rows: how many texts of the model's own then.
        random_rows: how many texts of random tokens beside them.
        replay_length: how many tokens of each.
        precision: in what the model computes while it is taught: `bfloat16` is mixed precision, where parameters, norms, losses
            and the structure stay in float32. It is faster where the processor multiplies such numbers, and slower elsewhere.
            Measurements are in float32.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.
    """

    steps: int = 400
    rows: int = 32
    lengths: tuple[int, int] = (2, 8)
    longer_until: int = 0
    learning_rate: float = 3e-3
    clip: float = 1.0
    replay_every: int = 2
    replay_rows: int = 2
    random_rows: int = 3
    replay_length: int = 100
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("steps", "rows", "replay_rows"):
            check_count(name, getattr(self, name))
        for name in ("longer_until", "replay_every", "random_rows"):
            check_count(name, getattr(self, name), least=0)
        check_count("replay_length", self.replay_length, least=2)
        least, greatest = self.lengths
        if not 1 <= least <= greatest:
            raise ArgumentError(
                f"lengths: got {least}-{greatest}, expected two lengths from 1 on, the first not the greater one"
            )
        for name in ("learning_rate", "clip"):
            check_rate(name, getattr(self, name))

    def lengths_at(self, step: int) -> tuple[int, int]:
        """The least and the greatest length at a step.

        Args:
            step: which, from 0 on.

        Example:
            >>> [TeachingRecipe(lengths=(2, 4), longer_until=6).lengths_at(step) for step in (0, 1, 2, 4, 100)]
            [(2, 2), (2, 2), (2, 3), (2, 4), (2, 4)]
        """
        least, greatest = self.lengths
        if step >= self.longer_until:
            return least, greatest
        return least, least + (greatest - least + 1) * step // self.longer_until


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
        with _computing_in(recipe.precision, batch.tokens.device.type):
            loss = _loss(model, batch)
            total = loss
            if replay is not None and recipe.replay_every and step % recipe.replay_every == 0:
                with straight_through(model) if is_grafted(model) else nullcontext():
                    total = total + _divergence(model, before, _drawn(replay, recipe, random, generator))
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
    kept = batch.tokens.shape[1] - batch.start + 1
    padding = {} if bool(batch.real.all()) else {"attention_mask": batch.real.long()}
    # Places, not how many: of a slice, gradients of the head go through a matrix for each row, which takes thrice as long.
    places = torch.arange(batch.tokens.shape[1] - kept, batch.tokens.shape[1])
    logits = model(input_ids=batch.tokens, use_cache=False, logits_to_keep=places, **padding).logits[:, -kept:]
    return logits[:, :-1], batch.tokens[:, batch.start :], batch.answer[:, batch.start :]


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
    logits, follow = model(input_ids=texts[:, :-1], use_cache=False).logits, texts[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), follow.flatten(), reduction="none").view_as(follow)


def _divergence(model: Any, before: Any, tokens: Tensor) -> Tensor:
    """How far the predictions of a model are from what they were (Kullback and Leibler): the mean over tokens.

    The loss of a token that follows would be the same in the mean, but it draws at parameters that change nothing too, now this
    way, now that.
    """
    with torch.no_grad(), disabled(model) if before is None else nullcontext():
        wanted = (model if before is None else before)(input_ids=tokens, use_cache=False).logits
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


def _drawn(replay: Replay, recipe: TeachingRecipe, random: Random, generator: torch.Generator) -> Tensor:
    return replay.draw(
        rows=recipe.replay_rows,
        random_rows=recipe.random_rows,
        length=recipe.replay_length,
        random=random,
        generator=generator,
    )


def check_rate(name: str, value: float) -> None:
    """Refuse what is no positive number.

    Raises:
        ArgumentError: which argument, and what came.
    """
    if not (isfinite(value) and value > 0):
        raise ArgumentError(f"{name}: got {value}, expected a positive number")


def rate_at(step: int, steps: int) -> float:
    """Which part of the greatest learning rate a step has: it rises over 20 steps, and falls to a fiftieth.

    >>> rate_at(0, 200), rate_at(19, 200) == 1 - 19 / 200, rate_at(199, 200)
    (0.05, True, 0.02)
    """
    return min(1.0, (step + 1) / 20) * max(0.02, 1 - step / steps)
