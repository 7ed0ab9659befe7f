"""The loop: stages, pruning, snapshots, numbers that are lost, and going on to the same numbers."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from neurallambda.errors import ArgumentError
from neurallambda.nn import Population
from neurallambda.tasks import Task, task
from neurallambda.train import NotFiniteError, Recipe, Repair, Stage, load_run, train
from neurallambda.train.acceleration import make_accelerator
from neurallambda.train.checkpoint import load, save
from neurallambda.train.events import Ended, Event, Failed, Mended, StageEnded, Stepped, Validated
from neurallambda.train.making import make_model
from neurallambda.train.measures import cross_entropy
from neurallambda.train.run_folder import RunFolder
from neurallambda.train.training import Training

STAGES = (Stage(lengths=(1, 3), steps=6, keep=2), Stage(lengths=(1, 5), steps=6))


class Noisy(nn.Module):
    """A small recurrent network with dropout; its answers say something of the input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(inputs, 5)
        self.mix = nn.Linear(10, 5)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(5, outputs)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        state, outputs = torch.zeros(len(tokens), 5), []
        for embedded in self.embed(tokens).unbind(1):
            state = self.drop(self.mix(torch.cat([state, embedded], -1)).tanh())
            outputs.append(state)
        return self.out(torch.stack(outputs, 1))


class Broken(Noisy):
    """A network whose numbers are lost in one seed after some steps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.fuse = nn.Parameter(torch.full((), float(torch.randint(0, 2, ()))))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(tokens, mask) / self.fuse.detach()


def noisy(task: Task) -> nn.Module:
    return Noisy(task.inputs, task.outputs)


def broken(task: Task) -> nn.Module:
    return Broken(task.inputs, task.outputs)


def always_broken(task: Task) -> nn.Module:
    model = Broken(task.inputs, task.outputs)
    nn.init.zeros_(model.fuse)
    return model


def made(**values: Any) -> Recipe:
    common: dict[str, Any] = {"task": "parity-check", "model": noisy, "seeds": 3, "stages": STAGES, "rows": 4}
    return Recipe(**common | {"validation_rows": 4, "validation_lengths": (1, 8), "validate_every": 4} | values)


def training(recipe: Recipe) -> Training:
    return Training(recipe, make_accelerator(device="cpu"))


def interrupt_after(step: int) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return listen


def tensors_of(path: Path) -> dict[str, Tensor]:
    return load(path)[0]


def test_a_step_of_a_population_is_that_of_each_member_alone() -> None:
    """Loss, clipping and Adam treat each seed as a training of its own."""
    recipe = made(seeds=2, clip=0.01, model=lambda task: noisy(task).eval(), stages=(Stage(lengths=(2, 2), steps=3),))
    together = training(recipe)
    batch = together.draw((2, 2), 4, torch.Generator().manual_seed(0))
    together.draw = lambda *_, **__: batch
    for module in together.population.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    together.step()
    for member, seed in enumerate(recipe.all_seeds):
        alone = make_model(recipe, together.task, seed)
        optimizer = torch.optim.Adam(alone.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
        alone.eval()
        cross_entropy(alone(batch.tokens[member]), batch.targets[member], batch.mask[member]).backward()
        nn.utils.clip_grad_norm_(alone.parameters(), 0.01)
        optimizer.step()
        for mine, its in zip(alone.parameters(), together.population.members()[member].parameters(), strict=True):
            torch.testing.assert_close(its, mine, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("stop", "optimizer"), [(3, "adam"), (6, "adam"), (7, "adamw"), (11, "adam")])
def test_a_resumed_training_ends_in_the_same_numbers(stop: int, optimizer: str, tmp_path: Path) -> None:
    recipe = made(optimizer=optimizer)
    whole = train(recipe, tmp_path / "whole", device="cpu")
    begun = train(recipe, tmp_path / "parts", listeners=[interrupt_after(stop)], device="cpu")
    assert (begun.reason, begun.steps) == ("interrupted", stop)
    torch.manual_seed(12345)  # what else the process does has no part in it
    resumed = train(recipe, tmp_path / "parts", resume=True, device="cpu")
    assert (whole.steps, whole.scores, whole.fates) == (resumed.steps, resumed.scores, resumed.fates)
    expected, found = (tensors_of(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    logs = [
        [{k: v for k, v in event.items() if k != "seconds"} for event in RunFolder(tmp_path / name).events()]
        for name in ("whole", "parts")
    ]
    assert logs[0] == [event for event in logs[1] if event.get("reason") != "interrupted"]


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 9:
            raise KilledError

    whole = train(made(), tmp_path / "whole", device="cpu")
    with pytest.raises(KilledError):
        train(made(), tmp_path / "parts", listeners=[kill], device="cpu", save_every=4)
    log = tmp_path / "parts/log.jsonl"
    log.write_text(log.read_text() + '{"event": "Step')  # the process died while it wrote
    resumed = train(made(), tmp_path / "parts", resume=True, device="cpu")
    assert resumed.scores == whole.scores
    for name, tensor in tensors_of(tmp_path / "whole/members.safetensors").items():
        assert torch.equal(tensor, tensors_of(tmp_path / "parts/members.safetensors")[name])


def test_training_leaves_the_random_numbers_of_the_process_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    train(made(), device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_stages_end_by_their_steps_or_when_the_median_member_is_good_enough() -> None:
    recipe = made(seeds=5, stages=(Stage(lengths=(1, 3), steps=9, threshold=0.5), Stage(lengths=(1, 3), steps=1)))
    whole = training(recipe)
    whole.step()
    for running, reason in (
        ([0.9, 0.9, 0.4, 0.4, 0.4], None),
        ([0.9, 0.9, 0.6, 0.4, 0.4], "threshold"),
        ([0.9, 0.9, 0.5, 0.4, 0.4], None),
    ):
        whole.running = torch.tensor(running, dtype=torch.float64)
        assert whole.why_stage_is_over() == reason
    whole.place.step_of_stage = 9
    assert whole.why_stage_is_over() == "steps"


def test_where_some_are_kept_each_of_them_must_be_good_enough() -> None:
    whole = training(made(seeds=5, stages=(Stage(lengths=(1, 3), steps=9, threshold=0.5, keep=4),)))
    whole.step()
    whole.running = torch.tensor([0.9, 0.4, 0.6, 0.6, 0.4], dtype=torch.float64)
    assert whole.why_stage_is_over() is None
    whole.running[1] = 0.7
    assert whole.why_stage_is_over() == "threshold"
    before = whole.population.members()
    ended = whole.end_stage("threshold", whole.validate())
    assert (ended.kept, ended.dropped) == ((0, 1, 2, 3), (4,))
    assert whole.fates == {4: {"after": 1, "why": "pruned"}}
    for kept, old in zip(whole.population.members(), before, strict=False):
        assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), old.parameters(), strict=True))


def test_who_goes_on_may_be_chosen_by_validation() -> None:
    stages = (Stage(lengths=(1, 3), steps=1, keep=3, keep_by="validation"), Stage(lengths=(1, 3), steps=1))
    whole = training(made(seeds=5, stages=stages))
    whole.step()
    whole.running = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.95], dtype=torch.float64)
    validated = Validated(step=1, seeds=whole.alive, accuracies=(0.5, 1.0, 0.5, 1.0, 0.2))
    ended = whole.end_stage("steps", validated)
    assert (ended.kept, ended.dropped) == ((0, 1, 3), (2, 4))  # of those alike in validation, by running accuracy


def test_the_best_parameters_are_kept() -> None:
    whole = training(made(seeds=2))
    first = {name: tensor.clone() for name, tensor in whole.population.state_dict().items()}
    assert whole.snapshots.take(whole.population, [0, 1], [0.5, 0.5])
    whole.step()
    later = {name: tensor.clone() for name, tensor in whole.population.state_dict().items()}
    assert not whole.snapshots.take(whole.population, [0, 1], [0.4, 0.5])
    for name, held in whole.snapshots.states.items():
        assert torch.equal(held[0], first[name][0])
        assert torch.equal(held[1], later[name][1])
    assert whole.snapshots.scores.tolist() == [0.5, 0.5]


def test_training_ends_when_nothing_becomes_better() -> None:
    events: list[Event] = []
    recipe = made(learning_rate=0.0, patience=2, validate_every=1, stages=(Stage(lengths=(1, 3), steps=50),))
    found = train(recipe, device="cpu", listeners=[events.append])
    assert (found.reason, found.steps) == ("patience", 3)
    assert isinstance(events[-1], Ended)


def test_events_come_in_order() -> None:
    events: list[Event] = []
    train(made(), device="cpu", listeners=[events.append])
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(1, 13))
    assert [event.step for event in events if isinstance(event, Validated)] == [4, 6, 8, 12]
    assert [(event.step, len(event.kept)) for event in events if isinstance(event, StageEnded)] == [(6, 2), (12, 2)]
    assert all(len(event.seeds) == (3 if event.step <= 6 else 2) for event in events if isinstance(event, Stepped))


def test_a_seed_whose_numbers_are_lost_is_taken_out_and_the_others_go_on() -> None:
    events: list[Event] = []
    found = train(
        made(model=broken, seeds=6, stages=(Stage(lengths=(1, 3), steps=4),)), device="cpu", listeners=[events.append]
    )
    failed = [event for event in events if isinstance(event, Failed)]
    lost = [seed for seed in found.seeds if not make_model(found.recipe, found.task, seed).fuse.any()]  # pyright: ignore
    assert 0 < len(lost) < 6
    assert [list(event.seeds) for event in failed] == [lost]
    assert found.fates == {seed: {"after": 1, "why": "not finite"} for seed in lost}
    assert all(bool(parameter.isfinite().all()) for parameter in found.population.parameters())


def test_a_training_that_was_killed_before_its_first_step_is_resumed(tmp_path: Path) -> None:
    whole = train(made(), device="cpu")

    def kill(event: Event) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        train(made(), tmp_path / "run", listeners=[kill], device="cpu")
    assert train(made(), tmp_path / "run", resume=True, device="cpu").scores == whole.scores


def test_where_all_numbers_are_lost_the_step_and_the_last_checkpoint_are_said(tmp_path: Path) -> None:
    recipe = made(model=always_broken)
    with pytest.raises(NotFiniteError, match=r"step 1: .*the last good checkpoint is .*checkpoint\.safetensors"):
        train(recipe, tmp_path / "run", device="cpu")


def test_a_run_says_where_it_came_from_and_is_loaded_again(tmp_path: Path) -> None:
    recipe = replace(made(), model="table", options={"states": 3})
    trained = train(recipe, tmp_path / "run", device="cpu")
    facts = RunFolder(tmp_path / "run").facts()
    assert {"recipe", "commit", "dirty", "hardware", "versions", "command", "began"} <= facts.keys()
    loaded = load_run(tmp_path / "run")
    assert (loaded.recipe, loaded.scores, loaded.steps, loaded.reason) == (recipe, trained.scores, 12, "finished")
    tokens = torch.zeros(3, 2, 4, dtype=torch.long)
    assert torch.equal(loaded.population(tokens), trained.population(tokens))
    assert isinstance(loaded.population, Population)
    assert set(load(tmp_path / "run/checkpoint.safetensors")[1]) >= {"place", "alive", "processes"}


def test_folders_are_not_mixed_up(tmp_path: Path) -> None:
    recipe = made()
    with pytest.raises(ArgumentError, match="there is no checkpoint to go on from"):
        train(recipe, tmp_path / "run", resume=True, device="cpu")
    with pytest.raises(ArgumentError, match="there is no folder to resume from"):
        train(recipe, resume=True, device="cpu")
    train(recipe, tmp_path / "run", device="cpu")
    with pytest.raises(ArgumentError, match="a run began here already; go on with it by --resume"):
        train(recipe, tmp_path / "run", device="cpu")
    with pytest.raises(ArgumentError, match="has another recipe"):
        train(made(rows=5), tmp_path / "run", resume=True, device="cpu")
    with pytest.raises(ArgumentError, match="no folder of a run"):
        load_run(tmp_path)
    RunFolder(tmp_path / "run").config.write_text("[]")
    with pytest.raises(ArgumentError, match="does not describe a run"):
        RunFolder(tmp_path / "run").recipe()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"something else")
    for name in ("file", "nothing"):
        with pytest.raises(ArgumentError, match=name):
            load(tmp_path / name)
    save(tmp_path / "file", {"a": torch.ones(2)}, {"b": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path: Path) -> None:
    trained = train(made(), tmp_path / "run", device="cpu")
    again = train(made(), tmp_path / "run", resume=True, device="cpu")
    assert (again.steps, again.scores, again.fates) == (trained.steps, trained.scores, trained.fates)


@pytest.mark.parametrize(("precision", "dtype"), [("no", torch.float32), ("bf16", torch.bfloat16)])
def test_half_precision_in_the_forward_pass(precision: str, dtype: torch.dtype) -> None:
    seen: list[torch.dtype] = []

    class Seen(Noisy):
        def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
            logits = self.embed(tokens) @ self.out.weight.mT
            seen.append(logits.dtype)
            return logits

    def make(task: Task) -> nn.Module:
        return Seen(task.inputs, task.outputs)

    recipe = made(model=make, precision=precision, seeds=2, stages=(Stage(lengths=(1, 3), steps=3),))
    found = train(recipe, device="cpu")
    assert seen[0] == dtype
    assert all(parameter.dtype == torch.float32 for parameter in found.population.parameters())
    assert found.steps == 3


def test_what_is_measured_elsewhere_is_moved_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairs make members on the CPU where the training is on a GPU; `meta` stands for another device here."""

    class SeenError(Exception):
        pass

    def seen(*inputs: Tensor) -> Tensor:
        raise SeenError(*(str(one.device) for one in inputs))

    whole = training(made(seeds=1, stages=STAGES[1:]))
    elsewhere = Population(whole.population.members()).to("meta")
    monkeypatch.setattr(elsewhere, "forward", seen)
    with pytest.raises(SeenError) as caught:
        whole.measure(elsewhere, 1)
    assert caught.value.args == ("meta", "meta")


def test_snapshots_are_taken_of_members_that_are_elsewhere() -> None:
    class OneDevice(TorchDispatchMode):
        found = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.index_put_.default:
                self.found += 1
                assert {one.device.type for one in (args[0], *args[1], args[2])} == {args[0].device.type}
            return func(*args, **(kwargs or {}))

    whole = training(made(seeds=2))
    whole.snapshots.states = {name: tensor.to("meta") for name, tensor in whole.snapshots.states.items()}
    with OneDevice() as seen:
        assert whole.snapshots.take(whole.population, [0, 1], [0.5, 0.6])
    assert seen.found >= len(whole.snapshots.states)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ArgumentError, match="device: got 'abacus'"):
        train(made(), device="abacus")


def test_tasks_that_need_a_longer_input_get_it() -> None:
    shortest = max((one for one in map(task, ("solve-equation", "parity-check"))), key=lambda one: one.shortest)
    found = train(made(task=shortest.name, stages=(Stage(lengths=(1, 3), steps=1),), seeds=1), device="cpu")
    assert found.steps == 1


def test_members_that_are_left_are_repaired_and_kept(tmp_path: Path) -> None:
    heard: list[Event] = []
    recipe = made(
        model="table",
        options={"states": 4},
        stages=(Stage(lengths=(1, 3), steps=2, keep=2),),
        repairs=(Repair(lengths=(1, 8), rows=100, rounds=60), Repair(lengths=(1, 20), rows=100, rounds=60)),
        validation_rows=64,
    )
    trained = train(recipe, tmp_path / "run", listeners=[heard.append], device="cpu")
    mended = [event for event in heard if isinstance(event, Mended)]
    assert len(mended) == 2
    assert {event.seed for event in mended} == set(recipe.all_seeds) - set(trained.fates)
    for event in mended:
        assert event.rows == 100
        assert event.after >= event.before
        if event.is_kept:
            assert trained.scores[trained.seeds.index(event.seed)] == event.validation
    assert max(event.validation for event in mended) > 0.9
    again = load_run(tmp_path / "run")
    assert torch.equal(again.population.template.table, trained.population.template.table)  # pyright: ignore


def test_only_tables_are_repaired() -> None:
    with pytest.raises(ArgumentError, match="repairs: got some for a Noisy"):
        train(made(repairs=(Repair(lengths=(1, 4), rows=4),)), device="cpu")
