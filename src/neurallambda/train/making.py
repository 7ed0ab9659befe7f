"""From a recipe to the things it names: its task, its models, the population of its seeds."""

from collections.abc import Sequence

from torch import nn

from neurallambda.nn import Population
from neurallambda.tasks import Task, task
from neurallambda.train.models import model_named
from neurallambda.train.recipe import Recipe


def task_of(recipe: Recipe) -> Task:
    """The task of a recipe.

    Raises:
        ArgumentError: if there is none of that name.
    """
    return task(recipe.task) if isinstance(recipe.task, str) else recipe.task


def make_model(recipe: Recipe, learned: Task, seed: int) -> nn.Module:
    """The model of a recipe, its parameters drawn from a seed; torch's global generator is left as it was.

    Args:
        recipe: the recipe.
        learned: its task.
        seed: of the parameters.
    """
    return make_population(recipe, learned, [seed]).members()[0]


def make_population(recipe: Recipe, learned: Task, seeds: Sequence[int] | None = None) -> Population:
    """The models of the seeds of a recipe, as they are before training.

    Args:
        recipe: the recipe.
        learned: its task.
        seeds: which; None: all that start.
    """
    make = model_named(recipe.model)
    return Population.of(
        lambda: make(learned, **recipe.options),
        recipe.all_seeds if seeds is None else seeds,
        is_compiled=recipe.compiled,
    )
