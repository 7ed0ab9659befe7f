"""`--hole`: certain values, distributions, and the table of ends."""

import pytest

from neurallambda.cli.holes import Chances, read_hole
from tests.cli.conftest import Call


@pytest.mark.parametrize(
    ("text", "hole"),
    [
        ("n=-3", ("n", -3)),
        ("?n=3", ("n", 3)),
        ("op==", ("op", "=")),
        ("op=<=:1,=:1", ("op", Chances(("<=", "="), (0.5, 0.5)))),
        ("c=true:0.3,false:0.7", ("c", Chances((True, False), (0.3, 0.7)))),
        ("n=1:2, 2:6", ("n", Chances((1, 2), (0.25, 0.75)))),
        ("n=1:0,2:1e3", ("n", Chances((1, 2), (0.0, 1.0)))),
        ("n=-1:1", ("n", Chances((-1,), (1.0,)))),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_a_hole_stands_for(text: str, hole: object) -> None:
    assert read_hole(text) == hole


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a"], "--hole: got 'a'; expected NAME=VALUE"),
        (["=3"], "--hole: got '=3'; expected NAME=VALUE"),
        (["a="], "--hole: got '' for 'a'"),
        (["a=2.5"], "--hole: got '2.5' for 'a'"),
        (["a=1:0.5,2"], "--hole: got '2' for 'a' without a probability"),
        (["a=1:0.5,"], "without a probability"),
        (["a=1:-1,2:1"], "--hole: got the probability '-1' for 'a'"),
        (["a=1:nan,2:1"], "--hole: got the probability 'nan' for 'a'"),
        (["a=1:inf,2:1"], "--hole: got the probability 'inf' for 'a'"),
        (["a=1:x"], "--hole: got the probability 'x' for 'a'"),
        (["a=1:,2:"], "--hole: got the probability '' for 'a'"),
        (["a=1:0,2:0"], "not all zero"),
        (["a=1:1e308,2:1e308"], "not all zero"),
        (["a=1:1,1:2"], "each value once"),
        (["a=(1):1"], "--hole: got '(1)' for 'a'"),
        (["a=1", "a=2"], "'a' is given twice"),
    ],
    ids=str,
)
def test_what_is_no_hole(call: Call, texts: list[str], message: str) -> None:
    called = call("run", "?a", *[f"--hole={text}" for text in texts])
    assert (called.code, called.stdout) == (2, "")
    assert message in called.stderr


def test_the_likeliest_value_is_the_result_and_the_ends_are_told_beside_it(call: Call) -> None:
    called = call("run", "(if ?c 1 2)", "--hole", "c=true:0.3,false:0.7")
    assert (called.code, called.stdout) == (0, "2\n")
    assert called.stderr == "probability  end\n      0.700  2\n      0.300  1\n"


def test_errors_and_lists_are_ends_too(call: Call) -> None:
    called = call("run", "'(1 (/ 6 ?n))", "--hole", "n=0:1,3:2,2:1")
    assert called.stdout == "'(1 2)\n"
    assert called.stderr.splitlines()[1:] == [
        "      0.500  '(1 2)",
        "      0.250  another pair or function",
        "      0.250  error division-by-zero",
    ]


def test_many_ends_are_cut_short(call: Call) -> None:
    chances = ",".join(f"{n}:1" for n in range(20))
    lines = call("run", "?n", "--hole", f"n={chances}").stderr.splitlines()
    assert len(lines) == 14
    assert lines[-1] == "      0.400  8 others"


def test_a_certain_program_has_no_table(call: Call) -> None:
    assert call("run", "(+ ?n 1)", "--hole", "n=3").stderr == ""


def test_beta_and_the_reference(call: Call) -> None:
    soft = ("--hole", "n=3:0.9,4:0.1")
    assert call("run", "(+ ?n 1)", "--engine", "beta", *soft).stdout == "4\n"
    called = call("run", "(+ ?n 1)", "--engine", "reference", *soft)
    assert (called.code, called.stdout) == (2, "")
    assert "the engine reference takes one" in called.stderr


def test_a_trace_of_a_soft_program(call: Call) -> None:
    called = call("run", "(if ?c 1 2)", "--hole", "c=true:0.3,false:0.7", "--trace")
    assert called.stdout == "2\n"
    assert "0.30" in called.stderr


def test_lists_are_for_worlds(call: Call) -> None:
    hole = ("--hole", "xs='(1:0.3,2:0.7 '(5))")
    called = call("run", "(car ?xs)", "--engine", "worlds", *hole)
    assert called.stdout == "2\n"
    assert called.stderr == "probability  end\n      0.700  2\n      0.300  1\n"
    assert "?xs/0" in call("run", "(car ?xs)", "--engine", "worlds", "--trace", *hole).stderr
    traced = call("trace", "(car ?xs)", "--engine", "worlds", *hole)
    assert "(car '(?xs/0 '(5)))" in traced.stdout
    for command in (("run",), ("trace",)):
        called = call(*command, "(car ?xs)", *hole)
        assert (called.code, called.stdout) == (2, "")
        assert "got a list for 'xs', and the engine machine takes single values; the engine worlds" in called.stderr
    assert "got several values for 'a'" in call("trace", "?a", "--engine", "reference", "--hole", "a=1:1,2:1").stderr
