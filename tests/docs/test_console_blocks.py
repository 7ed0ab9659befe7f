"""Every `console` block that calls `neurallambda` shows what the command really prints.

The commands of a block run in one shell, so `echo $?` works, in a folder with nothing but the repository's `results`. Output
and errors count, in the order they come; a line of `...` stands for any lines.
"""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks

CONSOLE = [block for block in blocks("console") if re.search(r"^\$ .*\bneurallambda\b", block.text, re.MULTILINE)]
END = "--- end of this output ---"


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output shown; a command ending in `\\` goes on in the next line."""
    command, output = "", ""
    for line in block.text.splitlines():
        if command.endswith("\\"):
            command += "\n" + line.removeprefix("> ")
        elif line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], ""
        else:
            output += line + "\n"
    yield command, output


def run(wanted: list[str], folder: Path) -> list[str]:
    """What each of the commands prints."""
    script = "\n".join(f"{command}\nstatus=$?; echo '{END}'; (exit $status)" for command in wanted)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split(END + "\n")[:-1]


def matches(shown: str, printed: str) -> bool:
    """Whether the output shown is the output printed, trailing blanks apart; `...` stands for anything."""
    shown, printed = (
        "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n" for text in (shown, printed)
    )
    return doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)


@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_a_session_prints_what_it_shows(block: Block, tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(ROOT / "results")
    pairs = list(commands(block))
    printed = run([command for command, _ in pairs], tmp_path)
    for (command, shown), found in zip(pairs, printed, strict=True):
        assert matches(shown, found), f"{block}: $ {command}\nprinted:\n{found}\nbut the page shows:\n{shown}"


def test_commands_and_their_outputs_are_told_apart(tmp_path: Path) -> None:
    block = Block("page.md", 1, "$ echo one; false\none\n$ echo $?\n1\n$ echo two \\\n> three\ntwo three\n$ true\n")
    pairs = list(commands(block))
    assert [shown for _, shown in pairs] == ["one\n", "1\n", "two three\n", ""]
    assert run([command for command, _ in pairs], tmp_path) == ["one\n", "1\n", "two three\n", ""]


def test_only_what_was_printed_matches() -> None:
    assert matches("a\n...\nc\n", "a\nb\nb\nc\n")
    assert matches("a  \n", "a\n\n")
    assert not matches("a\n", "b\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("", "error\n")
