"""From a recipe to the things it names: its task, its models, the population of its seeds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from neurallambda.errors import ArgumentError, NeurallambdaError
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

    Raises:
        ArgumentError: if the model refuses an option, or a function in a file makes none.
    """
    make = model_named(recipe.model)

    def build() -> nn.Module:
        with code_of_file(recipe):
            made = make(learned, **recipe.options)
        if not isinstance(made, nn.Module):
            raise ArgumentError(f"model: the function that makes it gave {made!r:.60}, expected a torch.nn.Module")
        return made

    return Population.of(build, recipe.all_seeds if seeds is None else seeds, is_compiled=recipe.compiled)


@contextmanager
def code_of_file(recipe: Recipe) -> Iterator[None]:
    """Where code of a recipe's file runs: whatever it does wrong is told with the name of the file.

    Args:
        recipe: one whose model need not come from a file; what other models do wrong stays as it is.

    Raises:
        ArgumentError: which function of which file, and what went wrong.
    """
    try:
        yield
    except NeurallambdaError:
        raise
    except Exception as error:
        if not recipe.source:
            raise
        raise ArgumentError(
            f"model: that of {recipe.source} cannot be used: {type(error).__name__}: {error}"
        ) from error
