"""Whatever comes in: exit code 2 and one clear message, never a traceback, never a hang."""

import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Call

GARBAGE = {
    "open brackets": b"(" * 10_000_000,
    "closed brackets": b")" * 10_000_000,
    "quotes": b"'" * 500_000,
    "deep nesting": b"(f " * 150_000 + b")" * 150_000,
    "no UTF-8": b"(+ 1 \xff\xfe)",
    "UTF-16": "(+ 1 2)".encode("utf-16"),
    "NUL": b"(+ 1 \x00 2)",
    "only NUL": b"\x00" * 100_000,
    "control characters": bytes(range(1, 32)),
    "escape codes": b"\x1b[2J(+ 1",
    "a digit string": b"9" * 2_000_000,
    "unbalanced": b"(fn [x) x]",
    "blanks": b" \n" * 1_000_000,
    "nothing": b"",
}


@pytest.mark.parametrize("command", ["run", "normalize"])
@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage(call: Call, command: str, content: bytes) -> None:
    called = call(command, "-", stdin=content)
    assert (called.code, called.stdout) == (2, "")
    assert 0 < len(called.stderr) < 500
    assert called.stderr.isprintable() or "\x1b" not in called.stderr


def test_a_huge_integer_overflows(call: Call) -> None:
    called = call("run", "-", stdin=b"9" * 90_000)
    assert (called.code, called.stdout) == (1, "")
    assert called.stderr.startswith("overflow: ")
    assert len(called.stderr) < 200


def test_endless_input(spawn: Call) -> None:
    called = spawn("run", "-f", "/dev/zero")
    assert (called.code, called.stdout) == (2, "")
    assert called.stderr == "/dev/zero: the program is too long: more than 64 MiB; split it up\n"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("$NL run --engine reference '(+ 1 2)' >&-", 2, "cannot write to standard output: it is closed\n"),
        ("$NL run --engine reference - <&-", 2, "standard input is closed\n"),
        ("$NL repl <&-", 2, "standard input is closed\n"),
        ("$NL run --engine reference '(' 2>&-", 2, ""),
        ("$NL --version >&-", 2, "cannot write to standard output: it is closed\n"),
        ("$NL run $'\\xff'", 2, "line 1 is not UTF-8; save the program in that encoding\n"),
    ],
)
def test_closed_streams(spawn: Call, line: str, code: int, message: str) -> None:
    called = spawn(shell=line)
    assert (called.code, called.stdout, called.stderr) == (code, "", message)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(spawn: Call) -> None:
    called = spawn(shell="$NL run --engine reference '(+ 1 2)' > /dev/full")
    assert (called.code, called.stderr) == (2, "cannot write to standard output: No space left on device\n")


def test_a_reader_that_leaves(spawn: Call, tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text(f'{{"program": "1", "filling": "{"x" * 200}"}}\n' * 5_000)
    called = spawn(shell=f"$NL run --engine reference --jsonl {file} | head -n 1")
    assert called.code == 128 + signal.SIGPIPE
    assert called.stdout.startswith('{"program": "1", "filling": "xxx')
    assert called.stderr == ""


def test_an_encoding_that_lacks_a_letter(spawn: Call) -> None:
    called = spawn(shell="PYTHONIOENCODING=ascii $NL run --engine reference '(fn [é] é)'")
    assert (called.code, called.stdout, called.stderr) == (0, "(fn [\\xe9] \\xe9)\n", "")
