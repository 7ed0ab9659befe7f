"""`neurallambda infer`, and `run --engine worlds`."""

import json

import pytest

from neurallambda.cli.inference import read_given
from neurallambda.errors import ArgumentError
from neurallambda.lang import Chances
from tests.cli.conftest import Call


def test_the_table(call: Call) -> None:
    called = call("infer", "(+ ?a ?a)", "--hole", "a=1:0.3,2:0.7")
    assert called.code == 0
    assert called.stdout.splitlines() == [
        "probability  end",
        "   0.700000  4",
        "   0.300000  2",
        "probability  ?a",
        "   0.700000  2",
        "   0.300000  1",
        "likeliest case (0.700000): 4 with ?a = 2",
    ]


def test_lines_of_json(call: Call) -> None:
    called = call("infer", "(observe (< ?a 3)) (/ 6 (- ?a 1))", "--hole", "a=1:1,2:1,3:2", "--jsonl")
    assert called.code == 0
    lines = [json.loads(line) for line in called.stdout.splitlines()]
    assert sorted(lines[:2], key=str) == [
        {"error": "division-by-zero", "probability": pytest.approx(0.5)},
        {"value": "6", "probability": pytest.approx(0.5)},
    ]
    assert lines[2] == {"evidence": pytest.approx(0.5)}
    assert lines[3] == {"hole": "?a", "posterior": {"1": 0.5, "2": 0.5, "3": 0.0}}
    assert lines[4]["probability"] == pytest.approx(0.5)
    assert "division-by-zero: line 1, column 20: `/` was asked to divide 6 by zero" in called.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["(observe (= ?a 5)) 1", "--hole", "a=1:1,2:1"], 1, "impossible: line 1, column 1: no world is left"),
        (["(car ?a)", "--hole", "a=1:1,2:1"], 1, "not-a-pair: line 1, column 1: `car` was given"),
        (["(car ?a)"], 2, "the hole ?a is not filled"),
        (["(+ ?a", "--hole", "a=1"], 2, "line 1"),
        (["?a", "--hole", "a='(1 2"], 2, "has no closing bracket"),
        (["?a", "--hole", "a='(1) 2"], 2, "after the list"),
        (["?a", "--hole", "a=1", "--hole", "a=2"], 2, "is given twice"),
        (["?a", "--hole", "a='(1 x)"], 2, "--hole: got 'x' for 'a'"),
        (["1", "--integers", "0:99999999999"], 2, "integers: got"),
        (["(f 1)"], 1, "unbound"),
        (["(observe (flip 1 " + "9" * 400 + ")) (car 1)"], 1, "not-a-pair: "),
        (["?a", "--hole", "a=" + "'(" * 200 + ")" * 200], 2, "nested more than 100 deep"),
        (["(defn f [n] (f (+ n 1))) (f 0)", "--max-steps", "50"], 1, "out-of-steps: "),
        (
            ["(sum (map (+ 1) '(?a ?b ?c ?d)))", "--max-worlds", "3", *(f"--hole={n}=1:1,2:1" for n in "abcd")],
            1,
            "keeps them apart",
        ),
        (
            ["(+ ?a 1)", "--max-worlds", "1", "--hole", "a=1:1,2:1"],
            1,
            "one world draws here, and there would be more than",
        ),
        (["?a", "--hole", "a=(1 2)"], 2, "got '(1 2)' for 'a'; expected a list with a quote"),
        (["?a", "--hole", "a='(1:0.5, 2:0.5)"], 2, "got '1:0.5,' in the list for 'a'; expected a list with a quote"),
        (["?a", "--hole", "a='((1 2) 3)"], 2, "got '(1' in the list for 'a'; expected a list with a quote"),
        (["--file", "/nonexistent"], 2, "/nonexistent: No such file or directory"),
        (["(flip 3 2)"], 2, "is no probability"),
        (["1", "--integers", "3:1"], 2, "the least integer before the greatest"),
    ],
)
def test_what_goes_wrong(call: Call, arguments: list[str], code: int, message: str) -> None:
    called = call("infer", *arguments)
    assert called.code == code
    assert message in called.stderr


def test_what_is_left_out_is_told(call: Call) -> None:
    walk = "(defn walk [n at] (if (= n 0) at (walk (- n 1) (+ at (if (flip 3 10) 1 0))))) (observe (> (walk 12 0) 2)) 0"
    exact = json.loads(call("infer", walk, "--jsonl").stdout.splitlines()[1])["evidence"]
    told = json.loads(call("infer", walk, "--jsonl", "--keep", "5").stdout.splitlines()[1])
    assert told["evidence"] < exact <= told["evidence"] + told["lost"]
    assert "left out " in call("infer", walk, "--keep", "5").stdout
    assert "left out " not in call("infer", walk).stdout


def test_holes_that_are_lists() -> None:
    given = read_given(["xs='(1 true:0.5,false:0.5 '() '(+ 2:1))", "n=3"])
    assert given == {"xs": [1, Chances((True, False), (0.5, 0.5)), [], ["+", Chances((2,), (1.0,))]], "n": 3}
    with pytest.raises(ArgumentError, match="expected NAME=VALUE"):
        read_given(["xs"])


def test_a_limit_of_steps_says_what_keeps_worlds_apart(call: Call) -> None:
    walk = "(defn walk [at] (walk (+ at (if (flip 1 2) 1 0)))) (walk 0)"
    called = call("infer", walk, "--max-steps", "100")
    assert called.code == 1
    assert "out-of-steps: line 1, column 44: no end after 100 instructions of a world. " in called.stderr
    assert "worlds are at this place; what keeps them apart: `at` has " in called.stderr


def test_small_probabilities_are_shown_by_their_size(call: Call) -> None:
    coins = " ".join(["0:1,1:1"] * 40)
    told = call("infer", "(sum ?xs)", "--hole", f"xs='({coins})").stdout.splitlines()
    assert told[-1].startswith("likeliest case (9.09e-13): ")
    assert call("infer", "?a", "--hole", "a=0:1,1:1e-9").stdout.splitlines()[2] == "      1e-09  1"


def test_running_by_worlds(call: Call) -> None:
    called = call("run", "(if (observe (flip 1 4)) (+ ?a ?a) 0)", "--engine", "worlds", "--hole", "a=1:0.3,2:0.7")
    assert (called.code, called.stdout) == (0, "4\n")
    assert called.stderr.splitlines()[1:] == ["      0.700  4", "      0.300  2"]
    assert call("run", "(+ 1 2)", "--engine", "worlds").stdout == "3\n"
    assert call("run", "(car (flip 1 2))", "--engine", "worlds").code == 1
    called = call("run", "(sum ?xs)", "--engine", "worlds", "--hole", "xs='(1 2)")
    assert (called.code, called.stdout) == (0, "3\n")
    called = call("run", "(sum ?xs)", "--hole", "xs='(1 2)")
    assert called.code == 2
    assert called.stderr.startswith("--hole: got a list for 'xs', and the engine machine takes single values; ")
    called = call("run", "1", "--max-worlds", "3")
    assert (called.code, called.stderr) == (
        2,
        "--max-worlds: only the engine worlds has them, and the engine is machine\n",
    )
