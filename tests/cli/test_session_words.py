"""Words that leave a session, the trace of one program, and a history that cannot be kept."""

from pathlib import Path

import pytest

from neurallambda.cli.terminal import KeptHistory
from tests.cli.conftest import Call


@pytest.mark.parametrize("word", ["exit", "quit", "(exit)", "quit()", ":quit", ":exit", "  exit "])
def test_words_that_leave(call: Call, word: str) -> None:
    called = call("repl", "--engine", "reference", stdin=f"1\n{word}\n2\n")
    assert (called.code, called.stdout, called.stderr) == (0, "1\n", "")


def test_names_that_are_defined_do_not_leave(call: Call) -> None:
    called = call("repl", "--engine", "reference", stdin="(def exit 5)\nexit\n(+ exit 1)\n")
    assert called.stdout == "5\n6\n"


def test_the_trace_of_one_program(call: Call) -> None:
    called = call("repl", stdin="(defn f [x] (+ x 1))\n:trace (f 2)\n(f 3)\n:trace (car 1)\n(f 4)\n")
    assert called.stdout == "3\n4\n5\n"
    assert called.stderr.count("code ") == 2


def test_a_history_that_can_no_longer_be_written(tmp_path: Path) -> None:
    history = KeptHistory(tmp_path / "folder" / "history")  # the folder is gone
    for entry in ("1", "2", "\ud800"):
        history.append_string(entry)
    assert "No such file" in history.trouble
    assert history.get_strings() == ["1", "2", "\ud800"]


def test_a_history_that_can_no_longer_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    history = KeptHistory(folder)
    assert list(history.load_history_strings()) == []
    assert "directory" in history.trouble
