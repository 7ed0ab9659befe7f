"""Recipes check themselves, go through JSON, and are changed by `key=value`."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import Controller, TableAutomaton
from neurallambda.tasks import TASKS, Task
from neurallambda.tasks import task as task_named
from neurallambda.tasks.traces.steps import STEPS
from neurallambda.train.changes import changed, read
from neurallambda.train.making import make_population, task_of
from neurallambda.train.models import model_named
from neurallambda.train.recipe import Recipe, Repair, Stage, recipe_from
from neurallambda.train.recipes import FIRST, RECIPES, recipe_for, recipe_function
from neurallambda.train.schedule import learning_rate

STAGES = (Stage(lengths=(1, 4), steps=10, threshold=0.9, keep=2), Stage(lengths=(1, 8), steps=4, rate=0.5))


def made(**values: Any) -> Recipe:
    common: dict[str, Any] = {"task": "parity-check", "model": "table", "seeds": 4, "stages": STAGES}
    return Recipe(**common | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": 0}, "seeds: got 0"),
        ({"rows": 2.5}, "rows: got 2.5"),
        ({"stages": ()}, "stages: got none"),
        ({"learning_rate": float("nan")}, "learning_rate: got nan"),
        ({"smoothing": 1.0}, "smoothing: got 1.0"),
        ({"betas": (0.9, 1.0)}, "betas: got 1.0"),
        ({"clip": -1.0}, "clip: got -1.0"),
        ({"clip": 0.0}, "clip: got 0, expected a number above 0, or None"),
        ({"precision": "fp16"}, "precision: got 'fp16', expected 'no' or 'bf16'"),
        ({"first_seed": 2**53}, "first_seed: got 9007199254740992, expected at most"),
        ({"weight_decay": 0.1}, "adam has none; use optimizer=adamw"),
        ({"optimizer": "sgd"}, "optimizer: got 'sgd', expected 'adam' or 'adamw'"),
        ({"validation_lengths": (5, 2)}, "validation_lengths: got 5 to 2"),
        ({"seeds": 1}, "one keeps 2 members, but only 1 are left"),
        ({"patience": 0}, "patience: got 0"),
    ],
)
def test_a_recipe_refuses_what_makes_no_sense(values: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        made(**values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "values", [{"lengths": (0, 4)}, {"lengths": (4, 3)}, {"steps": 0}, {"keep": 0}, {"threshold": 1.5}, {"rate": -1.0}]
)
def test_a_stage_refuses_what_makes_no_sense(values: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(values))):
        Stage(**{"lengths": (1, 4), "steps": 10} | values)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("task", sorted(FIRST))
def test_every_recipe_makes_a_population_and_goes_through_json(task: str) -> None:
    found = recipe_for(task)
    assert recipe_from(json.loads(json.dumps(found.facts()))) == found
    one = changed(found, ["seeds=1", "stages=1-4:10"])
    assert len(make_population(one, task_of(one))) == 1


@pytest.mark.parametrize(("after", "taking"), [("in turn", [0, 2]), ("take", [0, 1, 2]), ("stay", [])])
def test_structures_are_inclined_to_take_out_after_the_input(after: str, taking: list[int]) -> None:
    options = {"stacks": 0, "queues": 2, "priority_queues": 1, "phase_bias": 100.0, "after": after}
    model = model_named("controller")(task_named("reverse-string"), **options)
    assert isinstance(model, Controller)
    size = model.augmented.size_of_heads
    at_empty = model.augmented.to_logits.weight[:, model.augmented.cell.hidden_size + model.inputs - 1].split(size)
    assert [head for head, logits in enumerate(at_empty) if int(logits.argmax()) == 1] == taking
    assert changed(recipe_for("bucket-sort"), [f"model.after={after}"]).options["after"] == after


@pytest.mark.parametrize("task", ["reverse-string", "stack-manipulation", "next-symbols:dyck2"])
def test_transformers_with_and_without_stacks_differ_in_the_stacks_alone(task: str) -> None:
    alone, stacked = recipe_for(task, "transformer-alone"), recipe_for(task, "transformer-stack")
    added = {name: value for name, value in stacked.options.items() if name.startswith("structure")}
    assert added["structure"] == "stack"
    assert replace(alone, name=stacked.name, options={**alone.options, **added}) == stacked
    assert alone.options.keys().isdisjoint(added)
    assert recipe_from(json.loads(json.dumps(stacked.facts()))) == stacked


def test_facts_that_are_no_recipe_are_refused() -> None:
    for facts in (
        {}, {"stages": []}, {"stages": [{"length": 3}]}, made().facts() | {"colour": "red"}, made().facts() | {"stages": [5]},
    ):  # fmt: skip
        with pytest.raises(ArgumentError):
            recipe_from(facts)


def test_changes() -> None:
    found = changed(
        made(options={"noise": 0.5}),
        [
            "seeds=12", "rows=32", "clip=none", "optimizer=adamw", "weight_decay=1e-2", "betas=0.8,0.9", "patience=3",
            "validation_lengths=10-20", "compiled=true", "model.states=16", "stages=1-6:450:0.997:4:0.5,3:20::2::validation",
        ],
    )  # fmt: skip
    assert (found.seeds, found.rows, found.clip, found.optimizer, found.weight_decay) == (12, 32, None, "adamw", 0.01)
    assert (found.betas, found.patience, found.validation_lengths, found.compiled) == ((0.8, 0.9), 3, (10, 20), True)
    assert found.options == {"noise": 0.5, "states": 16}
    assert found.stages == (
        Stage(lengths=(1, 6), steps=450, threshold=0.997, keep=4, rate=0.5),
        Stage(lengths=(3, 3), steps=20, keep=2, keep_by="validation"),
    )


def test_another_model_has_other_options() -> None:
    found = changed(made(options={"noise": 0.5}), ["model=controller", "model.queues=3"])
    assert (found.model, found.options) == ("controller", {"queues": 3})


def test_another_model_has_its_own_name() -> None:
    assert changed(made(), ["model=lstm"]).name == "lstm"
    assert changed(made(name="mine"), ["model=lstm"]).name == "lstm"
    assert changed(made(name="mine"), ["model=lstm", "name=other"]).name == "other"
    assert changed(made(name="mine"), ["model=table", "seeds=2", "stages=1-4:10"]).name == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sedes=3", "sedes: there is no such key; did you mean seeds?"),
        ("stats=3", "stats: there is no such key; did you mean model.states?"),
        ("xyzzy=3", "xyzzy: there is no such key. Keys: "),
        ("seeds=three", "seeds: got 'three', expected an integer"),
        ("clip=wide", "clip: got 'wide', expected a number or None"),
        ("compiled=maybe", "compiled: got 'maybe', expected true or false"),
        ("stages=1-6", "stages: got '1-6', expected stages as"),
        ("stages=1-6:3:1:1:1:1", "expected stages as"),
        ("stages=6-1:3", "lengths: got 6 to 1"),
        ("validation_lengths=x", "expected a length, as in 5, or the least and the greatest, as in 1-40"),
        ("betas=1", "betas: got '1', expected two numbers"),
        ("schedule=steep", "schedule: got 'steep', expected 'constant' or 'linear' or 'cosine'"),
        ("model=tabel", "there is no model 'tabel'; did you mean table? The models are"),
        ("model=xyzzy", "there is no model 'xyzzy'; the models are"),
        ("source=x", "source: there is no such key"),
        ("seeds", "'seeds': expected KEY=VALUE"),
        ("=3", "'=3': expected KEY=VALUE"),
        ("task=reverse-string", "task: there is no such key"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(change: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        changed(made(), [change])
    assert message in str(caught.value)


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(ArgumentError, match="seeds: got seeds=3 and seeds=4, expected it once"):
        changed(made(), ["seeds=3", "seeds=4"])


def test_text_is_read_by_the_first_annotation_that_can() -> None:
    assert [read("x", text, int | float | str | bool | None) for text in ("1", "1.5", "true", "none", "a")] == [
        1, 1.5, True, None, "a",
    ]  # fmt: skip


def test_names_of_recipes() -> None:
    assert set(FIRST.values()) <= set(RECIPES)
    assert set(FIRST) <= {*TASKS, *STEPS}
    with pytest.raises(ArgumentError, match="there is no recipe 'tabel'; did you mean table"):
        recipe_function("tabel")


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from neurallambda.train import Recipe, Stage\n"
        "def short(task): return Recipe(task=task.name, model='table', seeds=2, stages=(Stage(lengths=(1, 3), steps=2),))\n"
        "def nothing(task): return None\n"
        "number = 3\n"
    )
    assert recipe_for("even-pairs", f"{file}:short").seeds == 2
    for name, message in (
        (f"{file}:long", "has no function 'long'"),
        (f"{file}:number", "has no function 'number'"),
        (f"{file}:nothing", "gave None, expected a Recipe"),
        (f"{file}x:short", "there is no file"),
    ):
        with pytest.raises(ArgumentError, match=message):
            recipe_for("even-pairs", name)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("def made(): return None", "made none for even-pairs: TypeError: made.* takes 0 positional arguments"),
        ("def made(task): raise KeyError('x')", "made none for even-pairs: KeyError: 'x'"),
        (
            "def made(task): return Recipe(task='even-pairs', model='table', stages=())",
            "ArgumentError: stages: got none",
        ),
    ],
)
def test_a_function_of_a_file_that_fails_is_told(function: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"from neurallambda.train import Recipe\n{function}\n")
    with pytest.raises(ArgumentError, match=rf"recipe: made in .*mine\.py' .*{message}"):
        recipe_for("even-pairs", f"{tmp_path / 'mine.py'}:made")


def test_options_of_any_function_are_read() -> None:
    def plain(task: Task, *, states=3, noise=0.1) -> nn.Module:  # pyright: ignore
        return TableAutomaton(task.inputs, task.outputs, states=states, noise=noise)

    for model in (plain, partial(plain, states=4)):
        assert changed(made(model=model), ["seeds=2", "model.states=5"]).options == {"states": 5}
    assert changed(made(model=partial(model_named("table"))), ["model.states=5"]).options == {"states": 5}


def test_the_rate_falls_in_the_last_stage_alone_and_rises_first() -> None:
    found = made(learning_rate=0.1, schedule="cosine", warmup=2)
    rates = [learning_rate(found, stage=0, step_of_stage=step, step=step) for step in range(3)]
    assert rates == pytest.approx([0.05, 0.1, 0.1])
    last = [learning_rate(found, stage=1, step_of_stage=step, step=10 + step) for step in range(4)]
    assert last == pytest.approx([0.05, 0.05 * 0.853553, 0.025, 0.05 * 0.146447], abs=1e-6)
    steady = made(learning_rate=0.1, schedule="constant")
    assert learning_rate(steady, stage=1, step_of_stage=3, step=13) == pytest.approx(0.05)


def test_repairs_are_read_go_through_json_and_check_themselves() -> None:
    one = changed(made(), ["repairs=1-4:20:5::answers,2-8:30"])
    first = Repair(lengths=(1, 4), rows=20, rounds=5, judge="answers")
    assert one.repairs == (first, Repair(lengths=(2, 8), rows=30))
    assert recipe_from(json.loads(json.dumps(one.facts()))) == one
    assert changed(one, ["repairs=none"]).repairs == ()
    assert changed(one, ["model=lstm"]).repairs == ()
    assert changed(one, ["model=cells", "repairs=1-4:20"]).repairs == (Repair(lengths=(1, 4), rows=20),)
    for text, message in (
        ("1-4", "expected repairs as LENGTHS:ROWS"),
        ("4-1:20", "lengths: got 4 to 1"),
        ("1-4:0", "rows: got 0"),
    ):
        with pytest.raises(ArgumentError, match=message):
            changed(made(), [f"repairs={text}"])


def test_facts_of_a_recipe_without_repairs_are_still_read() -> None:
    facts = {name: value for name, value in made().facts().items() if name != "repairs"}
    assert recipe_from(facts) == made()
