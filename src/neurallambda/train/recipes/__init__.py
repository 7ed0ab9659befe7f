"""Recipes: how each family of models is trained on each task, written down before their final runs."""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.tasks import Task
from neurallambda.tasks import task as task_named
from neurallambda.train.recipe import Recipe
from neurallambda.train.recipes.attention import transformer_alone, transformer_stack
from neurallambda.train.recipes.baselines import baseline
from neurallambda.train.recipes.cells import GATED_TASKS, cells, gated_cells
from neurallambda.train.recipes.cells import TASKS as CELL_TASKS
from neurallambda.train.recipes.controller import TASKS as CONTROLLER_TASKS
from neurallambda.train.recipes.controller import controller
from neurallambda.train.recipes.name_blind import TASKS as NAME_TASKS
from neurallambda.train.recipes.name_blind import name_blind
from neurallambda.train.recipes.steps import TASKS as STEP_TASKS
from neurallambda.train.recipes.steps import steps
from neurallambda.train.recipes.table import TASKS as TABLE_TASKS
from neurallambda.train.recipes.table import table
from neurallambda.train.recipes.window import TASKS as WINDOW_TASKS
from neurallambda.train.recipes.window import window

MakeRecipe = Callable[[Task], Recipe]
"""A function from a task to the recipe for it."""


def _meant_for(task: Task) -> Recipe:
    """The recipe that is meant for a task; the controller's where none is."""
    return OWN[_first(task) or "controller"](task)


def rnn(task: Task) -> Recipe:
    """A simple recurrent network, as large as the model that is meant for the task, with as many steps."""
    return baseline("rnn", task, _meant_for(task))


def lstm(task: Task) -> Recipe:
    """An LSTM, as large as the model that is meant for the task, with as many steps."""
    return baseline("lstm", task, _meant_for(task))


def transformer(task: Task) -> Recipe:
    """A transformer, as large as the model that is meant for the task, with as many steps."""
    return baseline("transformer", task, _meant_for(task))


OWN: dict[str, MakeRecipe] = {
    "controller": controller,
    "table": table,
    "window": window,
    "cells": cells,
    "gated-cells": gated_cells,
    "name-blind": name_blind,
    "steps": steps,
}
"""The recipes of the networks that this project is about, by name."""
RECIPES: dict[str, MakeRecipe] = {
    **OWN,
    "rnn": rnn,
    "lstm": lstm,
    "transformer": transformer,
    "transformer-alone": transformer_alone,
    "transformer-stack": transformer_stack,
}
"""All recipes, by name."""
FIRST: dict[str, str] = {
    **dict.fromkeys(TABLE_TASKS, "table"),
    **dict.fromkeys(WINDOW_TASKS, "window"),
    **dict.fromkeys(CELL_TASKS, "cells"),
    **dict.fromkeys(GATED_TASKS, "gated-cells"),
    **dict.fromkeys(CONTROLLER_TASKS, "controller"),
    **dict.fromkeys(NAME_TASKS, "name-blind"),
    **dict.fromkeys(STEP_TASKS, "steps"),
}
"""Which recipe is taken for a task where none is named."""


def _first(task: Task) -> str | None:
    """The name of the recipe that is meant for a task; all tasks of a step have the same."""
    return FIRST.get(task.name) or ("steps" if task.runs is not None else None)


@checked
def recipe_for(task: str, name: str | None = None) -> Recipe:
    """The recipe of a name for a task.

    Args:
        task: the name of the task.
        name: one of `RECIPES`, or `FILE.py:FUNCTION`, a function in a file that takes a task and returns a recipe. None: the
            one that is meant for the task.

    Raises:
        ArgumentError: if there is no such task or recipe.

    Example:
        >>> recipe_for("parity-check").name
        'table'
    """
    learned = task_named(task)
    if name is None:
        name = _first(learned)
        if name is None:
            raise ArgumentError(f"recipe: none is meant for {learned.name}; name one of {', '.join(RECIPES)}")
    return recipe_function(name)(learned)


@checked
def recipe_function(name: str) -> MakeRecipe:
    """The function that makes a recipe.

    Args:
        name: one of `RECIPES`, or `FILE.py:FUNCTION`.

    Raises:
        ArgumentError: if there is none.
    """
    if name in RECIPES:
        return RECIPES[name]
    file, colon, function = name.rpartition(":")
    if colon:
        return _from_file(Path(file), function)
    near = get_close_matches(name, RECIPES, n=1)
    hint = f"did you mean {near[0]}? The" if near else "the"
    raise ArgumentError(f"recipe: there is no recipe {name!r}; {hint} recipes are {', '.join(RECIPES)}")


def _from_file(file: Path, function: str) -> MakeRecipe:
    if not file.is_file():
        raise ArgumentError(f"recipe: there is no file {str(file)!r}")
    spec = spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"recipe: {str(file)!r} is no Python file")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the file does wrong
        raise ArgumentError(f"recipe: {str(file)!r} cannot be run: {type(error).__name__}: {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise ArgumentError(f"recipe: {str(file)!r} has no function {function!r}")

    def make(task: Task) -> Recipe:
        try:
            made = found(task)
        except Exception as error:  # whatever the function does wrong
            raise ArgumentError(
                f"recipe: {function} in {str(file)!r} made none for {task.name}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(made, Recipe):
            raise ArgumentError(f"recipe: {function} in {str(file)!r} gave {made!r:.60}, expected a Recipe")
        return made if isinstance(made.model, str) else replace(made, source=f"{file.resolve()}:{function}")

    return make
