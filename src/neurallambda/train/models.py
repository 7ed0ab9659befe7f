"""The models that a recipe names, each a function from a task and options to a module."""

from difflib import get_close_matches
from typing import Literal

from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, Controller, TableAutomaton
from neurallambda.tasks import Task
from neurallambda.train.recipe import MakeModel


def table(task: Task, *, states: int = 8, noise: float = 0.7) -> nn.Module:
    """A finite automaton whose table is learned.

    Args:
        task: what is learned.
        states: how many states it has; more than needed do no harm.
        noise: the standard deviation of the noise on the table in training.
    """
    return TableAutomaton(task.inputs, task.outputs, states=states, noise=noise)


def cells(task: Task, *, states: int = 6, noise: float = 0.5) -> nn.Module:
    """A row of cells with one learned local rule: for two numbers with an operator between them.

    Args:
        task: what is learned.
        states: how many states a cell has.
        noise: the standard deviation of the noise on the table in training.
    """
    return CellArrayModel(task.inputs, task.outputs, states=states, noise=noise)


def controller(
    task: Task,
    *,
    stacks: int = 1,
    queues: int = 1,
    symbols: int = 3,
    cell: Literal["categorical", "tanh", "rnn", "gru", "lstm"] = "categorical",
    states: int = 6,
    units: int = 32,
    readout: int = 32,
    state_noise: float = 0.5,
    action_noise: float = 1.0,
    value_noise: float = 0.5,
    action_scale: float = 0.3,
    phase_bias: float = 4.0,
) -> nn.Module:
    """A small network of a discrete state that learns to use stacks and queues.

    Args:
        task: what is learned.
        stacks: how many stacks.
        queues: how many queues.
        symbols: how many different symbols a structure may hold.
        cell: of the network.
        states: how many states the categorical cell has, or units any other.
        units: how many rectified units the layer in the categorical cell has.
        readout: how many rectified units the layer before the answers has.
        state_noise: the standard deviation of the noise on the cell in training.
        action_noise: that on the logits of actions.
        value_noise: that on the logits of symbols.
        action_scale: how far actions depend on the state and the reads at the start.
        phase_bias: how strongly actions are inclined at the start.
    """
    return Controller(
        task.inputs,
        task.outputs,
        stacks=stacks,
        queues=queues,
        symbols=symbols,
        cell=cell,
        states=states,
        units=units,
        readout=readout,
        state_noise=state_noise,
        action_noise=action_noise,
        value_noise=value_noise,
        action_scale=action_scale,
        phase_bias=phase_bias,
    )


MODELS: dict[str, MakeModel] = {"table": table, "cells": cells, "controller": controller}
"""All models, by name."""


def model_named(name: str | MakeModel) -> MakeModel:
    """The function that makes a model.

    Args:
        name: one of `MODELS`, or the function itself.

    Raises:
        ArgumentError: if there is none of that name; the message names the nearest.
    """
    if not isinstance(name, str):
        return name
    if name in MODELS:
        return MODELS[name]
    near = get_close_matches(name, MODELS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ArgumentError(f"model: there is no model {name!r}; {hint}The models are {', '.join(MODELS)}")
