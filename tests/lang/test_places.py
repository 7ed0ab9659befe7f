"""Errors of running programs: what is said of them and where, the same on every engine."""

import pytest

from neurallambda.engines import make_engine
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.machine.assemble import assemble
from neurallambda.machine.discrete import run

CALLED = " (in a function that is called here)"
TABLE = {
    "(+ 1 2 3)": ("`+` takes 2 and was given 3", 1, 1),
    "(defn f [x y] x)\n(f 1 2 3)": ("`f` takes 2 and was given 3", 2, 1),
    "((fn [] 3) 4)": ("the function takes 0 and was given 1", 1, 1),
    "(let [f +] (f 1 2 3))": ("3 was called, which is no function", 1, 12),
    "(car 5)": ("`car` was given 5, which is no pair", 1, 1),
    "(+ 1\n   (* 2 true))": ("`*` was given true, which is no integer", 2, 4),
    "(= 1 true)": ("`=` was given 1 and true, which are neither both integers nor both booleans", 1, 1),
    "(if 0 1 2)": ("`if` was given 0, which is no boolean", 1, 5),
    "(and true 1)": ("`and` was given 1, which is no boolean", 1, 11),
    "(mod 5 0)": ("`mod` was asked to divide 5 by zero", 1, 1),
    "(* 200 3)": ("600 is outside the integers -256 to 255", 1, 1),
    "(sum '(1 true))": ("`+` was given true, which is no integer" + CALLED, 1, 1),
    "(filter (fn [x] (inc x)) '(1))": ("`cond` was given 2, which is no boolean" + CALLED, 1, 1),
    "(f 1)": ("`f` is not defined; did you mean `if`?", 1, 2),
    "(1 (car '()))": ("`car` was given '(), which is no pair", 1, 4),
}


def told(outcome: Outcome) -> tuple[str, int, int]:
    return outcome.message, outcome.line, outcome.column


@pytest.mark.parametrize("name", ["reference", "machine", "beta"])
def test_every_engine_tells_the_same(name: str) -> None:
    outcomes = make_engine(name).run_all(TABLE)
    assert {source: told(end) for source, end in zip(TABLE, outcomes, strict=True) if isinstance(end, Outcome)} == TABLE


def test_the_discrete_stepper_tells_the_same() -> None:
    integers = range(-256, 256)
    for source, expected in TABLE.items():
        if source != "(f 1)":
            *_, last = run(assemble(lower(parse(source)), source), integers)
            assert last.problem is not None
            assert told(Outcome.of(last.problem)) == expected


def test_the_text_around_the_place_is_shown() -> None:
    assert evaluate("(+ 1 (car 5))").excerpt == "  (+ 1 (car 5))\n       ^"
