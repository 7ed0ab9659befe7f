"""A path in the place of a program; numbers of any size beside one."""

import json
from pathlib import Path

import pytest
import torch
import typer

from neurallambda.cli.messages import reporting
from tests.cli.conftest import Call


@pytest.mark.parametrize("command", ["run", "normalize"])
def test_a_path_in_the_place_of_a_program(
    call: Call, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.lisp").write_text("1")
    monkeypatch.chdir(tmp_path)
    for source in ("p.lisp", "./p.lisp", str(tmp_path / "p.lisp")):
        called = call(command, source)
        assert (called.code, called.stdout) == (2, "")
        assert "read it with --file" in called.stderr.replace("\n", " ")
    assert "--file" in call(command, "other.lisp").stderr
    assert "--file" not in call(command, "1.5").stderr


def test_what_only_looks_like_a_path(call: Call) -> None:
    assert call("run", "/").stdout == "/\n"
    assert call("normalize", "a/b").stdout == "a/b\n"


@pytest.mark.parametrize("number", ["1" * 5_000, "-" + "7" * 6_000, "1e999", "0.10", "1E400", "-0"])
def test_numbers_beside_a_program(call: Call, number: str) -> None:
    line = f'{{"id": {number}, "more": [{number}], "program": "(+ 1 2)"}}\n'
    called = call("run", "--engine", "reference", "--jsonl", "-", stdin=line)
    assert (called.code, called.stderr) == (0, "")
    assert called.stdout.startswith(f'{{"id": {number}, "more": [{number}], "program": "(+ 1 2)", "value": "3"')


def test_a_number_in_the_place_of_a_program(call: Call) -> None:
    called = call("run", "--engine", "reference", "--jsonl", "-", stdin=f'{{"program": {"9" * 5_000}}}\n{{"a": NaN}}\n')
    ends = [json.loads(line) if "999" not in line[:40] else {} for line in called.stdout.splitlines()]
    assert called.code == 2
    assert "must be text" in called.stdout
    assert "NaN" in ends[1]["message"]


def test_a_place_that_cannot_be_written_is_named(call: Call, tmp_path: Path) -> None:
    (tmp_path / "p.lisp").write_text("1")
    nowhere = tmp_path / "nowhere" / "page.html"
    for program in (["1"], ["--file", str(tmp_path / "p.lisp")]):
        called = call("trace", *program, "--output", str(nowhere))
        assert (called.code, called.stderr) == (2, f"{nowhere}: No such file or directory\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileExistsError(17, "File exists", "there"), "there: File exists"),
        (IsADirectoryError(21, "Is a directory", "part", None, "there"), "there: Is a directory"),
        (OSError(5, "Input/output error"), "p.lisp: Input/output error"),
        (OSError("the hub is gone"), "p.lisp: the hub is gone"),
        (MemoryError(), "p.lisp: there is not enough memory for this"),
        (torch.OutOfMemoryError("CUDA out of memory"), "p.lisp: there is not enough memory for this"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "p.lisp: there is not enough memory"),
    ],
)
def test_what_goes_wrong_outside_is_said(error: Exception, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reporting(Path("p.lisp")):
        raise error
    assert capsys.readouterr().err.startswith(message)


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="of ours"), reporting():
        raise RuntimeError("a mistake of ours")
