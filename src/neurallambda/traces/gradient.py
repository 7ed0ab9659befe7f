"""Which cells of the code the end of a run depends on, by the gradient of its probability."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.printer import to_text
from neurallambda.machine.alphabet import OPERATORS, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.machine import Machine
from neurallambda.machine.trace import address_name
from neurallambda.traces.pictures import Json
from neurallambda.traces.recording import rounded

PARTS = ("tag", "operator", "literal", "first", "second", "third")
MOST = 4
"""How many derivatives of a part are told, the largest by size."""


def gradient_of(machine: Machine, program: NeuralLambda, outcome: Outcome, max_steps: int) -> Json | None:
    """How the logarithm of the probability of a program's end changes with each cell of its code.

    Args:
        machine: what runs it.
        program: a batch of one program.
        outcome: its likeliest end.
        max_steps: how many steps it may take.

    Returns:
        As the record has it; None where the end has no probability of its own: it holds a function, or the run was cut.
    """
    if outcome.error in (ErrorKind.OUT_OF_STEPS, ErrorKind.OUT_OF_MEMORY):
        return None
    parts = {name: getattr(program, name).detach().clone().requires_grad_() for name in PARTS}
    result = machine.run(replace(program, **parts), max_steps=max_steps)
    end = outcome.error if outcome.error is not None else outcome.term
    assert end is not None
    try:
        chance = result.probability(end)[0]
    except ArgumentError:  # it holds a function
        return None
    slopes = torch.autograd.grad(chance.log(), list(parts.values()), allow_unused=True)
    of = str(end) if isinstance(end, ErrorKind) else to_text(end)
    return {"of": of, "cells": _cells(dict(zip(PARTS, slopes, strict=True)), program)}


def _cells(slopes: dict[str, Tensor | None], program: NeuralLambda) -> list[Json]:
    """Each cell that the end depends on, with its largest derivatives."""
    letters: dict[str, Callable[[int], str]] = {
        "tag": lambda at: Tag(at).name.lower(),
        "operator": lambda at: OPERATORS[at],
        "literal": lambda at: str(program.integers[at]),
    }
    found: list[Json] = []
    for address in range(len(program.cells[0])):
        square, parts = 0.0, {}
        for name, slope in slopes.items():
            if slope is None:
                continue
            row = slope[0, address]
            square += float(row.square().sum())
            largest = row.abs().topk(min(MOST, len(row))).indices.tolist()
            told = [[letters.get(name, address_name)(at), rounded(float(row[at]))] for at in largest if row[at] != 0]
            if told:
                parts[name] = told
        if square > 0:
            found.append({"address": address_name(address), "size": rounded(square**0.5), "parts": parts})
    return found
