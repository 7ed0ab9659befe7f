"""Whole runs that a model drives: it is told what a step sees, and what it answers is done."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import Population
from neurallambda.tasks import Task
from neurallambda.tasks.traces.runs import Situation
from neurallambda.tasks.traces.steps import Runs


class Driver:
    """A model as a table that is filled where it is asked: a model that remembers nothing always answers the same.

    Args:
        model: from tokens to logits, as the task has them.
        task: a task of a step.
    """

    def __init__(self, model: nn.Module, task: Task) -> None:
        self._model, self._task = model.eval(), task
        self._numbers = {token: number for number, token in enumerate(task.symbols)}
        self._known: dict[Situation, tuple[str, ...]] = {}

    @torch.no_grad()
    def actions(self, situation: Situation) -> tuple[str, ...]:
        """What the model does.

        Raises:
            ArgumentError: if the situation has a token that no trace showed.
        """
        found = self._known.get(situation)
        if found is None:
            task, width = self._task, len(situation)
            if not set(situation) <= set(self._numbers):
                raise ArgumentError("situation: got a token that no trace has")
            channels = task.answer_length(width)
            row = [self._numbers[token] for token in situation] + [task.empty] * channels
            device = next(self._model.parameters()).device
            said = self._model(torch.tensor([row], device=device))[0, width:].argmax(-1).tolist()
            found = self._known[situation] = tuple(task.answers[number] for number in said)
        return found

    @property
    def met(self) -> dict[Situation, tuple[str, ...]]:
        """All situations that came up, and what the model did."""
        return dict(self._known)

    def result(self, runs: Runs, inputs: tuple[str, ...], size: int) -> tuple[str, ...]:
        """What a run comes to; nothing, where something cannot be done or the run does not end."""
        run = runs.begin(inputs)
        try:
            for _ in range(runs.limit(size)):
                run.act(self.actions(run.situation()))
                if run.is_over:
                    return run.answer()
        except ArgumentError:
            pass
        return ()


def drive(
    model: nn.Module, task: Task, lengths: Sequence[int], rows: int, generator: Generator
) -> list[list[tuple[float, float]]]:
    """For each member and length the share of the answers' tokens that are right, and of the whole answers.

    Members that do the same in all situations that came up come to the same, and are run once.

    Args:
        model: a `Population`, or a single model.
        task: a task of a step.
        lengths: the sizes of the inputs.
        rows: how many inputs of each.
        generator: that they come from.
    """
    assert task.runs is not None
    runs = task.runs
    random = np.random.default_rng(torch.randint(2**16, (4,), generator=generator).tolist())
    inputs = [[runs.draw(length, random) for _ in range(rows)] for length in lengths]
    members = model.members() if isinstance(model, Population) else [model]
    found: list[list[tuple[float, float]]] = []
    done: list[tuple[Driver, list[tuple[float, float]]]] = []
    for member in members:
        driver = Driver(member, task)
        for other, scores in done:
            if all(driver.actions(situation) == actions for situation, actions in other.met.items()):
                found.append(scores)
                break
        else:
            scores = [
                _score([(driver.result(runs, one, length), runs.answer(one)) for one in some])
                for length, some in zip(lengths, inputs, strict=True)
            ]
            done.append((driver, scores))
            found.append(scores)
    return found


def _score(pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]) -> tuple[float, float]:
    right = sum(sum(map(str.__eq__, said, wanted)) for said, wanted in pairs)
    return right / sum(len(wanted) for _, wanted in pairs), sum(said == wanted for said, wanted in pairs) / len(pairs)
