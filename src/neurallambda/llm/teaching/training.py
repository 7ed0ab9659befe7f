"""Teach a task to a language model while it keeps its language."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm.grafting import is_grafted, structure_of
from neurallambda.llm.structure import straight_through
from neurallambda.llm.teaching.losses import answer_loss, divergence
from neurallambda.llm.teaching.measuring import VALIDATION_ROWS, VALIDATION_SEED, exact_match
from neurallambda.llm.teaching.recipe import Precision, TeachingRecipe, rate_at
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.room import device_of
from neurallambda.llm.teaching.tasks import TextTask, draw
from neurallambda.train.events import Event, Listener, Validated
from neurallambda.train.following import Reason
from neurallambda.train.learner import GradientLearner, learn


class Taught(NamedTuple):
    """What a teaching came to.

    Attributes:
        steps: how many were taken.
        seconds: how long they took.
        reason: why it ended.
    """

    steps: int
    seconds: float
    reason: Reason


class Teaching(GradientLearner):
    """A task that is taught step by step; the arguments are those of `teach`."""

    def __init__(
        self,
        model: Any,
        groups: Sequence[dict[str, Any]],
        task: TextTask,
        tokenizer: Any,
        recipe: TeachingRecipe,
        *,
        seed: int,
        replay: Replay | None = None,
        before: Any = None,
        look_every: int | None = None,
    ) -> None:
        if replay is not None and recipe.replay_every and before is None:
            _check_only_the_graft(model, groups)
        super().__init__(model, groups, limit=recipe.steps, clip=recipe.clip, seed=seed)
        if recipe.rows % self.accelerator.num_processes:
            raise ArgumentError(
                f"rows: got {recipe.rows}, expected a multiple of the number of processes, {self.accelerator.num_processes}"
            )
        torch.manual_seed(self.own_seed)
        self.task, self.tokenizer, self.recipe = task, tokenizer, recipe
        self.replay, self.before, self.look_every = replay, before, look_every

    def rate(self, greatest: float) -> float:
        return greatest * rate_at(self.steps, self.recipe.steps)

    def losses(self) -> tuple[Tensor, Tensor]:
        recipe, model, processes = self.recipe, self.model, self.accelerator.num_processes
        length = self.random.randint(*recipe.lengths_at(self.steps))
        batch = draw(self.task, length, recipe.rows // processes, self.random, self.tokenizer)
        with _computing_in(recipe.precision, device_of(model).type):
            told = total = answer_loss(model, batch)
            if self.replay is not None and recipe.replay_every and self.steps % recipe.replay_every == 0:
                texts = self.replay.draw(
                    tokens=recipe.replay_tokens,
                    lengths=recipe.replay_lengths,
                    random=self.random,
                    generator=self.generator,
                )
                with straight_through(model) if is_grafted(model) else nullcontext():
                    total = total + recipe.replay_weight(self.steps) * divergence(model, self.before, texts)
        return total, told

    def advance(self) -> Iterator[Event]:
        """Take a step; every now and then, and in the end, look how many answers are right."""
        yield from super().advance()
        is_over = self.why_over() == "finished"
        if self.look_every and (is_over or (self.why_over() is None and self.steps % self.look_every == 0)):
            yield Validated(step=self.steps, seeds=(self.seed,), accuracies=(self.look(),))

    def look(self) -> float:
        """The share of fresh inputs of the greatest length of training that are answered without a mistake."""
        greatest = self.recipe.lengths[1]
        return exact_match(self.model, self.task, self.tokenizer, greatest, rows=VALIDATION_ROWS, seed=VALIDATION_SEED)

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"recipe": asdict(self.recipe), "task": self.task.name, "seed": self.seed}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        kept = facts | {"recipe": asdict(TeachingRecipe.from_facts(facts["recipe"]))}
        for name in ("recipe", "task", "seed"):
            if kept[name] != self.facts()[name]:
                raise ArgumentError(f"checkpoint: it is that of a training with another {name}")
        super().restore(tensors, facts)


def teach(
    model: Any,
    groups: Sequence[dict[str, Any]],
    task: TextTask,
    tokenizer: Any,
    recipe: TeachingRecipe,
    *,
    seed: int,
    replay: Replay | None = None,
    before: Any = None,
    listeners: Collection[Listener] = (),
    look_every: int | None = None,
    checkpoint: Path | None = None,
    save_every: int = 50,
    resume: bool = False,
) -> Taught:
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
        listeners: told of every event, as those of `neurallambda.train.train` are.
        look_every: after how many steps, and at the end, fresh inputs are answered; None: never.
        checkpoint: the file that all is kept in that the next step depends on; None: none.
        save_every: after how many steps.
        resume: whether to go on from there; it ends in the same numbers as one that never stopped.

    Returns:
        How long it took, and why it ended. Ctrl-C ends it after the step that it is in.

    Raises:
        ArgumentError: if `before` is missing, there is nothing to go on from, or another training would be lost.
        NotFiniteError: if the loss or its gradient is no finite number any more.
        KeyboardInterrupt: if it was interrupted, and there is no checkpoint.
    """
    learner = Teaching(
        model, groups, task, tokenizer, recipe, seed=seed, replay=replay, before=before, look_every=look_every
    )
    reason = learn(learner, listeners, checkpoint=checkpoint, save_every=save_every, resume=resume)
    return Taught(learner.steps, learner.seconds, reason)


def _computing_in(precision: Precision, device: str) -> AbstractContextManager[Any]:
    return nullcontext() if precision == "float32" else torch.autocast(device, dtype=torch.bfloat16)


def _check_only_the_graft(model: Any, groups: Sequence[dict[str, Any]]) -> None:
    """Refuse a model that will not be what it was when its graft is left out."""
    own = {id(one) for one in structure_of(model).parameters()} if is_grafted(model) else set[int]()
    if not all(id(one) in own for group in groups for one in group["params"]):
        raise ArgumentError(
            "before: more than a graft learns, so texts can only be repeated with a copy of the model as it was"
        )
