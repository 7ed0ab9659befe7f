"""Two processes give the gradients of one: with copies of the model (DDP), and with its parameters in parts (FSDP2)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.llm.tiny import transformers

assert transformers

SCRIPT = """
import json, sys, warnings
from pathlib import Path
import torch
import torch.distributed as dist
from neurallambda.llm import GraftConfig, graft, load_grafted, save_grafted
from transformers import LlamaConfig, LlamaForCausalLM

kind, folder = sys.argv[1], Path(sys.argv[2])
dist.init_process_group("gloo")
rank, processes = dist.get_rank(), dist.get_world_size()
assert processes == 2, processes
sizes = dict(vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4)

def make():
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**sizes))
    return graft(model, GraftConfig(heads=2, width=4, depth=16, gate=1.0, noise=0.0, modules_to_save=("*",))).train()

tokens = torch.randint(3, 40, (4, 9), generator=torch.Generator().manual_seed(1))
alone = make()
alone(tokens, labels=tokens, use_cache=False).loss.backward()
model = make()
part = tokens[2 * rank : 2 * rank + 2]
if kind == "ddp":
    running = torch.nn.parallel.DistributedDataParallel(model)
else:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    mesh = init_device_mesh("cpu", (2,))
    for block in model.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(model.grafted_structure, mesh=mesh)
    running = fully_shard(model, mesh=mesh)
running(part, labels=part, use_cache=False).loss.backward()
expected = {name: parameter.grad for name, parameter in alone.named_parameters()}
worst, count = 0.0, 0
for name, parameter in model.named_parameters():
    gradient = parameter.grad
    gradient = gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient
    scale = float(expected[name].abs().max()) + 1e-6
    worst, count = max(worst, float((gradient - expected[name]).abs().max()) / scale), count + 1
structure = float(expected["grafted_structure.value.weight"].abs().max())
sharded = any(hasattr(parameter, "full_tensor") for parameter in model.grafted_structure.parameters())
with torch.no_grad():
    for parameter in model.grafted_structure.parameters():
        parameter.add_(rank + 1.0 if kind == "ddp" else 1.0)  # copies that differ: it is the first one's that is kept
save_grafted(model, folder / kind)
dist.barrier()
saved = load_grafted(LlamaForCausalLM(LlamaConfig(**sizes)), folder / kind)
off = {name: parameter + 1.0 for name, parameter in alone.grafted_structure.named_parameters()}
kept = all(torch.equal(off[name], parameter) for name, parameter in saved.grafted_structure.named_parameters())
if kind == "fsdp2":
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    load_grafted(model, folder / kind)
    whole = [parameter.full_tensor() for parameter in model.parameters()]
    kept = kept and all(map(torch.equal, whole, saved.parameters()))
found = dict(kept=kept, processes=processes, worst=worst, count=count, structure=structure, sharded=sharded)
(folder / f"{kind}-{rank}.json").write_text(json.dumps(found))
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_two_processes_give_the_gradients_of_one(kind: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *launcher, str(script), kind, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        found = json.loads((tmp_path / f"{kind}-{rank}.json").read_text())
        assert found["processes"] == 2
        assert found["count"] > 30
        assert found["sharded"] is (kind == "fsdp2")
        assert found["structure"] > 0
        assert found["worst"] < 1e-4
        assert found["kept"]
