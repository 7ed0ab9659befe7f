"""Baselines: the networks that everyone has, as large as the one that is meant for a task, and with as many steps."""

from bisect import bisect_right
from typing import Literal

import torch

from neurallambda.tasks import Task
from neurallambda.train.models import model_named
from neurallambda.train.recipe import Option, Recipe, Stage

Baseline = Literal["rnn", "lstm", "transformer"]
_RATES = {"rnn": 2e-3, "lstm": 5e-3, "transformer": 2e-3}
"""Learning rates, of which each is good at learning the lengths of the training."""
_WIDEST = 512
_LEAST = 2000
"""So many parameters a baseline may always have: some tables have too few for any other network."""


def baseline(model: Baseline, task: Task, own: Recipe) -> Recipe:
    """A recipe for a baseline.

    It sees lengths up to forty from the first step, as in the paper of the tasks, and takes all steps that the other may take.

    Args:
        model: which.
        task: what is learned.
        own: the recipe that is meant for the task, to which it is compared.
    """
    return Recipe(
        task=task.name,
        model=model,
        name=model,
        options=_as_large(model, task, max(_LEAST, parameters(task, own.model, dict(own.options)))),
        seeds=min(own.seeds, 6),
        stages=(Stage(lengths=(1, 40), steps=own.total_steps),),
        rows=own.rows,
        learning_rate=_RATES[model],
        betas=(0.9, 0.999),
        warmup=50,
    )


def parameters(task: Task, model: object, options: dict[str, Option]) -> int:
    """How many parameters a model has.

    Args:
        task: what is learned.
        model: the name of a model, or a function that makes one.
        options: of the model.
    """
    with torch.random.fork_rng(devices=[]):
        made = model_named(model)(task, **options)  # pyright: ignore[reportArgumentType]
    return sum(parameter.numel() for parameter in made.parameters())


def _as_large(model: Baseline, task: Task, most: int) -> dict[str, Option]:
    """The options of the widest model that has no more parameters; at least the narrowest."""

    def options(width: int) -> dict[str, Option]:
        if model == "transformer":
            return {"dim": 2 * width, "layers": 2, "heads": 2, "widen": 2, "positions": "alibi"}
        return {"hidden": width}

    width = bisect_right(range(1, _WIDEST + 1), most, key=lambda width: parameters(task, model, options(width)))
    return options(max(1, width))
