"""`--engine beta`: results on stdout, memory and stack on stderr, one message for each mistake."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("((fn [x] x) 42)", "42"),
        ("((fn [x y z] '(x y z)) 1 2 3)", "'(1 2 3)"),
        ("((fn [x f] (f x)) 42 (fn [y] '(0 y y 100 y)))", "'(0 42 42 100 42)"),
        ("((fn [g f z] (g (f z))) (fn [y] '(y y y)) (fn [x] '(x x)))", "(fn [z] '('(z z) '(z z) '(z z)))"),
        ("(((fn [x] (fn [y] x)) 1) 2)", "1"),
        ("(length '(1 2))", "2"),
    ],
)
def test_programs(call: Call, source: str, value: str) -> None:
    called = call("run", "--engine", "beta", source)
    assert (called.code, called.stdout, called.stderr) == (0, f"{value}\n", "")


def test_normal_forms_may_have_free_variables_and_holes(call: Call) -> None:
    called = call("normalize", "--engine", "beta", "((fn [x] '(x y ?a)) z)")
    assert (called.code, called.stdout) == (0, "'(z y ?a)\n")


@pytest.mark.parametrize("codebook", [["orthonormal"], ["gaussian", "--vec-size", "512"], ["bipolar", "--seed", "3"]])
def test_codebooks(call: Call, codebook: list[str]) -> None:
    called = call("run", "--engine", "beta", "--cells", "24", "--codebook", *codebook, "((fn [x] (+ x 1)) 2)")
    assert (called.code, called.stdout) == (0, "3\n")


def test_strategies(call: Call) -> None:
    source = "((fn [x] 1) ((fn [x] (x x)) (fn [x] (x x))))"
    options = ("--engine", "beta", "--max-steps", "60", "--cells", "24")
    assert call("run", *options, source).stdout == "1\n"
    for strategy in ("by-value", "applicative"):
        called = call("run", *options, "--strategy", strategy, source)
        assert (called.code, called.stdout) == (1, "")
        assert called.stderr.startswith("out-of-steps: ")


def test_a_trace_shows_memory_flags_and_the_pointer(call: Call) -> None:
    called = call("normalize", "--engine", "beta", "--trace", "--cells", "8", "((fn [x] x) y)")
    assert called.stdout == "y\n"
    assert "stack A0 [A1 certain]" in " ".join(called.stderr.split())
    for word in ("address", "column 1", "column 2", "IR1", "IR2", "apply", "function", "variable", "step 8", "finish"):
        assert word in called.stderr


def test_a_trace_shows_confidence_where_it_is_not_full(call: Call) -> None:
    called = call(
        "run", "--engine", "beta", "--trace", "--cells", "8", "--codebook", "gaussian", "--vec-size", "64", "1"
    )
    assert (called.code, called.stdout) == (0, "1\n")


def test_the_programs_own_errors(call: Call) -> None:
    for source, error in (("(car 1)", "not-a-pair"), ("(f 1)", "unbound"), ("(+ 255 1)", "overflow")):
        called = call("run", "--engine", "beta", "--cells", "24", source)
        assert (called.code, called.stdout) == (1, "")
        assert called.stderr.startswith(f"{error}: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--codebook", "onehot", "1"], "--codebook: only the engine beta has it"),
        (["run", "--engine", "reference", "--vec-size", "8", "1"], "--vec-size: only the engine beta has it"),
        (["run", "--cells", "8", "1"], "--cells: only the engines beta and beta-stepper have them"),
        (["normalize", "--strategy", "normal", "1"], "--strategy: only the engines beta and beta-stepper have it"),
        (["normalize", "--integers", "0:1", "1"], "--integers: only the engine beta has a range"),
        (["run", "--engine", "beta", "--codebook", "orthonormal", "--vec-size", "5", "1"], "vec_size: got 5"),
        (["run", "--engine", "beta", "(+ ?a 1)"], "line 1, column 4: the hole ?a is not filled"),
        (["run", "--engine", "beta", "--cells", "1", "1"], ""),
        (["run", "--engine", "beta", "--codebook", "words", "1"], ""),
    ],
)
def test_options_that_cannot_be_used(call: Call, arguments: list[str], message: str) -> None:
    called = call(*arguments)
    assert (called.code, called.stdout) == (2, "")
    assert message in called.stderr


def test_many_programs(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text('{"program": "(+ 1 2)"}\n{"program": "(car 1)"}\n{"program": "(f 1)"}\n')
    called = call("run", "--engine", "beta", "--codebook", "gaussian", "--cells", "24", "--jsonl", str(file))
    found = [json.loads(line) for line in called.stdout.splitlines()]
    assert [line.get("value") or line.get("error") for line in found] == ["3", "not-a-pair", "unbound"]


def test_a_session(call: Call) -> None:
    called = call("repl", "--engine", "beta", stdin="(defn double [x] (* 2 x))\n(double 21)\n")
    assert called.stdout == "42\n"
