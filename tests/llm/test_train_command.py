"""`neurallambda llm train`: what it is asked for, what it leaves, and how it is taken up again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from neurallambda.cli import llm_training
from neurallambda.cli.app import app
from neurallambda.llm import GraftConfig, graft, load_grafted, structure_of
from neurallambda.llm.bases import load_base
from neurallambda.llm.teaching import tasks, training
from neurallambda.llm.teaching.recipe import TeachingRecipe, recipe_of
from neurallambda.llm.teaching.tasks import TASKS
from neurallambda.train.checkpoint import load
from tests.llm.test_commands import called

SIZES = ["steps=6", "rows=2", "width=4", "depth=8"]


def stopping(monkeypatch: pytest.MonkeyPatch, *, step: int) -> Callable[[], None]:
    """Let somebody press Ctrl-C while a step is taken; what undoes that."""
    loss_of, taken = training.answer_loss, 0

    def interrupted(*given: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == step:
            signal.raise_signal(signal.SIGINT)
        return loss_of(*given)

    monkeypatch.setattr(training, "answer_loss", interrupted)
    return lambda: monkeypatch.setattr(training, "answer_loss", loss_of)


def give_words_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model has no tokens of its own for words: let each be some other one."""
    known: dict[str, int] = {}
    monkeypatch.setattr(tasks, "_token_of", lambda word, _: known.setdefault(word, 3 + len(known)))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_taught_by_its_own_recipe(
    task: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[TeachingRecipe] = []
    monkeypatch.setattr(
        training, "teach", lambda *given, **_: taught.append(given[4]) or training.Taught(1, 1.0, "finished")
    )
    give_words_tokens(monkeypatch)
    code, said = called("train", task, "--base", base, "--out", str(tmp_path / "made"), "rows=2")
    assert code == 0, said
    assert taught == [replace(recipe_of(task), rows=2)]


def test_calls_are_asked_for_by_name(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_words_tokens(monkeypatch)
    out = str(tmp_path / "caller")
    code, said = called("train", "copy", "structure=calls", "--base", base, "--out", out, "steps=2", "rows=2")
    assert code == 0, said
    config = structure_of(load_grafted(load_base(base)[0], out)).config
    assert config.structure == "calls"
    assert [name for name, _ in config.programs] == ["evaluate", "again", "backwards"]
    code, said = called("train", "dyck", "structure=calls", "--base", base, "--out", f"{out}2", "steps=2")
    assert code == 2
    assert "words of 'dyck' are not known" in said


def test_a_structure_is_trained(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "trained")
    sizes = ["steps=2", "rows=2", "width=4", "depth=8", "layers_to_transform=0,-1"]
    code, said = called("train", "copy", "--base", base, "--out", out, *sizes)
    assert code == 0, said
    assert f"copy, {base}: 2 steps, " in said
    assert "step 2: validation 0." in said
    assert f"now: neurallambda llm evaluate {out} copy" in said
    assert sorted(one.name for one in Path(out).iterdir()) == [
        "README.md", "graft.json", "graft.safetensors", "log.jsonl", "run.json", "tensorboard",
    ]  # fmt: skip
    assert (Path(out) / "graft.safetensors").exists()
    kept = json.loads((Path(out) / "graft.json").read_text())["config"]
    assert (kept["structure"], kept["layers_to_transform"], kept["width"]) == ("queue", [0, -1], 4)
    untrained, trained = load_base(base)[0], load_base(base)[0]
    torch.manual_seed(0)
    graft(untrained, structure_of(load_grafted(trained, out)).config)
    told = zip(structure_of(untrained).parameters(), structure_of(trained).parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in told)


def test_ctrl_c_keeps_what_was_learned_and_it_goes_on(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = str(tmp_path / "whole"), str(tmp_path / "parted")
    assert called("train", "reverse", "--base", base, "--out", whole, "--seed", "4", *SIZES)[0] == 0
    go_on = stopping(monkeypatch, step=3)
    code, said = called("train", "reverse", "--base", base, "--out", out, "--seed", "4", *SIZES)
    assert code == 130, said
    assert said.endswith(f"interrupted after step 3; go on with: neurallambda llm train --resume {out}\n")
    assert not (Path(out) / "graft.json").exists()
    assert load(Path(out) / "checkpoint.safetensors")[1]["steps"] == 3
    go_on()
    code, said = called("train", "reverse", "--base", base, "--out", out, *SIZES)
    assert (code, "a run began here already" in said) == (2, True), said
    code, said = called("train", "--resume", out)
    assert code == 0, said
    one, other = (load_grafted(load_base(base)[0], place) for place in (whole, out))
    told = zip(structure_of(one).parameters(), structure_of(other).parameters(), strict=True)
    assert all(torch.equal(this, that) for this, that in told)
    assert not (Path(out) / "checkpoint.safetensors").exists()
    events = [json.loads(line) for line in (Path(out) / "log.jsonl").read_text().splitlines()]
    assert events[-1] | {"seconds": 0} == {"event": "Ended", "step": 6, "reason": "finished", "seconds": 0}
    code, said = called("train", "--resume", out)
    assert (code, said) == (2, f"{out}: there is no checkpoint to go on from; its training is over\n")


def test_a_loss_that_is_no_number_is_said_and_the_last_checkpoint_named(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "answer_loss", lambda *_: torch.tensor(torch.nan, requires_grad=True))
    out = str(tmp_path / "lost")
    code, said = called("train", "copy", "--base", base, "--out", out, *SIZES)
    assert code == 1
    assert (
        f"step 1: the loss, or its gradient, is no finite number; the last good checkpoint is {out}/checkpoint.safetensors"
        in said
    )


def test_a_graft_in_a_folder_is_not_lost(base: str, tmp_path: Path) -> None:
    (tmp_path / "graft.json").write_text("{}")
    code, said = called("graft", "--base", base, "--out", str(tmp_path))
    assert (code, "in which a graft lies already" in said) == (2, True), said
    assert (tmp_path / "graft.json").read_text() == "{}"


def test_a_stack_for_a_task_about_programs_is_one_as_for_others(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[GraftConfig] = []
    monkeypatch.setattr(
        llm_training, "_train", lambda loaded, out, asked, **_: given.append(GraftConfig.from_facts(asked["graft"]))
    )
    for kind in ("stack", "queue"):
        called("train", "arithmetic", f"structure={kind}", "--base", base, "--out", str(tmp_path / kind))
    assert given == [GraftConfig(structure="stack", depth=128), GraftConfig(structure="queue", depth=128)]


def test_too_small_a_structure_is_remarked(base: str, tmp_path: Path) -> None:
    code, said = called("train", "copy", "depth=2", "--base", base, "--out", str(tmp_path / "small"), *SIZES[:3])
    assert (code, "depth: 2 is less than the " in said) == (0, True), said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "new"], "TASK: none was named; expected reverse, copy, dyck, lisp, trace or arithmetic"),
        (["copy"], "--out: expected a folder where the graft is put"),
        (["copy", "--resume", "run"], "--resume: the training in run knows TASK, --base; name --resume alone"),
        (["--resume", "run", "--seed", "7"], "--resume: the training in run knows --base, --seed; name --resume alone"),
        (["--resume", "run", "--out", "new"], "--resume: the training in run knows --out, --base; name --resume alone"),
        (["copy", "--out", "made"], "--out: got made, in which a graft lies already; name another folder"),
        (
            ["copy", "--out", "full"],
            "full: something else lies in this folder (mine.txt), expected a new or an empty one",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    words: list[str], message: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "graft.json").write_text("{}")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    code, said = called("train", *words, "--base", base)
    assert (code, message in said) == (2, True), said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda facts: facts.pop("graft"), "this is no training of a language model: it has no graft"),
        (lambda facts: facts["recipe"].pop("clip"), "recipe: got"),
        (lambda facts: facts["recipe"].update(clip="much"), "clip"),
        (lambda facts: facts["graft"].update(width=-1), "width: got -1"),
        (lambda facts: facts.update(task="juggle"), "juggle"),
        (lambda facts: facts.update(seed="x"), "seed: got 'x', which is no seed"),
        (lambda facts: facts.update(seed=-1), "seed: got -1"),
        (lambda facts: facts.update(base="/nowhere/at/all"), "/nowhere/at/all"),
        (lambda facts: facts["graft"].update(width=8), "are not those of this model"),
    ],
    ids=[
        "no graft",
        "no clip",
        "a word for a number",
        "no width",
        "another task",
        "a word for a seed",
        "another seed",
        "no base",
        "another width",
    ],
)
def test_a_description_that_was_spoilt_is_refused(
    spoil: Callable[[dict[str, Any]], Any], message: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    go_on = stopping(monkeypatch, step=1)
    assert called("train", "copy", "--base", base, "--out", str(out), *SIZES)[0] == 130
    go_on()
    facts = json.loads((out / "run.json").read_text())
    spoil(facts)
    (out / "run.json").write_text(json.dumps(facts))
    code, said = called("train", "--resume", str(out))
    assert (code, message in said, "Traceback" in said) == (2, True, False), said


def test_a_folder_that_holds_no_training_of_a_language_model_is_refused(tmp_path: Path) -> None:
    code, said = called("train", "--resume", str(tmp_path / "run"))
    assert (code, "this is no folder of a run: it has no run.json" in said) == (2, True), said


def test_other_commands_say_whose_training_it_is(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "made")
    assert called("train", "copy", "--base", base, "--out", out, *SIZES)[0] == 0
    for words in (["train", "--resume", out], ["evaluate", out], ["inspect", out, "01"]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        assert "this is a training of a language model; see `neurallambda llm --help`" in done.output


@pytest.mark.slow
def test_several_processes_train_one_graft(base: str, tmp_path: Path) -> None:
    out = tmp_path / "made"
    words = ["llm", "train", "reverse", "--base", base, "--out", str(out), *SIZES]
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neurallambda", *words]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n"
    assert done.stderr.count("6 steps, ") == 1
    assert load_grafted(load_base(base)[0], out)
    assert not (out / "checkpoint.safetensors").exists()
