"""Recipes of a file whose model is a function too: a run of theirs is made again by the file."""

from pathlib import Path

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.train import Recipe, Stage, load_run, recipe_for, train
from neurallambda.train.recipe import recipe_from
from neurallambda.train.run_folder import RunFolder

FILE = """
from torch import nn
from neurallambda.nn import TableAutomaton
from neurallambda.train import Recipe, Stage

def table(task, *, states=3):  # the name of a model of the package, which it is not
    return TableAutomaton(task.inputs, task.outputs, states=states, noise=0.1)

def named(task):
    return Recipe(task=task.name, model=table, seeds=2, rows=2, validation_rows=2, stages=(Stage(lengths=(1, 3), steps=2),))

def nameless(task):
    model = lambda task: table(task, states=5)
    return Recipe(task=task.name, model=model, seeds=2, rows=2, validation_rows=2, stages=(Stage(lengths=(1, 3), steps=2),))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("function", "states"), [("named", 3), ("nameless", 5)])
def test_a_run_of_a_model_that_a_file_makes_is_loaded_and_resumed(
    file: Path, function: str, states: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = recipe_for("parity-check", f"{file.name}:{function}")
    trained = train(recipe, "run", device="cpu")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    again = load_run("../run")
    assert again.recipe.facts() == recipe.facts()
    (table, *_), (expected, *_) = again.population.parameters(), trained.population.parameters()
    assert table.shape == (2, 3, states, states)
    assert torch.equal(table, expected)
    resumed = train(RunFolder(Path("../run")).recipe(), "../run", resume=True, device="cpu")
    assert resumed.scores == trained.scores


def test_a_model_that_no_file_makes_must_be_given(tmp_path: Path) -> None:
    def table(task: object) -> torch.nn.Module:
        raise AssertionError(task)

    recipe = Recipe(task="parity-check", model=table, stages=(Stage(lengths=(1, 3), steps=2),))
    assert recipe.name == "table"
    with pytest.raises(
        ArgumentError, match=r"the function table, which was not given by a file.*load_run\(FOLDER, recipe"
    ):
        recipe_from(recipe.facts())
    RunFolder(tmp_path / "run").begin({"recipe": recipe.facts()})
    with pytest.raises(ArgumentError, match="not given by a file"):
        load_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [("def short(task:\n", r"mine\.py.*SyntaxError.*line 1"), ("import nothing_of_that_name\n", "ModuleNotFoundError")],
)
def test_a_file_that_cannot_be_run_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ArgumentError, match=message):
        recipe_for("parity-check", f"{tmp_path / 'mine.py'}:short")
