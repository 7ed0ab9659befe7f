"""What people and other tools see of a training."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from neurallambda.train import Recipe, Stage, train
from neurallambda.train.events import Ended, Failed, StageEnded, Stepped, Validated
from neurallambda.train.progress import line, shown, stages_of
from neurallambda.train.recorders import recorders

STAGES = (Stage(lengths=(1, 3), steps=12, threshold=0.0), Stage(lengths=(2, 4), steps=11))
RECIPE = Recipe(task="parity-check", model="table", seeds=2, stages=STAGES, rows=2, validation_rows=2)


def test_a_bar_shows_stage_loss_accuracy_and_what_is_left() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=150, legacy_windows=False)
    with shown(stages_of(RECIPE), console=console) as listener:
        train(RECIPE, device="cpu", listeners=[listener])
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "stage 1/2, lengths 1-3" in text
    assert "stage 2/2, lengths 2-4" in text
    assert "23/23" in text  # steps that the threshold saved count as done
    assert "loss" in text
    assert "accuracy" in text


def test_where_no_one_watches_there_is_a_line_for_what_happens() -> None:
    console = Console(file=StringIO(), force_terminal=False, width=80)
    with shown(stages_of(RECIPE), console=console) as listener:
        train(RECIPE, device="cpu", listeners=[listener])
    lines = console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    assert lines[1] == "step 1: stage 1 is over, its threshold was reached"
    assert lines[-2] == "step 12: stage 2 is over, its steps are used up"
    assert lines[-1].startswith("step 12: finished after ")
    assert not any("\x1b" in one for one in lines)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Stepped(
                step=3,
                stage=1,
                rate=0.1,
                seeds=(0, 1, 2),
                losses=(0.3, 0.1, 0.2),
                accuracies=(0.5, 0.7, 0.6),
                seconds=1.0,
            ),
            "step 3: loss 0.200, accuracy 0.600",
        ),
        (Validated(step=4, seeds=(0, 5), accuracies=(1.0, 0.25)), "step 4: validation 0:1.000 5:0.250"),
        (
            StageEnded(step=5, stage=2, reason="steps", kept=(0,), dropped=(1, 2)),
            "step 5: stage 2 is over, its steps are used up; seeds kept: 0, dropped: 1 2",
        ),
        (Failed(step=6, seeds=(1, 2)), "step 6: the loss of seed 1 2 is not a finite number; taken out"),
        (Ended(step=7, reason="patience", seconds=61.2), "step 7: patience after 61 s"),
    ],
)
def test_every_event_in_a_line(event: Stepped | Validated | StageEnded | Failed | Ended, expected: str) -> None:
    assert line(event) == expected


def test_curves_for_other_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard's files are written, and trackio is told where it is installed."""
    (tmp_path / "trackio.py").write_text(
        "import json, pathlib\n"
        "told = []\n"
        "def init(project, name, config): told.append([project, name, config['seeds']])\n"
        "def log(values, step): told.append([step, sorted(values)])\n"
        f"def finish(): pathlib.Path({str(tmp_path / 'told.json')!r}).write_text(json.dumps(told))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with recorders(tmp_path / "mine", RECIPE.facts()) as listeners:
        assert len(listeners) == 2
        train(RECIPE, device="cpu", listeners=listeners)
    told = json.loads((tmp_path / "told.json").read_text())
    assert told[0] == ["neurallambda", "mine", 2]
    assert told[1] == [1, ["validation/seed 0", "validation/seed 1"]]
    assert told[2] == [10, ["accuracy/seed 0", "accuracy/seed 1", "learning rate", "loss/seed 0", "loss/seed 1"]]
    (file,) = (tmp_path / "mine/tensorboard").iterdir()
    assert b"validation/seed 1" in file.read_bytes()


def test_nothing_is_written_where_nothing_happens(tmp_path: Path) -> None:
    with recorders(tmp_path / "mine", RECIPE.facts()) as listeners:
        for listener in listeners:
            listener(Ended(step=7, reason="finished", seconds=1.0))
    assert not (tmp_path / "mine").exists()
