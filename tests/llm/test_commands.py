"""The commands around language models, with a tiny base model in a folder."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from neurallambda.cli.app import app
from neurallambda.llm.teaching import tasks, training
from neurallambda.llm.teaching.recipe import TeachingRecipe, recipe_of
from neurallambda.llm.teaching.tasks import TASKS
from tests.llm.test_teaching import small_model, tokenizer

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder, spelled = tmp_path_factory.mktemp("base") / "tiny", tokenizer()
    small_model(len(spelled)).save_pretrained(folder)
    spelled.save_pretrained(folder)
    return str(folder)


def called(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["llm", *words])
    return done.exit_code, done.output


def test_a_graft_is_made_measured_and_used(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "made")
    assert called("graft", "--base", base, "--out", out, "width=4", "depth=8") == (0, f"{out}\n")
    assert {path.name for path in Path(out).iterdir()} == {"README.md", "graft.json", "graft.safetensors"}
    code, said = called("evaluate", out, "reverse", "--base", base, "--lengths", "2,3", "--rows", "4")
    assert code == 0
    assert [line.split("\t")[0] for line in said.splitlines()] == ["2", "3"]
    texts = [
        called("generate", out, "dog cat |", "--base", base, "--tokens", "4", *more) for more in ((), ("--plain",))
    ]
    assert texts[0][0] == 0
    assert texts[0] == texts[1]  # the gate is closed


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_taught_by_its_own_recipe(
    task: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[TeachingRecipe] = []
    monkeypatch.setattr(training, "teach", lambda *given, **_: taught.append(given[4]) or 1.0)
    monkeypatch.setattr(tasks, "_token_of", lambda word, _: len(word))  # the tiny model has no words for values
    code, said = called("train", task, "--base", base, "--out", str(tmp_path / "made"), "rows=2")
    assert code == 0, said
    assert taught == [replace(recipe_of(task), rows=2)]


def test_every_task_is_named_in_the_help() -> None:
    assert all(task in called("train", "--help")[1] for task in TASKS)


def test_a_structure_is_trained(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "trained")
    sizes = ["steps=2", "rows=2", "width=4", "depth=8", "layers_to_transform=0,-1"]
    code, said = called("train", "copy", "--base", base, "--out", out, *sizes)
    assert code == 0, said
    assert "step 2: loss" in said
    assert (Path(out) / "graft.safetensors").exists()
    kept = json.loads((Path(out) / "graft.json").read_text())["config"]
    assert (kept["structure"], kept["layers_to_transform"], kept["width"]) == ("queue", [0, -1], 4)
    text = tmp_path / "psalm.txt"
    text.write_text("dog cat ball tree\n\nhouse bird\n" * 2000)
    code, said = called("retention", out, str(text), "--base", base)
    assert code == 0, said
    for name, line in zip(("own", "psalm"), said.splitlines(), strict=True):
        found, before, after, ratio = line.split("\t")
        assert found == name
        assert float(ratio) == pytest.approx(float(after) / float(before), abs=1e-3)


def test_what_a_structure_does_is_shown(base: str, tmp_path: Path) -> None:
    out, page, record = str(tmp_path / "made"), tmp_path / "page.html", tmp_path / "record.json"
    called("graft", "--base", base, "--out", out, "width=4", "depth=8")
    for file in (page, record):
        code, said = called("inspect", out, "dog cat |", "--base", base, "--tokens", "3", "-o", str(file))
        assert code == 0, said
        assert [line.split()[0] for line in said.splitlines()[:5]] == ["token", "<s>", "dog", "cat", "|"]
    assert "made: dog cat |" in page.read_text()
    SCHEMA.validate(json.loads(record.read_text()))
    code, said = called("inspect", out, "dog", "--base", base, "-o", "record.png")
    assert (code, "the name does not tell the format" in said) == (2, True)


def test_texts_are_written_and_a_model_is_trained_on_them(base: str, tmp_path: Path) -> None:
    pytest.importorskip("rwkv7_hf")
    file, out = str(tmp_path / "texts.jsonl"), str(tmp_path / "model")
    changes = ["tokens=240", "rows=6", "time=20", "precision=float32"]
    code, said = called("stories", "--base", base, "--out", file, *changes)
    assert code == 0, said
    assert "batch 2: " in said
    assert said.splitlines()[-1] == file
    sizes = ["vocabulary=300", "layers=2", "width=16", "head=8", "inner=32", "rank=4", "steps=2", "rows=2", "time=16"]
    code, said = called("pretrain", file, "--out", out, *sizes)
    assert code == 0, said
    assert "step 2: loss" in said
    assert called("graft", "--base", out, "--out", str(tmp_path / "made"), "width=4", "depth=8")[0] == 0
    code, said = called("pretrain", file, "--out", out, *sizes, "rows=3")
    assert (code, "another rows" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pretrain", "nowhere.jsonl", "--out", "x"], "nowhere.jsonl: No such file"),
        (["pretrain", "nowhere.jsonl", "--out", "x", "head=3"], "head: got 3, expected a divisor"),
        (["stories", "--base", "nothing/there", "--out", "x"], "cannot be loaded"),
        (["stories", "--out", "x", "temperature=0"], "temperature: got 0"),
        (["evaluate", "nowhere", "reverse"], "there is no graft in it"),
        (["fetch", "gpt5"], "there is no model 'gpt5'"),
        (["report", "nowhere"], "there is no result"),
        (["train", "juggle", "--out", "x"], "there is no task 'juggle'"),
        (["graft", "--base", "nothing/there", "--out", "x"], "cannot be loaded"),
        (["matrix", "--arms", "everything", "--out", "x"], "'everything' is unknown"),
        (["evaluate", "nowhere", "reverse", "--lengths", "two"], "expected numbers"),
        (["graft", "--out", "x", "structure=heap"], "structure: got 'heap'"),
        (["graft", "--out", "x", "widht=3"], "did you mean width?"),
        (["train", "copy", "--out", "x", "steps=0"], "steps: got 0"),
        (["train", "copy", "--out", "x", "lengths=4-2"], "lengths: got 4-2"),
        (["train", "copy", "--out", "x", "learning_rate=-1"], "learning_rate: got -1"),
        (["train", "copy", "--out", "x", "layers_to_transform=1,2,3"], "layers_to_transform: got"),
        (["matrix", "--out", "x", "learning_rate=1"], "there is no such key"),
        (["inspect", "nowhere", "dog"], "there is no graft in it"),
        (["retention", "nowhere"], "there is no graft in it"),
    ],
)
def test_what_cannot_be_used_is_said(
    words: list[str], message: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no hub is asked again and again
    words = [*words, "--base", base] if words[0] in ("graft", "train") and "--base" not in words else words
    code, said = called(*words)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())
