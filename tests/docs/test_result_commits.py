"""Results and benchmarks name commits of this history, so that whoever doubts a number can run the code that gave it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

FILES = sorted(path for folder in ("results", "benchmarks/results") for path in (ROOT / folder).rglob("*.json"))
COMMIT = re.compile(r'"commit": "([0-9a-f]{40})"')


def said(*words: str) -> str:
    """What git says in this checkout; nothing where there is no history."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout


@pytest.fixture(scope="module")
def history() -> set[str]:
    if said("rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("here is no whole history")
    return set(said("rev-list", "HEAD").split())


def test_there_are_files() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_names_commits_of_this_history(path: Path, history: set[str]) -> None:
    named = set(COMMIT.findall(path.read_text()))
    assert named <= history, f"measure it again: {' '.join(named - history)}"
