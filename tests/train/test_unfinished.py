"""Trainings that are stopped, at whatever moment, and what is said of them."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.train import Repair, Stage, load_run, repairing, train
from neurallambda.train.checkpoint import load, save
from neurallambda.train.events import Ended, Event, Mended
from neurallambda.train.measuring import measure
from neurallambda.train.report import report, summary
from neurallambda.train.run_folder import RunFolder
from tests.train.test_training import interrupt_after, made, tensors_of

REPAIRED: dict[str, Any] = {
    "model": "table",
    "options": {"states": 4},
    "seeds": 2,
    "stages": (Stage(lengths=(1, 3), steps=2),),
    "repairs": (Repair(lengths=(1, 8), rows=20, rounds=5), Repair(lengths=(1, 12), rows=20, rounds=5)),
}


@pytest.mark.parametrize("passes", [0, 1, 3])
def test_ctrl_c_in_the_last_step_or_in_repairs_is_heeded(
    passes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, heard = made(**REPAIRED), list[Event]()
    whole = train(recipe, tmp_path / "whole", device="cpu")
    done, mend = [0], repairing.repair

    def counted(*args: Any, **kwargs: Any) -> Any:
        done[0] += 1
        if done[0] == passes:
            os.kill(os.getpid(), signal.SIGINT)
        return mend(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(repairing, "repair", counted)
        listeners = [heard.append, interrupt_after(2)] if not passes else [heard.append]
        begun = train(recipe, tmp_path / "parts", listeners=listeners, device="cpu")
    assert (begun.reason, done[0]) == ("interrupted", passes)
    assert sum(isinstance(event, Mended) for event in heard) == passes // 2
    assert isinstance(heard[-1], Ended)
    assert load_run(tmp_path / "parts").reason == "interrupted"
    resumed = train(recipe, tmp_path / "parts", resume=True, device="cpu")
    assert (resumed.reason, resumed.scores) == ("finished", whole.scores)
    for name, tensor in tensors_of(tmp_path / "whole/members.safetensors").items():
        assert torch.equal(tensor, tensors_of(tmp_path / "parts/members.safetensors")[name])


def test_a_run_that_ended_by_patience_is_over_when_it_is_resumed(tmp_path: Path) -> None:
    recipe = made(learning_rate=0.0, patience=2, validate_every=1, stages=(Stage(lengths=(1, 3), steps=50),))
    assert train(recipe, tmp_path / "run", device="cpu", save_every=1).steps == 3
    again = train(recipe, tmp_path / "run", device="cpu", save_every=1, resume=True)
    assert (again.reason, again.steps) == ("patience", 3)


def test_a_run_that_is_over_is_not_repaired_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(made(**REPAIRED), tmp_path / "run", device="cpu")
    before = (tmp_path / "run/members.safetensors").read_bytes()
    monkeypatch.setattr(repairing, "repair", None)
    heard = list[Event]()
    again = train(made(**REPAIRED), tmp_path / "run", resume=True, listeners=[heard.append], device="cpu")
    assert (again.reason, again.scores, again.seconds) == ("finished", whole.scores, whole.seconds)
    assert [type(event) for event in heard] == [Ended]
    assert (tmp_path / "run/members.safetensors").read_bytes() == before


def test_what_was_never_looked_at_is_what_was_learned_so_far_and_has_no_score(tmp_path: Path) -> None:
    recipe = made(model="table", options={"states": 3}, validate_every=100)
    begun = train(recipe, tmp_path / "run", listeners=[interrupt_after(3)], device="cpu")
    first = train(recipe, listeners=[interrupt_after(1)], device="cpu")
    loaded = load_run(tmp_path / "run")
    assert (begun.scores, loaded.scores) == ((-1.0,) * 3, (-1.0,) * 3)
    assert torch.equal(begun.population.template.table, loaded.population.template.table)  # pyright: ignore
    assert not torch.equal(begun.population.template.table, first.population.template.table)  # pyright: ignore
    found = measure(loaded, RunFolder(tmp_path / "run").facts(), lengths=(6, 10, 15, 20), rows=4)
    assert [one["validation"] for one in found["seeds"]] == [None] * 3
    assert "3 steps (interrupted) in" in summary(found)
    lines = report([found]).splitlines()
    assert "| 3 (interrupted) |" in lines[2]
    assert "| 5 | – |" in lines[-1]


def test_a_seed_that_was_looked_at_keeps_its_best(tmp_path: Path) -> None:
    begun = train(made(), tmp_path / "run", listeners=[interrupt_after(5)], device="cpu")
    loaded = load_run(tmp_path / "run", recipe=made())
    best = tensors_of(tmp_path / "run/checkpoint.safetensors")
    for name, tensor in loaded.population.state_dict().items():
        assert torch.equal(tensor, best[f"best.{name}"])
        assert torch.equal(tensor, begun.population.state_dict()[name])


def test_repairs_that_cannot_be_done_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="repairs: got some for a Noisy"):
        train(made(repairs=(Repair(lengths=(1, 4), rows=4),)), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["checkpoint", "members"])
def test_a_file_with_other_facts_is_refused(name: str, tmp_path: Path) -> None:
    recipe = made(model="table")
    train(recipe, tmp_path / "run", device="cpu")
    path = tmp_path / f"run/{name}.safetensors"
    save(path, load(path)[0], {"colour": "red"})
    take_up = {"members": load_run, "checkpoint": lambda folder: train(recipe, folder, resume=True, device="cpu")}[name]
    with pytest.raises(ArgumentError, match=rf"{name}\.safetensors: something else was kept there: it does not tell"):
        take_up(tmp_path / "run")


def test_where_no_seed_was_kept_only_all_can_be_measured(tmp_path: Path) -> None:
    trained = train(
        made(model="table", seeds=1, stages=(Stage(lengths=(1, 3), steps=2),)), tmp_path / "run", device="cpu"
    )
    trained.fates[0] = {"after": 1, "why": "not finite"}
    with pytest.raises(ArgumentError, match="kept_only: every seed was taken out on the way"):
        measure(trained, {}, lengths=(5,), rows=2, kept_only=True)
