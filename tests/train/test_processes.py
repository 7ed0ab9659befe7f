"""Two processes that `torchrun` starts train one population as one would, and go on together after an interruption."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.train import Recipe, Stage, Trained, train
from neurallambda.train.checkpoint import load
from neurallambda.train.drawn import Drawn
from neurallambda.train.training import Training

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from neurallambda.train import train
from neurallambda.train.events import Stepped
from neurallambda.train.recipe import recipe_from

folder, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
recipe = recipe_from(json.loads(sys.argv[3]))
stop = 0 if resume else 5

def listen(event):
    # in one of the processes alone: all must stop after the same step
    if isinstance(event, Stepped) and event.step == stop and torch.distributed.get_rank() == 1:
        import os, signal
        os.kill(os.getpid(), signal.SIGINT)

trained = train(recipe, folder, resume=resume, listeners=[listen], device="cpu")
rank = torch.distributed.get_rank()
found = {"processes": torch.distributed.get_world_size(), "backend": torch.distributed.get_backend(),
         "steps": trained.steps, "reason": trained.reason, "scores": trained.scores,
         "sum": sum(float(p.double().sum()) for p in trained.population.parameters())}
(folder / f"rank{rank}-{sys.argv[2]}.json").write_text(json.dumps(found))
torch.distributed.destroy_process_group()
"""

QUIET = {"state_noise": 0.0, "action_noise": 0.0, "value_noise": 0.0}
"""Without noise, which each process draws for itself, two processes do what one does on the rows of both."""
RECIPE = Recipe(
    task="parity-check", model="controller", options={"states": 3, "units": 4, "readout": 4, **QUIET}, seeds=3, rows=4,
    stages=(Stage(lengths=(1, 3), steps=4, keep=2), Stage(lengths=(1, 4), steps=3)), validation_rows=4,
    validation_lengths=(1, 4),
)  # fmt: skip


def launch(folder: Path, name: str) -> list[dict[str, object]]:
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    asked = [str(script), str(folder), name, json.dumps(RECIPE.facts())]
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *asked]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, env=os.environ, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"rank{rank}-{name}.json").read_text()) for rank in range(2)]


def in_one_process(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """The same training in this process, on the rows that each of the two draws."""
    generators = [torch.Generator().manual_seed((RECIPE.first_seed + 1) * 2 + rank) for rank in range(2)]
    draw = Training.draw

    def drawn(self: Training, lengths: tuple[int, int], rows: int, generator: torch.Generator, **rest: Any) -> Drawn:
        if rest:  # of validation, the same in all processes
            return draw(self, lengths, rows, generator, **rest)
        parts = [vars(draw(self, lengths, rows // 2, one)) for one in generators]
        return Drawn(**{name: torch.cat([part[name] for part in parts], 1) for name in parts[0]})

    monkeypatch.setattr(Training, "draw", drawn)
    return train(RECIPE, device="cpu")


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_two_processes_train_one_population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    begun = launch(folder, "begin")
    assert begun[0] == begun[1]
    assert {name: begun[0][name] for name in ("processes", "backend", "steps", "reason")} == {
        "processes": 2,
        "backend": "gloo",
        "steps": 5,
        "reason": "interrupted",
    }
    tensors, facts = load(folder / "checkpoint.safetensors")
    assert facts["processes"] == 2
    assert not torch.equal(tensors["random.0.batches"], tensors["random.1.batches"])
    resumed = launch(folder, "resume")
    assert resumed[0] == resumed[1]
    assert (resumed[0]["steps"], resumed[0]["reason"]) == (7, "finished")
    assert len({event["step"] for event in map(json.loads, (folder / "log.jsonl").read_text().splitlines())}) >= 2
    alone = in_one_process(monkeypatch)
    assert resumed[0]["scores"] == pytest.approx(alone.scores)
    members = load(folder / "members.safetensors")[0]
    for name, tensor in alone.population.state_dict().items():
        torch.testing.assert_close(members[name], tensor, atol=1e-4, rtol=1e-3)
