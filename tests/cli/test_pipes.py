"""A reader that goes away ends every command alike, without a word."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    ["--help"],
    ["--version"],
    ["run", "--engine", "reference", "(range 0 9)"],
    ["run", "(+ 1 2)"],
    ["run", "--engine", "reference", "--jsonl", "programs.jsonl"],
    ["normalize", "(f x)"],
    ["normalize", "--trace", "((fn [x] x) y)"],
    ["run", "--trace", "(+ 1 2)"],
    ["repl", "--engine", "reference"],
    ["automata", "list"],
    ["automata", "check", "anbn", "ab"],
    ["automata", "generate", "anbn"],
]


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_pipe(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "programs.jsonl").write_text('{"program": "1"}\n' * 3)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "neurallambda", *arguments],
        cwd=tmp_path,
        input=b"1\n2\n",
        stdout=writer,
        stderr=writer if "--trace" in arguments else subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr or b"") == (-signal.SIGPIPE, b"")
