"""Errors of running programs: what is said of them and where, the same on every engine."""

from random import Random

import pytest

from neurallambda.engines import Limits, make_engine
from neurallambda.errors import ErrorKind
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.lower import lower
from neurallambda.lang.normalize import normalize
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


OPEN = {
    "(+ x (+ 1 2 3))": ("`+` takes 2 and was given 3", 1, 6),
    "(+ x\n   (* 2 true))": ("`*` was given true, which is no integer", 2, 4),
    "(defn f [x y] x)\n'(u (f 1 2 3))": ("`f` takes 2 and was given 3", 2, 5),
    "(+ ((fn [] 3) 4) x)": ("the function takes 0 and was given 1", 1, 4),
    "'(x (car 5))": ("`car` was given 5, which is no pair", 1, 5),
    "(g (if 0 x y))": ("`if` was given 0, which is no boolean", 1, 8),
    "(g (and true 1))": ("`and` was given 1, which is no boolean", 1, 14),
    "(let [f 2] (g (f x)))": ("2 was called, which is no function", 1, 15),
    "(g (2))": ("2 was called, which is no function", 1, 4),
}


@pytest.mark.parametrize("source", OPEN)
def test_a_term_with_free_variables_is_told_its_place_too(source: str) -> None:
    (end,) = normalize([source])
    assert told(end) == OPEN[source]
    assert told(make_engine("beta").reduce(source)) == OPEN[source]
    assert end.excerpt.endswith("^")


def test_the_text_around_the_place_is_shown() -> None:
    assert evaluate("(+ 1 (car 5))").excerpt == "  (+ 1 (car 5))\n       ^"


ATOMS = ("1", "0", "true", "'()", "'(1 2)", "7", "(fn [x] x)", "+", "car")
FUNCTIONS = (
    *["+", "-", "*", "/", "mod", "<", "=", "not", "car", "cdr", "cons", "sum", "map", "length", "filter", "inc"],
    "(fn [a b] (+ a b))",
)


def careless(random: Random, depth: int) -> str:
    """An expression whose operands are of any kind."""
    if depth == 0 or random.random() < 0.2:
        return random.choice(ATOMS)
    parts = [careless(random, depth - 1) for _ in range(3)]
    if random.random() < 0.1:
        return f"(if {' '.join(parts)})"
    return f"({random.choice(FUNCTIONS)} {' '.join(parts[: random.choice((1, 2, 2, 3))])})"


def test_careless_programs_are_told_alike() -> None:
    sources = [careless(Random(seed), 3) for seed in range(400)]
    limits = Limits(max_steps=500)
    ends = [list(make_engine(name, limits=limits).run_all(sources)) for name in ("reference", "machine")]
    compared = 0
    for source, one, other in zip(sources, *ends, strict=True):
        assert isinstance(one, Outcome)
        assert isinstance(other, Outcome)
        if one.error or other.error:
            compared += 1
            assert (one.error, *told(one)) == (other.error, *told(other)), source
            assert one.line == 1, source
    assert compared > 200


@pytest.mark.slow
def test_careless_programs_are_told_alike_by_substitution() -> None:
    """Where a program ends in an error by substitution too, and fits; the order is another, so it need not meet any."""
    sources = [careless(Random(seed), 2) for seed in range(256)]
    limits = Limits(max_steps=300, cells=96)
    ends = [list(make_engine(name, limits=limits).run_all(sources)) for name in ("reference", "beta")]
    compared = 0
    for source, one, other in zip(sources, *ends, strict=True):
        assert isinstance(one, Outcome)
        assert isinstance(other, Outcome)
        if other.error not in (None, ErrorKind.OUT_OF_MEMORY, ErrorKind.OUT_OF_STEPS):
            compared += 1
            assert (one.error, *told(one)) == (other.error, *told(other)), source
    assert compared > 150
