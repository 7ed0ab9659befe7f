"""Networks that learn the steps of a machine or a program from a few short traces."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Recipe, Stage

TASKS = ("addition-steps", "sqrt-steps", "reverse-steps", "member-steps")
"""The tasks it is meant for."""


def steps(task: Task) -> Recipe:
    """One hidden layer that decides a step, from traces: what it is told of, it learns in seconds.

    Args:
        task: what is learned.
    """
    width = task.shortest
    return Recipe(
        task=task.name,
        model="steps",
        name="steps",
        seeds=6,
        stages=(Stage(lengths=(width, width), steps=600),),
        rows=64,
        learning_rate=5e-3,
        validation_lengths=(width, width),
        validation_rows=512,
    )
