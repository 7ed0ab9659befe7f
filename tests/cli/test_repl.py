"""`repl`: definitions that stay, errors that do not end it, input from a pipe and from a person."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from neurallambda.cli.repl import HELP, Repl
from neurallambda.cli.setup import Setup
from neurallambda.cli.terminal import completer, history_file, typed_entries
from neurallambda.programs import Engine
from tests.cli.conftest import Call, Called

REFERENCE = Setup(engine=Engine.REFERENCE)


def talk(call: Call, text: str, *options: str) -> Called:
    called = call("repl", "--engine", "reference", *options, stdin=text)
    assert called.code == 0
    return called


def test_each_expression_has_its_value(call: Call) -> None:
    called = talk(call, "1\n(+ 1 2) true\n'(1\n  2)\n\n; nothing\n(fn [x] x)\n")
    assert (called.stdout, called.stderr) == ("1\n3\ntrue\n'(1 2)\n(fn [x] x)\n", "")


def test_an_entry_goes_on_until_its_brackets_are_closed(call: Call) -> None:
    called = talk(call, "(let [x 1 ; (\n y\n 2]\n\n (+ x\n y))\n5")
    assert (called.stdout, called.stderr) == ("3\n5\n", "")


def test_definitions_stay_and_may_be_entered_again(call: Call) -> None:
    text = "(defn f [x] (+ x 1))\n(f 1)\n(defn f [x] (+ x 10))\n(f 1)\n(def n 5)\n(f n)\n(def n 6) (f n)\n"
    assert talk(call, text).stdout == "2\n11\n15\n16\n"


def test_a_function_sees_what_is_defined_when_it_is_called(call: Call) -> None:
    text = "(defn f [x] (g x))\n(f 1)\n(defn g [x] (* x 3))\n(f 1)\n(defn g [x] 0)\n(f 1)\n"
    called = talk(call, text)
    assert called.stdout == "3\n0\n"
    assert called.stderr.startswith("unbound: `g` ")


def test_a_value_is_evaluated_once(call: Call) -> None:
    assert talk(call, "(def a 2)\n(def b (* a a))\n(def a 3)\nb\n").stdout == "4\n"


def test_a_value_with_a_function_in_it(call: Call) -> None:
    text = (
        "(def add (fn [x] (fn [y] (+ x y))))\n(def add2 (add 2))\n(add2 5)\nadd2\n(def fs '(add2 car))\n((car fs) 1)\n"
    )
    text += "(def down (letrec [d (fn [n] (if (= n 0) 7 (d (- n 1))))] d))\n(down 3)\n"
    called = talk(call, text)
    assert (called.stdout, called.stderr) == ("7\n(fn [y] (+ 2 y))\n3\n7\n", "")


def test_what_is_not_reached_does_no_harm(call: Call) -> None:
    called = talk(call, "(def x (car 1))\nx\n(defn broken [y] (nobody y))\n(+ 1 2)\n")
    assert called.stdout == "3\n"
    assert called.stderr == (
        "not-a-pair: line 1, column 8: `car` was given 1, which is no pair\n  (def x (car 1))\n         ^\n"
        "unbound: line 1, column 1: `x` is not defined; bind it, or define it with `def` or `defn`\n  x\n  ^\n"
    )


def test_errors_do_not_end_it(call: Call) -> None:
    called = talk(call, "(car 1)\n(fn [x) 1)\n?hole\n(\x00)\n(1 2)\n(+ 1 1)\n)\n(+ 2 2)\n(unclosed\n")
    assert called.stdout == "2\n4\n"
    assert "Traceback" not in called.stderr
    assert called.stderr.splitlines()[-3] == "line 1, column 1: this ( is never closed: expected a closing )"


def test_bytes_that_are_no_text_end_it(call: Call) -> None:
    called = call("repl", "--engine", "reference", stdin=b"1\n\xff\n2\n")
    assert (called.code, called.stdout) == (2, "1\n")
    assert "not UTF-8" in called.stderr


def test_many_lines_in_one_entry(call: Call) -> None:
    ones = ["1"] * 5_000
    called = talk(call, "\n".join(["(fn [x] '(", *ones, "))\n"]))
    assert (called.stdout, called.stderr) == (f"(fn [x] '({' '.join(ones)}))\n", "")


def test_commands(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "some file.lisp"
    file.write_text("(defn twice [x]\n  (* 2 x))\n(twice 4)\n")
    called = talk(call, f":load {file}\n(twice 5)\n:defs\n:reset\n:defs\n(twice 5)\n:help\n:quit\n(+ 1 2)\n")
    assert called.stdout == f"8\n10\n(defn twice [x] (* 2 x))\n{HELP}\n"
    assert called.stderr.startswith("unbound: line 1, column 2: `twice` ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":bogus", "there is no command :bogus; :help lists them\n"),
        (":", "there is no command :; :help lists them\n"),
        (":engine", ":engine: got ''; expected machine or reference or beta or worlds or stepper or beta-stepper\n"),
        (
            ":engine quantum",
            ":engine: got 'quantum'; expected machine or reference or beta or worlds or stepper or beta-stepper\n",
        ),
        (":load no/such/file", "no/such/file: No such file or directory\n"),
        (":load /", "/: Is a directory\n"),
    ],
)
def test_commands_that_cannot_be_followed(call: Call, line: str, message: str) -> None:
    called = talk(call, f"{line}\n(+ 1 2)\n")
    assert (called.stdout, called.stderr) == ("3\n", message)


def test_engine_and_trace(call: Call) -> None:
    called = talk(call, "(defn f [x] (+ x 1))\n:engine machine\n(f 1)\n:trace\n(f 2)\n:trace\n(f 3)\n")
    assert called.stdout == "2\n3\n4\n"
    assert called.stderr.count("code  ") == 1
    assert "begin bind" in called.stderr


def test_steps_and_slopes(call: Call) -> None:
    found = talk(call, "(defn double [x] (* 2 x))\n:step (double 3)\n:step\n:step\n", "--engine", "reference")
    assert [line.split("  ")[-1].strip() for line in found.stdout.splitlines()] == [
        "(double 3)",
        "(double 3)",
        "(* 2 3)",
    ]
    found = talk(call, ":step 1\n:step\n:step\n:step\n", "--engine", "reference")
    assert found.stdout.splitlines()[-1] == "=> 1"
    assert "the run is over" in found.stderr
    found = talk(call, ":grad (+ 1 2)\n:grad (fn [x] x)\n:grad\n")
    assert found.stdout.startswith("how log P(3) changes with each cell of the code\n")
    assert "literal 2 +1" in found.stdout
    assert "no probability of its own" in found.stdout
    assert ":grad: expected a program" in found.stderr


def test_options(call: Call) -> None:
    assert talk(call, "(* 30 30)\n", "--integers", "0:900").stdout == "900\n"
    assert call("repl", "--integers", "900:0").code == 2


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of its own for each test's history."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def entries(text: str) -> list[str]:
    """What is entered where somebody types a text, `\\r` for Enter, and then Ctrl-D."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(text + "\x04")
        return list(typed_entries(Repl(REFERENCE)))


def test_typed_entries_go_on_until_their_brackets_are_closed() -> None:
    assert entries("1\r(+ 1\r2)\r") == ["1", "(+ 1\n2)"]


def test_control_c_drops_the_entry() -> None:
    assert entries("(+ 1\r2\x03(+ 3 4)\r") == ["(+ 3 4)"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("(quadr", ["quadruple"]),
        ("(map fol", ["foldl", "foldr"]),
        ("'(em", ["empty?"]),
        (":en", [":engine"]),
        ("(zz", []),
    ],
)
def test_tab_offers_what_is_defined(typed: str, offered: list[str]) -> None:
    repl = Repl(REFERENCE)
    repl.run(["(defn quadruple [x] (* 4 x))"])
    found = completer(repl).get_completions(Document(typed), CompleteEvent(completion_requested=True))
    assert [completion.text for completion in found] == offered


def test_history_is_kept_for_the_next_time(state: Path) -> None:
    assert entries("(+ 1\r2)\r") == ["(+ 1\n2)"]
    assert (state / "neurallambda" / "history").exists()
    assert entries("\x1b[A\r") == ["(+ 1\n2)"]


def test_where_history_cannot_be_kept_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    assert entries("1\r2\r") == ["1", "2"]


def test_the_history_is_where_the_specification_says() -> None:
    assert history_file({"XDG_STATE_HOME": "/state"}) == Path("/state/neurallambda/history")
    default = Path.home() / ".local" / "state" / "neurallambda" / "history"
    assert history_file({}) == history_file({"XDG_STATE_HOME": "relative"}) == default


def test_a_program_may_be_stopped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    repl = Repl(REFERENCE)

    def interrupted(text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repl, "evaluate", interrupted)
    repl.run(["(+ 1 2)", ":help"])
    output = capsys.readouterr()
    assert (output.out, output.err) == (f"{HELP}\n", "stopped\n")


def test_at_a_real_terminal(tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "neurallambda", "repl", "--engine", "reference"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        start_new_session=True,
    )
    os.close(terminal)
    try:
        for shown, typed in (("", "(+ 20\r22)\r"), ("42\r\n", "(car 1)\r"), ("not-a-pair: ", "\x04")):
            wait_for(screen, shown, "> ")
            os.write(screen, typed.encode())
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def wait_for(screen: int, text: str, prompt: str) -> None:
    """Read until a text and after it a prompt are on the screen."""
    seen = b""
    while not re.search(re.escape(text.encode()) + b"(?s:.)*" + prompt.encode(), seen):
        assert select.select([screen], [], [], 60)[0], f"waited for {text!r}, but saw {seen!r}"
        seen += os.read(screen, 4096)
