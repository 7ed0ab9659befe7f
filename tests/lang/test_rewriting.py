"""Reduction one step at a time, against the normal forms that it must come to."""

from itertools import islice, pairwise

import pytest
from hypothesis import given

from neurallambda.errors import ProgramError
from neurallambda.lang.normal.rewriting import Reduction, reductions
from neurallambda.lang.normalize import normalize
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.terms import Term
from tests.alpha import alpha_equivalent
from tests.programs import HOLE_PROGRAMS, PROGRAMS, Example
from tests.strategies import lambda_terms

MANY = 120
"""Reductions after which a program is not followed any further."""


def last(source: str | Term) -> Term | None:
    """What the reductions come to; None where there are more than `MANY`."""
    term = parse(source).forms[-1] if isinstance(source, str) else source
    steps = list(islice(reductions(source), MANY + 1))
    return None if len(steps) > MANY else steps[-1].result if steps else term


def rules(source: str) -> list[str]:
    return [step.rule for step in reductions(source)]


@pytest.mark.parametrize(
    "example", [e for e in (*PROGRAMS, *HOLE_PROGRAMS) if e.value is not None], ids=lambda e: e.name
)
def test_the_table_of_programs(example: Example) -> None:
    found = last(example.source)
    assert found is None or alpha_equivalent(found, normalize(example.source))


@given(lambda_terms())
def test_lambda_terms(term: Term) -> None:
    try:
        expected = normalize(term, max_steps=500)
    except ProgramError:
        return
    found = last(term)
    assert found is None or alpha_equivalent(found, expected)


@pytest.mark.parametrize(
    "source",
    [
        "(fn [xs] (length (cons 1 xs)))",
        "(fn [length] (map length '(1 2)))",
        "(defn map [x] (rest x)) (map (filter not '(true false)))",
        "((fn [x y] x) y)",
        "(reverse xs)",
        "(letrec [f (fn [n] (if (= n 0) 1 (* n (f (- n 1)))))] (f 3))",
        "(let [f (fn [x] (car x)) y f] (f '(y x)))",
        "((fn [x] 1) ((fn [x] (x x)) (fn [x] (x x))))",
        "(defn g [x] (h x)) (fn [h] (g h))",
        "(fn [x] (car (cons x ?a)))",
        "((+ 1))",
        "((fn [x] x))",
        "(cons)",
        "((fn [f] (f)) (fn [] (+ 1 1)))",
        "((+ 1) 2)",
        "((car '(car cdr)) '(1 2))",
        "(fn [x] (car 1))",
    ],
)
def test_open_terms_definitions_and_capture(source: str) -> None:
    found = last(source)
    assert found is not None
    assert alpha_equivalent(found, normalize(source))


def test_rules_and_their_order() -> None:
    assert rules("((fn [x y] (+ y x)) (* 2 3) 1)") == ["β  x := (* 2 3)", "β  y := 1", "δ  *", "δ  +"]
    assert rules("(if (not false) ((fn [] 1)) 2)") == ["δ  not", "if", "force"]
    assert rules("(let [a 1] (cond (or false (= a 2)) b else (and true true)))") == [
        "let  a := 1",
        "or",
        "δ  =",
        "or",
        "cond",
        "and",
        "and",
    ]


def test_each_step_goes_on_from_the_last() -> None:
    steps: list[Reduction] = list(reductions("(map (+ 1) '(1 2))"))
    for before, after in pairwise(steps):
        assert before.result == after.term
    assert steps[-1].result == parse_term("'(2 3)")


def test_a_term_without_a_normal_form_goes_on() -> None:
    omega = "((fn [x] (x x)) (fn [x] (x x)))"
    assert len(list(islice(reductions(omega), 1_000))) == 1_000


def test_deep_terms() -> None:
    source = "(fn [x] " * 1_000 + "((fn [y] y) x)" + ")" * 1_000
    (step,) = reductions(source)
    assert step.redex == parse_term("((fn [y] y) x)")
