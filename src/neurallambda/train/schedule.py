"""The learning rate of a step, from the recipe alone: a training that is taken up again needs nothing else."""

from math import cos, pi

from neurallambda.train.recipe import Recipe


def learning_rate(recipe: Recipe, *, stage: int, step_of_stage: int, step: int) -> float:
    """The rate of a step.

    Args:
        recipe: the recipe.
        stage: the number of the stage, from 0.
        step_of_stage: how many steps of the stage came before.
        step: how many steps of the training came before.

    Example:
        >>> from neurallambda.train.recipe import Stage
        >>> stages = (Stage(lengths=(1, 6), steps=10), Stage(lengths=(1, 12), steps=4))
        >>> recipe = Recipe(task="parity-check", model="table", stages=stages, learning_rate=0.1)
        >>> learning_rate(recipe, stage=0, step_of_stage=9, step=9)
        0.1
        >>> [round(learning_rate(recipe, stage=1, step_of_stage=n, step=10 + n), 3) for n in range(4)]
        [0.1, 0.075, 0.05, 0.025]
    """
    rate = recipe.learning_rate * recipe.stages[stage].rate
    if recipe.warmup:
        rate *= min(1.0, (step + 1) / recipe.warmup)
    if stage < len(recipe.stages) - 1:
        return rate
    done = step_of_stage / recipe.stages[stage].steps
    return rate * {"constant": 1.0, "linear": 1 - done, "cosine": (1 + cos(pi * done)) / 2}[recipe.schedule]
