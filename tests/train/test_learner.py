"""One model that learns from a loss: all of it goes on, and several processes learn as one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurallambda.train import GradientLearner, learn
from neurallambda.train.events import Event, Stepped


class Normed(GradientLearner):
    """A model with statistics that no gradient knows."""

    def rate(self, greatest: float) -> float:
        return greatest * (1 - self.steps / self.limit)

    def losses(self) -> tuple[Tensor, Tensor]:
        x = torch.randn(16, 3, generator=self.generator) + torch.rand(16, 3)
        loss = (self.model(x) - x.sum(1, keepdim=True)).square().mean()
        return loss, loss


def normed(limit: int = 20) -> Normed:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    return Normed(model, [{"params": model.parameters(), "lr": 0.1}], limit=limit, clip=1.0, seed=1)


def at(step: int, what: Callable[[], None]) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == step:
            what()

    return listen


def test_buffers_go_on_too(tmp_path: Path) -> None:
    whole = normed()
    learn(whole)
    kept = tmp_path / "kept.safetensors"
    assert learn(normed(), [at(10, lambda: signal.raise_signal(signal.SIGINT))], checkpoint=kept) == "interrupted"
    again = normed()
    assert learn(again, checkpoint=kept, resume=True) == "finished"
    one, other = (learner.model.state_dict() for learner in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert int(one["1.num_batches_tracked"]) == 20


SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
from torch import nn
from neurallambda.train import GradientLearner, learn

rank = int(os.environ["RANK"])

class Parted(GradientLearner):
    def rate(self, greatest):
        return greatest
    def losses(self):
        # each process uses a part of its own, and one that both use
        x = torch.rand(8, 2, generator=self.generator)
        loss = (self.model["both"](x) + self.model[f"part{rank}"](x)).square().mean()
        return loss, loss

torch.manual_seed(rank)  # they do not begin alike
model = nn.ModuleDict({name: nn.Linear(2, 1) for name in ("both", "part0", "part1", "unused")})
learner = Parted(model, [{"params": model.parameters(), "lr": 0.1}], limit=6, clip=1.0, seed=0)
begun = [float(one.double().sum()) for one in model.parameters()]
reason = learn(learner)
found = {"processes": torch.distributed.get_world_size(), "reason": reason, "begun": begun,
         "sums": [float(one.double().sum()) for one in model.parameters()]}
Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(found))
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_processes_begin_alike_and_learn_from_what_any_of_them_has_a_gradient_for(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, env=os.environ, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert [one["processes"] for one in found] == [2, 2]
    assert found[0]["begun"] == found[1]["begun"]
    assert found[0]["sums"] == found[1]["sums"]
    changed = [one != other for one, other in zip(found[0]["begun"], found[0]["sums"], strict=True)]
    assert changed == [*[True] * 6, False, False]  # the parts of both processes, and not the one that none uses
