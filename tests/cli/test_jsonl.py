"""`run --jsonl`: a line out for each line in, in order, whatever is wrong with the others."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.cli import jsonl
from neurallambda.engines.machine import MachineEngine
from neurallambda.errors import SourceError
from neurallambda.lang import values
from neurallambda.lang.outcome import Outcome
from tests.cli.conftest import Call
from tests.programs import PROGRAMS

BOTH = pytest.mark.parametrize("engine", ["machine", "reference"])  # tests/cli/test_beta.py runs the third

GOOD = [{"program": "(+ 1 2)"}, {"program": "(car '())"}, {"program": "(fn [é] é)"}]


class Counted(BytesIO):
    """A file that counts the lines read of it."""

    lines_read = 0

    def readline(self, size: int | None = -1) -> bytes:
        self.lines_read += 1
        return super().readline(size)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def written(objects: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


@BOTH
def test_the_table(call: Call, tmp_path: Path, engine: str) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text(written([{"name": example.name, "program": example.source} for example in PROGRAMS]))
    called = call("run", "--engine", engine, "--jsonl", str(file))
    assert (called.code, called.stderr) == (0, "")
    found = lines(called.stdout)
    assert len(found) == len(PROGRAMS)
    for example, line in zip(PROGRAMS, found, strict=True):
        assert (line["name"], line["program"]) == (example.name, example.source)
        assert (line.get("value"), line.get("error")) == (example.value, example.error and str(example.error))
        assert isinstance(line["steps"], int)
        assert ("message" in line) == (example.error is not None)


def test_exactly_these_keys(call: Call) -> None:
    stale = {"id": 7, "program": "(+ 1 2)", "error": "overflow", "message": "old", "steps": 0, "tags": ["a", None, 1.5]}
    called = call("run", "--jsonl", "-", stdin=written([stale, {"program": "(/ 1 0)"}]))
    first, second = lines(called.stdout)
    assert first == {"id": 7, "program": "(+ 1 2)", "tags": ["a", None, 1.5], "value": "3", "steps": 4}
    assert set(second) == {"program", "error", "message", "steps", "line", "column"}
    assert (second["error"], second["line"], second["column"]) == ("division-by-zero", 1, 1)


@BOTH
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense", "not JSON"),
        (b'{"program": "1"', "not JSON"),
        (b'{"program": "\xff"}', "not JSON"),
        (b"\x00\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"program": "1", "number": NaN}', "not JSON"),
        (b'{"program": 1e999}', "must be text; got 1e999"),
        (b'{"program": ' + b"9" * 500 + b"}", "must be text; got 999"),
        (b'["1"]', "no object"),
        (b'"1"', "no object"),
        (b'{"source": "1"}', 'no key "program"'),
        (b'{"program": 1}', "must be text"),
        (b'{"program": null}', "must be text"),
        (b'{"program": "(+ 1"}', "never closed"),
        (b'{"program": ""}', "is empty"),
        (b'{"program": "(def a 1)"}', "definitions only"),
        (b'{"program": "\\u0000"}', "U+0000"),
        (b'{"program": "\\ud800"}', "U+D800"),
        (b'{"program": "?a"}', "?a is not filled"),
    ],
)
def test_a_line_that_is_no_program_stops_no_other(call: Call, engine: str, line: bytes, message: str) -> None:
    text = written(GOOD[:1]).encode() + line + b"\n\n" + written(GOOD[1:]).encode()
    called = call("run", "--engine", engine, "--jsonl", "-", stdin=text)
    assert called.code == 2
    assert "1 of the lines" in called.stderr
    found = lines(called.stdout)
    assert [one.get("value", one.get("error")) for one in found] == ["3", "syntax", "not-a-pair", "(fn [é] é)"]
    assert message in found[1]["message"]
    assert "program" in found[1] or b"source" in line


def test_a_line_that_is_too_long(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_BYTES", 100)
    text = written([*GOOD, {"program": f"; {'x' * 500}\n1"}, *GOOD])
    called = call("run", "--engine", "reference", "--jsonl", "-", stdin=text)
    assert called.code == 2
    assert [one.get("value", one.get("error")) for one in lines(called.stdout)] == [
        *("3", "not-a-pair", "(fn [é] é)", "syntax", "3", "not-a-pair", "(fn [é] é)")
    ]


@pytest.mark.parametrize(("count", "size"), [(2, 10**9), (10**9, 30)])
def test_windows(call: Call, monkeypatch: pytest.MonkeyPatch, count: int, size: int) -> None:
    monkeypatch.setattr(jsonl, "WINDOW", count)
    monkeypatch.setattr(jsonl, "WINDOW_BYTES", size)
    numbered = [{"program": f"(+ 1 {n})"} for n in range(25)]
    called = call("run", "--engine", "reference", "--jsonl", "-", stdin=written(numbered))
    assert [one["value"] for one in lines(called.stdout)] == [str(n + 1) for n in range(25)]


def test_what_is_read_is_answered_before_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "WINDOW", 2)

    file = Counted(b'{"program": "1"}\n' * 9)
    windows = jsonl.windows(file)
    assert len(next(windows)) == 2
    assert file.lines_read == 2
    assert [len(window) for window in windows] == [2, 2, 2, 1]


def test_no_lines(call: Call) -> None:
    for nothing in ("", "\n \n"):
        called = call("run", "--jsonl", "-", stdin=nothing)
        assert (called.code, called.stdout, called.stderr) == (0, "", "")


@pytest.mark.parametrize("file", ["/", "no/such/file"])
def test_no_file(call: Call, file: str) -> None:
    called = call("run", "--jsonl", file)
    assert (called.code, called.stdout) == (2, "")
    assert called.stderr.startswith(f"{file}: ")


def test_limits_hold(call: Call) -> None:
    loop = "(defn loop [n] (loop (+ n 1))) (loop 0)"
    text = written([{"program": loop}, {"program": "(+ 9 9)"}])
    options = ("--max-steps", "30", "--integers", "0:20", "--jsonl", "-")
    found = lines(call("run", *options, stdin=text).stdout)
    assert found[0]["error"] in ("overflow", "out-of-steps")
    assert found[0]["steps"] <= 30
    assert found[1]["value"] == "18"


@BOTH
def test_a_value_too_large_to_be_written_stops_no_other(
    call: Call, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(values, "LARGEST", 1_000)
    text = written([GOOD[0], {"program": "(iterate (fn [x] (cons x x)) 12 1)"}, GOOD[0]])
    called = call("run", "--engine", engine, "--jsonl", "-", stdin=text)
    assert called.code == 0
    first, second, third = lines(called.stdout)
    assert first == third == {"program": "(+ 1 2)", "value": "3", "steps": 4}
    assert second["error"] == "out-of-memory"
    assert "more than 1,000 nodes" in second["message"]
    assert second["steps"] > 100


@pytest.mark.parametrize(("chosen", "threads"), [(None, 1), ("2", 2)])
def test_one_thread_unless_the_user_says_how_many(
    call: Call, monkeypatch: pytest.MonkeyPatch, chosen: str | None, threads: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    found, plain = [], MachineEngine.run_all

    def watched(*arguments: Any, **options: Any) -> Iterator[Outcome | SourceError]:
        found.append(torch.get_num_threads())
        return plain(*arguments, **options)

    monkeypatch.setattr(MachineEngine, "run_all", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert call("run", "--jsonl", "-", stdin=written(GOOD)).code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert found == [threads]
