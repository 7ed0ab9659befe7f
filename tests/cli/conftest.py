"""Two ways to call the command: in this process, which is quick, and as people do."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from neurallambda.cli.app import app


@dataclass(frozen=True)
class Called:
    """What a call left behind."""

    code: int
    stdout: str
    stderr: str


Call = Callable[..., Called]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def called(*arguments: str, stdin: str | bytes = b"") -> Called:
        result = CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)
        return Called(result.exit_code, result.stdout, result.stderr)

    return called


@pytest.fixture
def spawn() -> Call:
    """Call the command in a process of its own; with `shell`, a command line in which `$NL` stands for it."""
    environment = {**os.environ, "NL": f"{sys.executable} -m neurallambda", "COLUMNS": "100"}

    def called(*arguments: str, stdin: bytes = b"", shell: str | None = None) -> Called:
        command = (
            ["bash", "-o", "pipefail", "-c", shell] if shell else [sys.executable, "-m", "neurallambda", *arguments]
        )
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment, timeout=120)
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    return called
