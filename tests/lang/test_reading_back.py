"""Values written down as terms: closures in closures take time in their size, not in its square."""

import sys
from types import FrameType

import pytest

from neurallambda.errors import ErrorKind
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.syntax.parser import parse

NESTED = {
    "a value": "(letrec [build (fn [n] (if (= n 0) 0 (let [rest (build (- n 1))] (fn [x] rest))))] (build {}))",
    "a function that is called": "(letrec [build (fn [n f] (if (= n 0) f (build (- n 1) (fn [x] (f x)))))] (build {} car))",
    "a thunk": "(letrec [build (fn [n f] (if (= n 0) f (build (- n 1) (fn [] (f)))))] (build {} (fn [] 1)))",
    "in a list": "(letrec [build (fn [n f] (if (= n 0) f (build (- n 1) (fn [x] '(f x)))))] (build {} 1))",
    "beside a definition": "(defn g [x] x) (defn build [n f] (if (= n 0) f (build (- n 1) (fn [x] (g (f x)))))) (build {} g)",
}


def calls(source: str) -> int:
    """How many Python functions are called to evaluate a program and write its value down."""
    program, count = parse(source), 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        outcome = evaluate(program)
    finally:
        sys.setprofile(before)
    assert outcome.error is None
    return count


@pytest.mark.parametrize("kind", NESTED)
def test_nested_closures_take_linear_work(kind: str) -> None:
    calls(NESTED[kind].format(10))  # what is cached is cached
    assert calls(NESTED[kind].format(320)) < 2.2 * calls(NESTED[kind].format(160))


def test_two_thousand_of_them() -> None:
    text = evaluate(NESTED["a function that is called"].format(2_000)).text
    assert text.count("fn [x]") == 2_000


def test_capture_is_still_avoided() -> None:
    source = "(defn g [x] (car x)) (((fn [f] (fn [h] (fn [g] '(h g)))) 1) (let [a 1] (fn [x] (g a x))))"
    assert evaluate(source).text == "(fn [g1] '((fn [x] (g 1 x)) g1))"


def test_functions_of_let_that_multiply_are_too_large_to_write() -> None:
    functions = " ".join(f"f{n} (fn [x] '(f{n - 1} f{n - 1} f{n - 2}))" for n in range(2, 60))
    outcome = evaluate(f"(let [f0 (fn [x] x) f1 (fn [x] x) {functions}] f59)")
    assert outcome.error is ErrorKind.OUT_OF_MEMORY
