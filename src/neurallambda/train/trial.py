"""A trial before a training begins: what could not even take its first steps is refused while nothing is written yet."""

import torch
from torch import Generator, nn

from neurallambda.errors import ArgumentError
from neurallambda.tasks import Task
from neurallambda.train.making import code_of_file, make_population, task_of
from neurallambda.train.recipe import Recipe
from neurallambda.train.repairing import check_repairs

_ROWS = 2
"""How many inputs of a length the model is shown: what a model does with a row it does with many."""


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe whose task has no inputs of the lengths that it asks for, or whose model cannot answer them.

    A model of the first seed is shown inputs of the least and of the greatest length of each stage, of validation and of each
    repair. Model, inputs and random numbers are thrown away: a training afterwards is what it would be without.

    Args:
        recipe: what shall be done.

    Raises:
        ArgumentError: what the task or the model refuses, or that the answers of the model are none of the task.

    Example:
        >>> from neurallambda.train import changed, recipe_for
        >>> check_recipe(changed(recipe_for("parity-check"), ["model.states=0"]))
        Traceback (most recent call last):
        neurallambda.errors.ArgumentError: states: got 0, expected an integer of at least 1
    """
    learned, generator = task_of(recipe), Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        population = make_population(recipe, learned, recipe.all_seeds[:1])
        population.is_compiled = False  # compiling would take longer than all else
        check_repairs(recipe, population.template)
        if not any(parameter.requires_grad for parameter in population.parameters()):
            raise ArgumentError(
                f"model: got {type(population.template).__name__} without parameters, expected some: they are what is trained"
            )
        for length, asked in _ends(recipe, learned).items():
            try:
                tokens = learned.batch(length, _ROWS, generator=generator).tokens
            except ArgumentError as error:
                raise ArgumentError(f"{asked}: {learned.name} has no inputs of length {length} ({error})") from None
            with code_of_file(recipe):
                _check_answers(recipe, learned, population, tokens)


def _ends(recipe: Recipe, learned: Task) -> dict[int, str]:
    """The least and the greatest lengths of all inputs that a training draws, each with what asks for it first."""
    ranges = [(f"stage {number}", stage.lengths) for number, stage in enumerate(recipe.stages, 1)]
    ranges.append(("validation_lengths", recipe.validation_lengths))
    ranges += [(f"repair {number}", repair.lengths) for number, repair in enumerate(recipe.repairs, 1)]
    found: dict[int, str] = {}
    for asked, lengths in ranges:
        for length in lengths:
            found.setdefault(max(length, learned.shortest), asked)
    return found


@torch.no_grad()
def _check_answers(recipe: Recipe, learned: Task, population: nn.Module, tokens: torch.Tensor) -> None:
    """Refuse a model that gives something else than a number for each answer at each token."""
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16"):
        logits = population(tokens[None], None)[0]
    if logits.shape[:-1] != tokens.shape or logits.shape[-1] < learned.outputs:
        raise ArgumentError(
            f"model: got logits of shape {tuple(logits.shape)} for tokens of shape {tuple(tokens.shape)}, expected "
            f"{(*tokens.shape, learned.outputs)}: a number for each answer of {learned.name} at each token"
        )
