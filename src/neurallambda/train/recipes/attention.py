"""A transformer with and without a layer of stacks: the same in all else, so that what differs is what the stacks do."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Option, Recipe, Stage

LONGEST = 12
"""Inputs of training have at most so many symbols; two, three and four times as many are for tests."""
# Chosen on reverse-string, two seeds from 100, trained on lengths 1 to 6 in 400 steps: exact rows at lengths 8 to 12. Alone,
# ALiBi has 0.03 and 0.05, rotations 0.03 and 0.02, no positions 0.03 and 0.04; with stacks ALiBi has 0.59 and 0.97,
# rotations 0.05 and 0.07.
_PLAIN: dict[str, Option] = {"dim": 64, "layers": 2, "heads": 4, "widen": 2, "positions": "alibi"}
_STACK: dict[str, Option] = {
    "structure": "stack",
    "structure_heads": 2,
    "structure_width": 8,
    "structure_noise": 1.0,
}


def transformer_alone(task: Task) -> Recipe:
    """A small causal transformer, to compare with the one that has stacks.

    Args:
        task: what is learned.
    """
    return _recipe(task, "transformer-alone", _PLAIN)


def transformer_stack(task: Task) -> Recipe:
    """The same transformer with one layer of stacks between its two blocks.

    Args:
        task: what is learned.
    """
    return _recipe(task, "transformer-stack", _PLAIN | _STACK)


def _recipe(task: Task, name: str, options: dict[str, Option]) -> Recipe:
    return Recipe(
        task=task.name,
        model="transformer",
        name=name,
        options=options,
        seeds=5,
        stages=(Stage(lengths=(1, LONGEST), steps=800),),
        rows=24,
        learning_rate=3e-3,
        warmup=50,
        validation_lengths=(1, LONGEST),
        validation_rows=128,
        validate_every=200,
    )
