"""`run`: the value alone on stdout, an error on stderr, and the exit code that says which."""

import re
from pathlib import Path
from typing import get_args

import pytest

from neurallambda.cli import app
from neurallambda.cli.options import EngineName, MaxSteps
from neurallambda.cli.setup import read_integers
from neurallambda.programs import MAX_STEPS, Engine, Limits
from tests.cli.conftest import Call
from tests.programs import ENDLESS_PROGRAMS, HOLE_PROGRAMS, LONG_PROGRAMS, PROGRAMS, Example

ENGINES = [str(engine) for engine in Engine]
ALL = pytest.mark.parametrize("engine", ENGINES)
EAGER = pytest.mark.parametrize("engine", ["machine", "reference"])  # beta does not reduce what is not used


def check(call: Call, example: Example, *options: str) -> None:
    """Run an example; its value or its error must be what comes."""
    holes = [f"--hole={name}={str(hole).lower()}" for name, hole in example.holes.items()]
    called = call("run", *options, *holes, "--", example.source)
    if example.error is None:
        assert (called.code, called.stdout, called.stderr) == (0, f"{example.value}\n", "")
    else:
        assert (called.code, called.stdout) == (1, "")
        assert called.stderr.startswith(f"{example.error}: ")
        _, *excerpt = called.stderr.splitlines()
        assert not excerpt or (len(excerpt) == 2 and set(excerpt[1]) == {" ", "^"})


@pytest.mark.parametrize("example", [*PROGRAMS, *LONG_PROGRAMS], ids=lambda example: example.name)
def test_the_table_by_the_reference(call: Call, example: Example) -> None:
    check(call, example, "--engine", "reference")


@pytest.mark.parametrize("example", PROGRAMS[::12], ids=lambda example: example.name)
def test_some_of_the_table_by_the_machine(call: Call, example: Example) -> None:
    check(call, example)


@ALL
@pytest.mark.parametrize("example", HOLE_PROGRAMS, ids=lambda example: example.name)
def test_holes(call: Call, example: Example, engine: str) -> None:
    check(call, example, "--engine", engine)


@EAGER
@pytest.mark.parametrize("example", ENDLESS_PROGRAMS, ids=lambda example: example.name)
def test_max_steps(call: Call, example: Example, engine: str) -> None:
    check(call, example, "--engine", engine, "--max-steps", "40")


def test_max_steps_is_how_many_steps_may_be_taken(call: Call) -> None:
    assert call("run", "(+ 1 2)", "--max-steps", "4").stdout == "3\n"
    assert call("run", "(+ 1 2)", "--max-steps", "3").stderr.startswith("out-of-steps: ")


def test_capacity(call: Call) -> None:
    assert call("run", "(+ 1 2)", "--capacity", "8").stdout == "3\n"
    assert call("run", "(+ 1 2)", "--capacity", "6").stderr.startswith("out-of-memory: ")
    assert call("run", "(+ 1 2)", "--capacity", "3").stderr.startswith("out-of-memory: ")


@ALL
def test_integers_are_bounds_that_count(call: Call, engine: str) -> None:
    options = ("--engine", engine, "--integers", "-3:1000")
    assert call("run", *options, "(+ 500 500)").stdout == "1000\n"
    assert call("run", *options, "(- 0 3)").stdout == "-3\n"
    assert call("run", *options, "(+ 500 501)").stderr.startswith("overflow: ")
    assert call("run", *options, "(- 0 4)").stderr.startswith("overflow: ")


def test_device(call: Call) -> None:
    assert call("run", "(+ 1 2)", "--device", "cpu").stdout == "3\n"


def test_from_a_file(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "program.lisp"
    file.write_bytes("\ufeff(defn f [é] é) ; naïve\r\n(f 5)\n".encode())
    assert call("run", "-f", str(file), "--engine", "reference").stdout == "5\n"
    file.write_text("(f\n 5")
    called = call("run", "--file", str(file))
    assert (called.code, called.stdout) == (2, "")
    assert called.stderr.startswith(f"{file}: line 1, column 1: ")


def test_from_standard_input(call: Call) -> None:
    assert call("run", "-", "--engine", "reference", stdin="(+ 1\n 2)\n").stdout == "3\n"


def test_a_syntax_error_shows_the_place(call: Call) -> None:
    called = call("run", "(let [x 1 y] x)")
    assert (called.code, called.stdout) == (2, "")
    assert called.stderr == ("line 1, column 12: expected an expression, got ]\n  (let [x 1 y] x)\n             ^\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing was given"),
        (["1", "-f", "x"], "both were given"),
        (["1", "2"], "unexpected extra argument"),
        (["-7"], "No such option"),
        (["1", "--bogus"], "No such option"),
        (["1", "--engine", "quantum"], "'machine', 'reference'"),
        (["1", "--max-steps", "0"], "--max-steps"),
        (["1", "--max-steps", "many"], "--max-steps"),
        (["1", "--capacity", "0"], "--capacity"),
        (["1", "--integers", "5"], "expected LOW:HIGH"),
        (["1", "--integers", "5:1"], "the least integer before the greatest"),
        (["1", "--integers", f"0:{'9' * 5000}"], "expected LOW:HIGH"),
        (["1", "--integers", "0:4096"], "at most 4,096"),
        (["1", "--device", "abacus"], "device: got 'abacus', expected one that torch can use here"),
        (["1", "--device", "meta"], "device: got 'meta', expected one that torch can use here"),
        (["1", "--device", "cpu", "--engine", "reference"], "only the machine, beta and worlds have tensors"),
        (["?a"], "?a is not filled"),
        (["?a", "--hole", "a"], "expected NAME=VALUE"),
        (["?a", "--hole", "a='(1)"], "takes single values; the engine worlds takes lists"),
        (["?a", "--hole", "a=)"], "an integer, a boolean or a primitive"),
        (["-f", "no/such/file"], "no/such/file: No such file or directory"),
        (["-f", "/"], "/: Is a directory"),
        (["1", "--jsonl", "-"], "--jsonl: it goes with no other program"),
    ],
)
def test_bad_options(call: Call, arguments: list[str], message: str) -> None:
    called = call("run", *arguments)
    assert (called.code, called.stdout) == (2, "")
    assert message in re.sub(r"[\s│]+", " ", called.stderr)


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        pytest.param(["run"], 10_000, marks=pytest.mark.slow),
        (["run", "--engine", "reference"], 10_000),
        pytest.param(["run", "--engine", "beta"], 2_000, marks=pytest.mark.slow),
        (["normalize"], 100_000),
        pytest.param(["normalize", "--engine", "beta"], 2_000, marks=pytest.mark.slow),
        (["run", "--max-steps", "7"], 7),
    ],
)
def test_an_endless_program_has_some_seconds(call: Call, arguments: list[str], steps: int) -> None:
    called = call(*arguments, "(defn loop [n] (loop 1)) (loop 1)")
    assert called.code == 1
    assert called.stderr.startswith("out-of-steps: ")
    assert f"{steps:,} steps" in called.stderr


def test_the_defaults_are_those_of_the_library() -> None:
    limits = Limits(integers=read_integers(app.INTEGERS), capacity=app.CAPACITY)
    assert limits == Limits()
    assert MAX_STEPS[Engine.MACHINE] == MAX_STEPS[Engine.REFERENCE]
    told = f"Without it, {MAX_STEPS[Engine.MACHINE]:,}; with beta and beta-stepper, {MAX_STEPS[Engine.BETA]:,}."
    assert told in get_args(MaxSteps)[1].help
    assert list(EngineName.__args__) == ENGINES
