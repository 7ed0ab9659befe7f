"""Trainings of language models are put down and taken up like all others, by one process or by two."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft, parameter_groups
from neurallambda.llm.experiments import matrix
from neurallambda.llm.teaching import training
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.tasks import text_task
from neurallambda.llm.teaching.training import Taught, teach
from neurallambda.train.events import Ended, Event, Failed, Stepped, Validated
from neurallambda.train.following import NotFiniteError
from tests.llm.test_teaching import small_model, tokenizer

tokenizers = pytest.importorskip("tokenizers")
pytestmark = pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning")

RECIPE = TeachingRecipe(steps=7, rows=4, lengths=(1, 3), replay_tokens=30, replay_lengths=(4, 8))
CONFIG = GraftConfig(width=8, depth=16, noise=0.5)


def taught(checkpoint: Path | None = None, recipe: TeachingRecipe = RECIPE, **more: Any) -> tuple[Any, Taught]:
    """A small model, with noise and texts beside the task, and what became of it."""
    spelled = tokenizer()
    model = small_model(len(spelled))
    texts = torch.randint(3, len(spelled), (6, 20), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    graft(model, CONFIG)
    groups, replay = parameter_groups(model, 1e-2), Replay(texts, len(spelled), (1,))
    given = {"seed": 3, "replay": replay, "checkpoint": checkpoint} | more
    return model, teach(model, groups, text_task("reverse"), spelled, recipe, **given)


def at(step: int, what: Callable[[], None]) -> Callable[[Event], None]:
    """A listener that does something once a step was taken."""

    def listen(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == step:
            what()

    return listen


def stop() -> None:
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    raise RuntimeError("the process is killed")


def same(one: Any, other: Any) -> bool:
    return all(torch.equal(this, that) for this, that in zip(one.parameters(), other.parameters(), strict=True))


def test_what_was_interrupted_or_killed_goes_on_to_what_it_would_have_been(tmp_path: Path) -> None:
    whole, done = taught()
    assert (done.steps, done.reason) == (7, "finished")
    assert not whole.training
    halted, found = taught(tmp_path / "halted" / "kept.safetensors", listeners=[at(4, stop)])
    assert (found.steps, found.reason) == (4, "interrupted")
    assert not same(whole, halted)
    with pytest.raises(RuntimeError, match="killed"):
        taught(tmp_path / "killed" / "kept.safetensors", listeners=[at(6, fail)], save_every=2)
    with pytest.raises(RuntimeError, match="killed"):  # before anything but the beginning was kept
        taught(tmp_path / "new" / "kept.safetensors", listeners=[at(1, fail)], save_every=2)
    for name in ("halted", "killed", "new"):
        first: list[int] = []

        def note(event: Event, first: list[int] = first) -> None:
            first.extend([event.step] if isinstance(event, Stepped) else [])

        model, again = taught(tmp_path / name / "kept.safetensors", resume=True, listeners=[note])
        assert (again.steps, again.reason) == (7, "finished")
        assert first == list(range({"halted": 5, "killed": 5, "new": 1}[name], 8))
        assert same(whole, model)
        assert again.seconds > 0


def test_what_nothing_keeps_ends_as_other_programs_do() -> None:
    before = signal.getsignal(signal.SIGINT)  # who starts the tests may have told them to ignore it
    for step in (2, RECIPE.steps):  # in the last step, too: what comes after it is meant as well
        with pytest.raises(KeyboardInterrupt):
            taught(listeners=[at(step, stop)])
    assert signal.getsignal(signal.SIGINT) is before


def test_it_is_looked_at_now_and_then_and_in_the_end() -> None:
    events: list[Event] = []
    model, _ = taught(listeners=[events.append], look_every=3)
    looks = [event for event in events if isinstance(event, Validated)]
    assert [event.step for event in looks] == [3, 6, 7]
    assert all(0 <= event.accuracies[0] <= 1 for event in looks)
    assert isinstance(events[-1], Ended)
    assert same(model, taught()[0])  # to look changes nothing


@pytest.mark.parametrize("part", ["loss", "gradient"])
def test_where_numbers_are_lost_what_was_learned_before_stays(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.safetensors"
    short, _ = taught(recipe=replace(RECIPE, steps=7), checkpoint=kept, listeners=[at(3, stop)])
    loss_of, events = training.answer_loss, list[Event]()

    def lost(model: Any, batch: Any) -> torch.Tensor:
        loss = loss_of(model, batch)
        taken = sum(isinstance(event, Stepped) for event in events)
        return loss if taken < 3 else loss * torch.nan if part == "loss" else NoGradient.apply(loss)

    monkeypatch.setattr(training, "answer_loss", lost)
    other = tmp_path / "other.safetensors"
    with pytest.raises(
        NotFiniteError,
        match=r"step 4: the loss, or its gradient, is no finite number; the last good .*other\.safetensors",
    ):
        taught(other, listeners=[events.append], save_every=3)
    assert events[-2] == Failed(step=4, seeds=(3,))
    monkeypatch.undo()
    model, _ = taught(other, resume=True, listeners=[at(4, stop)])
    again, _ = taught(kept, resume=True, listeners=[at(4, stop)])
    assert same(model, again)
    assert not same(model, short)


class NoGradient(torch.autograd.Function):
    """The loss as it is, and a gradient that is no number."""

    @staticmethod
    def forward(ctx: Any, loss: torch.Tensor) -> torch.Tensor:
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, to_loss: torch.Tensor) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return to_loss * torch.nan


def test_a_run_of_a_matrix_whose_numbers_are_lost_counts_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    (cell,) = matrix.cells("tiny", ["pretrained"], ["full"], ["copy"])
    spelled = tokenizer()
    replay = Replay(torch.randint(3, len(spelled), (6, 20)), len(spelled), (1,))
    loss_of, steps = training.answer_loss, 0

    def lost(model: Any, batch: Any) -> torch.Tensor:
        nonlocal steps
        steps += 1
        return loss_of(model, batch) * (torch.nan if steps > wanted else 1.0)

    monkeypatch.setattr(training, "answer_loss", lost)
    run = matrix._taught  # pyright: ignore[reportPrivateUsage]
    for wanted in (2, 0):
        steps, base = 0, small_model(len(spelled))
        model, found = run(small_model(len(spelled)), cell, None, RECIPE, 0, spelled, replay, base)
        assert found["lost_after"] == wanted
        assert same(model, base) is (wanted == 0)
        assert all(bool(one.isfinite().all()) for one in model.parameters())
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_what_cannot_go_on_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    with pytest.raises(ArgumentError, match="there is no checkpoint to go on from"):
        taught(kept, resume=True)
    with pytest.raises(ArgumentError, match="there is no checkpoint to resume from"):
        taught(resume=True)
    taught(kept, listeners=[at(1, stop)])
    with pytest.raises(ArgumentError, match="a training was kept there; go on with it"):
        taught(kept)
    with pytest.raises(ArgumentError, match="another recipe"):
        taught(kept, replace(RECIPE, steps=8), resume=True)
    with pytest.raises(ArgumentError, match="another seed"):
        taught(kept, resume=True, seed=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "CONFIG", GraftConfig(width=4, depth=16))
        with pytest.raises(ArgumentError, match="the parameters of the checkpoint are not those of this model"):
            taught(kept, resume=True)


SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
from tests.llm.test_going_on import RECIPE, at, stop, taught

folder, name = Path(sys.argv[1]), sys.argv[2]
rank = int(os.environ["RANK"])
listeners = [at(3, stop)] if name == "first" and rank == 1 else []  # in one of the processes alone
model, done = taught(folder / "kept.safetensors", listeners=listeners, resume=name == "again")
found = {"processes": torch.distributed.get_world_size(), "steps": done.steps, "reason": done.reason,
         "sums": [float(one.double().sum()) for one in model.parameters()]}
(folder / f"{name}{rank}.json").write_text(json.dumps(found))
torch.distributed.destroy_process_group()
"""


def launch(folder: Path, name: str) -> list[dict[str, Any]]:
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(folder), name]
    place = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, env=os.environ | place, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{name}{rank}.json").read_text()) for rank in range(2)]


def test_where_the_base_learns_too_it_goes_on_to_the_same(tmp_path: Path) -> None:
    """Beside a copy of it that says what it said before."""
    spelled = tokenizer()
    config = GraftConfig(width=8, depth=16, noise=0.5, modules_to_save=("*",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "CONFIG", config)
        whole, _ = taught(before=small_model(len(spelled)))
        kept = tmp_path / "kept.safetensors"
        taught(kept, before=small_model(len(spelled)), listeners=[at(3, stop)])
        again, found = taught(kept, before=small_model(len(spelled)), resume=True)
    assert found.steps == 7
    assert same(whole, again)


@pytest.mark.slow
def test_two_processes_learn_the_same_and_go_on_together(tmp_path: Path) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    for folder in (whole, parted):
        folder.mkdir()
    found = launch(whole, "all")
    assert [one["processes"] for one in found] == [2, 2]
    assert found[0]["sums"] == found[1]["sums"]
    first = launch(parted, "first")
    assert [(one["steps"], one["reason"]) for one in first] == [(3, "interrupted")] * 2
    again = launch(parted, "again")
    assert [one["sums"] for one in again] == [one["sums"] for one in found]
    with pytest.raises(ArgumentError, match="the run there had 2 processes, and here are 1"):
        taught(parted / "kept.safetensors", resume=True)
