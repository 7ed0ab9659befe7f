"""How the command starts: under both its names, and without torch where nothing needs it."""

import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from neurallambda.cli.app import main
from tests.cli.conftest import Call

WITHOUT_TENSORS = (
    "import sys; sys.modules |= dict.fromkeys(('torch', 'numpy', 'jaxtyping'))\n"
    "from neurallambda.cli.app import main; main()"
)


def test_both_names(spawn: Call) -> None:
    script = Path(sys.executable).parent / "neurallambda"
    for name in ("$NL", script):
        called = spawn(shell=f"{name} --version")
        assert (called.code, called.stdout, called.stderr) == (0, f"neurallambda {version('neurallambda')}\n", "")
    (entry,) = entry_points(group="console_scripts", name="neurallambda")
    assert entry.load() is main


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["run", "--help"], 0),
        (["run", "--engine", "reference", "(map (+ 1) (range 0 3))"], 0),
        (["run", "--engine", "reference", "(car 1)"], 1),
        (["run", "--engine", "reference", "--jsonl", "/dev/null"], 0),
        (["run", "--engine", "reference", "("], 2),
        (["run", "--bogus"], 2),
        (["normalize", "(fn [x] x)"], 0),
        (["repl", "--engine", "reference"], 0),
        (["automata", "list"], 0),
    ],
)
def test_what_needs_no_torch_imports_none(arguments: list[str], code: int) -> None:
    command = [sys.executable, "-c", WITHOUT_TENSORS, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_the_machine_in_a_process_of_its_own(spawn: Call) -> None:
    called = spawn("run", "((fn [x] '(x x x)) 42)")
    assert (called.code, called.stdout, called.stderr) == (0, "'(42 42 42)\n", "")


def test_the_trace_comes_before_the_value_where_both_go_to_one_place(spawn: Call) -> None:
    called = spawn(shell="$NL run '(+ 1 2)' --trace 2>&1")
    assert called.code == 0
    assert called.stdout.startswith("code ")
    assert called.stdout.endswith("ends in 3\n\n3\n")


def test_no_command_shows_help(call: Call) -> None:
    called = call()
    assert called.code == 2
    for command in ("run", "normalize", "repl", "automata", "tasks"):
        assert command in called.stdout + called.stderr
