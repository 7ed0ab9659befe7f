"""Windows: a learned automaton that reads each token twice, when it comes and when it leaves a queue."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Recipe, Stage

TASKS = ("sliding-window-sum",)
"""The tasks it is meant for."""


def window(task: Task) -> Recipe:
    """A learned table beside a queue of the last tokens: for what depends on a window of them.

    Args:
        task: what is learned.
    """
    return Recipe(
        task=task.name,
        model="window",
        # Which place it reads is settled early, and never again where the noise is small: with one of 0.5 few seeds find
        # the place.
        options={"states": 24, "place_noise": 2.0},
        name="window",
        seeds=12,
        rows=32,
        learning_rate=3e-2,
        stages=(Stage(lengths=(1, 8), steps=800, threshold=0.997), Stage(lengths=(1, 20), steps=1000)),
    )
