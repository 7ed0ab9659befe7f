"""What could not take its first steps is refused before anything is written, and nothing else is changed by finding out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.tasks import Task, task
from neurallambda.tasks.task import Rows
from neurallambda.train import Recipe, Repair, Stage, recipe_for, train
from neurallambda.train.recipes import FIRST
from neurallambda.train.trial import check_recipe

SHORT = (Stage(lengths=(1, 3), steps=2),)


class Answers(nn.Module):
    """A network that answers without looking back."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(inputs, outputs)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.embedding(tokens)


class First(Answers):
    """A network that answers at the first token alone."""

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(tokens)[:, :1]


def made(**values: Any) -> Recipe:
    few = {"seeds": 2, "rows": 2, "validation_rows": 2}
    common: dict[str, Any] = {"task": "parity-check", "model": "table", "stages": SHORT, **few}
    return Recipe(**common | values)


def odd_alone() -> Task:
    """A task that refuses inputs of even lengths."""
    parity = task("parity-check")

    def draw(lengths: Any, random: Any) -> Rows:
        if (lengths % 2 == 0).any():
            raise ArgumentError("lengths: expected odd ones")
        return parity.draw(lengths, random)

    return replace(parity, name="odd", draw=draw)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stages": (*SHORT, Stage(lengths=(3, 4), steps=1))}, "stage 2: odd has no inputs of length 4"),
        ({"validation_lengths": (1, 6)}, "validation_lengths: odd has no inputs of length 6 .*expected odd ones"),
        ({"repairs": (Repair(lengths=(1, 8), rows=2),)}, "repair 1: odd has no inputs of length 8"),
    ],
)
def test_a_task_without_inputs_of_these_lengths(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    recipe = made(**{"task": odd_alone(), "validation_lengths": (1, 5)} | values)
    with pytest.raises(ArgumentError, match=message):
        train(recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda task: Answers(task.inputs, 1), r"model: got logits of shape \(2, 2, 1\) for tokens of shape \(2, 2\)"),
        (lambda task: First(task.inputs, task.outputs), "model: got logits of shape"),
        (lambda task: nn.Identity(), "model: got Identity without parameters"),
        (lambda task: 5, "model: the function that makes it gave 5, expected a torch.nn.Module"),
    ],
)
def test_a_model_that_does_not_answer(model: Callable[[Task], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=message):
        train(made(model=model), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_what_code_of_a_file_does_wrong_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "from neurallambda.train import Recipe, Stage\n"
        "def recipe(task, model): return Recipe(task=task.name, model=model, stages=(Stage(lengths=(1, 3), steps=2),))\n"
        "def unmade(task): return recipe(task, lambda: None)\n"
        "def unasked(task): return recipe(task, lambda task: nn.Linear(2, 2))\n"
    )
    for name in ("unmade", "unasked"):
        with pytest.raises(ArgumentError, match=rf"model: that of .*mine\.py:{name} cannot be used: TypeError"):
            check_recipe(recipe_for("parity-check", f"{tmp_path / 'mine.py'}:{name}"))
    with pytest.raises(TypeError):  # what is given in Python is not hidden behind another error
        check_recipe(made(model=lambda: None))


def test_the_numbers_of_a_training_are_those_without_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    tried, after = train(made(), device="cpu"), torch.rand(1)
    monkeypatch.setattr("neurallambda.train.loop.check_recipe", lambda recipe: None)
    torch.manual_seed(1)
    untried = train(made(), device="cpu")
    assert torch.equal(torch.rand(1), after)
    for one, other in zip(tried.population.parameters(), untried.population.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", sorted(FIRST))
def test_every_recipe_that_is_meant_for_a_task_passes(name: str) -> None:
    check_recipe(recipe_for(name))
