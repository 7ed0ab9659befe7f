"""The commands around language models, with a tiny base model in a folder."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from neurallambda.cli.app import app
from tests.llm.test_teaching import small_model, tokenizer


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
    assert called("graft", "--base", base, "--out", out, "--width", "4", "--depth", "8") == (0, f"{out}\n")
    assert {path.name for path in Path(out).iterdir()} == {"README.md", "graft.json", "graft.safetensors"}
    code, said = called("evaluate", out, "reverse", "--base", base, "--lengths", "2,3", "--rows", "4")
    assert code == 0
    assert [line.split("\t")[0] for line in said.splitlines()] == ["2", "3"]
    texts = [
        called("generate", out, "dog cat |", "--base", base, "--tokens", "4", *more) for more in ((), ("--plain",))
    ]
    assert texts[0][0] == 0
    assert texts[0] == texts[1]  # the gate is closed


def test_a_structure_is_trained(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "trained")
    sizes = ["--steps", "2", "--rows", "2", "--width", "4", "--depth", "8"]
    code, said = called("train", "copy", "--base", base, "--out", out, *sizes)
    assert code == 0, said
    assert "step 2: loss" in said
    assert (Path(out) / "graft.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "nowhere", "reverse"], "there is no graft in it"),
        (["fetch", "gpt5"], "there is no model 'gpt5'"),
        (["report", "nowhere"], "there is no result"),
        (["train", "juggle", "--out", "x"], "there is no task 'juggle'"),
        (["graft", "--base", "nothing/there", "--out", "x"], "cannot be loaded"),
        (["matrix", "--arms", "everything", "--out", "x"], "'everything' is unknown"),
        (["evaluate", "nowhere", "reverse", "--lengths", "two"], "expected numbers"),
        (["graft", "--out", "x", "--structure", "heap"], "structure: got 'heap'"),
    ],
)
def test_what_cannot_be_used_is_said(words: list[str], message: str, base: str) -> None:
    words = [*words, "--base", base] if words[0] == "graft" and "--base" not in words else words
    code, said = called(*words)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
