"""A path in the place of a program; numbers of any size beside one."""

import json
from pathlib import Path

import pytest

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
