"""What a twin learns from: strings with labels, and for each prefix what may come next where that is told."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.generate import DataWarning, Recipe, generate
from neurallambda.automata.runs.prospects import Prospect, prospects
from neurallambda.errors import ArgumentError
from neurallambda.state import Batched, state
from neurallambda.twins.axes import Layout, Strings


@dataclass(frozen=True)
class Example:
    """One string.

    Attributes:
        string: its symbols, without markers.
        label: whether it is accepted.
        prospects: for each prefix what may come next, as far as some string goes on so; empty where that is not told.
    """

    string: tuple[str, ...]
    label: bool
    prospects: tuple[Prospect, ...] = ()


@state
class Examples(Batched):
    """A batch of examples as tensors.

    Attributes:
        strings: the strings.
        labels: 1 for accepted ones, 0 for others.
        prospects: 1 for what may come next, 0 for what may not; with no entries where it is not told.
        told: 1 for the prefixes whose prospects are told.
    """

    strings: Strings
    labels: Float[Tensor, " batch"]
    prospects: Float[Tensor, "batch places prospects"]
    told: Float[Tensor, "batch places"]


@checked
def draw_examples(machine: Automaton, recipe: Recipe, *, with_prospects: bool = False) -> list[Example]:
    """Draw examples from an exact machine; where there are few strings, the same one comes again and again.

    Args:
        machine: the machine.
        recipe: which strings, and how many.
        with_prospects: tell what may come next after each prefix.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        rows = list(generate(machine, recipe))
    return [Example(row.string, row.label, prospects(machine, row.string) if with_prospects else ()) for row in rows]


def encode_examples(layout: Layout, examples: Sequence[Example], *, like: Tensor) -> Examples:
    """Examples as tensors.

    Args:
        layout: the layout of the machine that learns; its alphabet is that of the examples, in the same order.
        examples: the examples; all tell prospects, or none does.
        like: a tensor with the device and type to have.

    Raises:
        ArgumentError: there is no example, or some tell prospects and others do not.
    """
    telling = {bool(example.prospects) for example in examples}
    if len(telling) != 1:
        raise ArgumentError(
            "examples: got none"
            if not examples
            else "examples: some tell prospects and others do not; expected all or none"
        )
    strings = layout.encode([example.string for example in examples], device=like.device)
    places = strings.tokens.shape[1]
    width = len(layout.machine.alphabet) + 1
    wanted = torch.zeros(len(examples), places, width)
    told = torch.zeros(len(examples), places)
    for row, example in enumerate(examples):
        known = len(example.prospects)
        if known:
            wanted[row, :known] = torch.tensor(example.prospects, dtype=wanted.dtype)
            told[row, :known] = 1.0
    return Examples(
        strings=strings,
        labels=torch.tensor([float(example.label) for example in examples]).to(like),
        prospects=wanted.to(like),
        told=told.to(like),
    )
