"""The models that a recipe names, each a function from a task and options to a module."""

from difflib import get_close_matches
from typing import Literal

from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import (
    CellArrayModel,
    Controller,
    GatedCellModel,
    LSTMModel,
    NameBlindController,
    RNNModel,
    StepModel,
    TableAutomaton,
    TransformerModel,
    WindowAutomaton,
)
from neurallambda.nn.controller import Phase
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


def window(task: Task, *, states: int = 16, places: int = 8, noise: float = 0.7, place_noise: float = 0.5) -> nn.Module:
    """A finite automaton that reads each token again some steps later, both learned: for what depends on a window.

    Args:
        task: what is learned.
        states: how many states it has; more than needed do no harm.
        places: how many tokens back it can look.
        noise: the standard deviation of the noise on the table in training.
        place_noise: that on the choice of how far back it looks.
    """
    return WindowAutomaton(
        task.inputs, task.outputs, states=states, places=places, noise=noise, place_noise=place_noise
    )


def cells(task: Task, *, states: int = 6, pause: int = 0, longer_first: bool = False, noise: float = 0.5) -> nn.Module:
    """A row of cells with one learned local rule: for two numbers with an operator between them.

    Args:
        task: what is learned.
        states: how many states a cell has.
        pause: how many steps cells have to find out about each other before the first answer.
        longer_first: whether the longer number lies in the cells, whichever it is.
        noise: the standard deviation of the noise on the table in training.
    """
    return CellArrayModel(task.inputs, task.outputs, states=states, pause=pause, longer_first=longer_first, noise=noise)


def gated_cells(
    task: Task,
    *,
    channels: int = 48,
    pace: float = 1.0,
    share: float = 1.0,
    dropout: float = 0.1,
    saturation: float = 1e-3,
) -> nn.Module:
    """A row of gated cells that computes for as many steps as it is long.

    Args:
        task: what is learned.
        channels: the numbers in a cell.
        pace: steps for each cell.
        share: how much of a row its input, or its answer, takes at most.
        dropout: the share of the candidates that is dropped in training.
        saturation: how strongly activations are pushed out of saturation in training.
    """
    return GatedCellModel(
        task.inputs, task.outputs, channels=channels, pace=pace, share=share, dropout=dropout, saturation=saturation
    )


def controller(
    task: Task,
    *,
    stacks: int = 1,
    queues: int = 1,
    priority_queues: int = 0,
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
    after: Literal["in turn", "take", "stay"] = "in turn",
) -> nn.Module:
    """A small network of a discrete state that learns to use stacks and queues.

    Args:
        task: what is learned.
        stacks: how many stacks.
        queues: how many queues.
        priority_queues: how many priority queues.
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
        after: what structures are inclined to do once the input has ended: all of them to take out, or to wait, or the first
            to take out, the second to wait, and so on in turn.
    """
    heads = stacks + queues + priority_queues
    inclined: list[Phase] | None = None if after == "in turn" else [after for _ in range(heads)]
    return Controller(
        task.inputs,
        task.outputs,
        stacks=stacks,
        queues=queues,
        priority_queues=priority_queues,
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
        after=inclined,
    )


def name_blind(
    task: Task,
    *,
    names: int = 32,
    stacks: int = 0,
    queues: int = 0,
    latches: int = 0,
    dictionaries: int = 0,
    pause: bool = False,
    states: int = 6,
    state_noise: float = 0.5,
    action_noise: float = 1.0,
    choice_noise: float = 0.5,
    action_scale: float = 0.3,
    phase_bias: float = 4.0,
    choice_bias: float = 0.0,
) -> nn.Module:
    """A controller that is told of names only which are equal, so that what it learns holds for names it never saw.

    Args:
        task: what is learned. Its first symbols are names; where there are more answers than names, its first answers too.
        names: how many.
        stacks: how many stacks.
        queues: how many queues.
        latches: how many latches, each for one name.
        dictionaries: how many memories by key.
        pause: whether it takes as many steps after the input as in it, before it answers.
        states: how many states the cell has.
        state_noise: the standard deviation of the noise on the cell in training.
        action_noise: that on the logits of actions.
        choice_noise: that on the logits of choices among names.
        action_scale: how far actions depend on the state, and on what is equal, at the start.
        phase_bias: how strongly actions are inclined at the start.
        choice_bias: how strongly what is put into a structure is inclined, at the start, to be the name that comes.
    """
    return NameBlindController(
        task.inputs,
        task.outputs,
        names=names,
        answers_names=task.outputs > names,
        stacks=stacks,
        queues=queues,
        latches=latches,
        dictionaries=dictionaries,
        pause=pause,
        states=states,
        state_noise=state_noise,
        action_noise=action_noise,
        choice_noise=choice_noise,
        action_scale=action_scale,
        phase_bias=phase_bias,
        choice_bias=choice_bias,
    )


def steps(task: Task, *, hidden: int = 128) -> nn.Module:
    """One hidden layer that decides a step, for tasks of a step.

    Args:
        task: what is learned.
        hidden: how many rectified units it has.
    """
    width = task.shortest
    return StepModel(task.inputs, task.outputs, seen=width, hidden=hidden, actions=task.time(width) - width)


def rnn(task: Task, *, hidden: int = 256, layers: int = 1) -> nn.Module:
    """PyTorch's own simple recurrent network.

    Args:
        task: what is learned.
        hidden: how many units a layer has.
        layers: how many layers.
    """
    return RNNModel(task.inputs, task.outputs, hidden=hidden, layers=layers)


def lstm(task: Task, *, hidden: int = 256, layers: int = 1) -> nn.Module:
    """PyTorch's own LSTM.

    Args:
        task: what is learned.
        hidden: how many units a layer has.
        layers: how many layers.
    """
    return LSTMModel(task.inputs, task.outputs, hidden=hidden, layers=layers)


def transformer(
    task: Task,
    *,
    dim: int = 64,
    layers: int = 4,
    heads: int = 4,
    widen: int = 4,
    positions: Literal["none", "sinusoidal", "rotary", "alibi"] = "none",
    is_causal: bool = True,
    dropout: float = 0.0,
    structure: Literal["none", "stack", "queue"] = "none",
    structure_heads: int = 4,
    structure_width: int = 8,
    structure_noise: float = 0.0,
) -> nn.Module:
    """A transformer, with a layer of stacks or queues between its blocks where that is wanted.

    Args:
        task: what is learned.
        dim: the size of the hidden state.
        layers: how many blocks.
        heads: how many heads of attention.
        widen: how many times as wide the feed-forward layers are inside.
        positions: how tokens know where they stand.
        is_causal: whether each token sees only itself and those before it.
        dropout: the probability with which numbers are left out in training.
        structure: what lies between the blocks in the middle.
        structure_heads: how many structures that layer has.
        structure_width: how many numbers each stores of a hidden state.
        structure_noise: the standard deviation of the noise on the logits of their actions in training.
    """
    return TransformerModel(
        task.inputs,
        task.outputs,
        dim=dim,
        layers=layers,
        heads=heads,
        widen=widen,
        positions=positions,
        is_causal=is_causal,
        dropout=dropout,
        structure=structure,
        structure_heads=structure_heads,
        structure_width=structure_width,
        structure_noise=structure_noise,
    )


MODELS: dict[str, MakeModel] = {
    "controller": controller,
    "table": table,
    "window": window,
    "cells": cells,
    "gated-cells": gated_cells,
    "name-blind": name_blind,
    "steps": steps,
    "rnn": rnn,
    "lstm": lstm,
    "transformer": transformer,
}
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
    hint = f"did you mean {near[0]}? The" if near else "the"
    raise ArgumentError(f"model: there is no model {name!r}; {hint} models are {', '.join(MODELS)}")
