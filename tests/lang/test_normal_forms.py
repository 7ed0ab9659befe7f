"""What holds of all normal forms, and of large ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.normal.definitions import top_level
from neurallambda.lang.normal.reduce import Reducer, delay
from neurallambda.lang.normalize import normalize
from neurallambda.lang.prelude import prelude
from neurallambda.lang.substitute import free_names
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Define, Function, List, Program, Term, Variable
from tests.alpha import alpha_equivalent
from tests.lang.naive import from_term, normal_form
from tests.strategies import alpha_variants, lambda_terms, programs, terms

CHURCH = """(def two (fn [f x] (f (f x)))) (def five (fn [f x] (f (f (f (f (f x)))))))
(defn times [m n f] (m (n f))) (defn power [m n] (n m))"""


@given(lambda_terms())
def test_agrees_with_the_textbook(term: Term) -> None:
    expected = normal_form(from_term(term), max_steps=100)
    if expected is not None:
        found = normalize(term)
        assert from_term(found) == expected
        assert normalize(found) == found
        assert parse_term(to_text(found)) == found


@given(terms() | programs())
def test_any_term_has_a_normal_form_that_stays_or_ends_in_an_error(term: Term) -> None:
    try:
        found = normalize(term, max_steps=5_000)
    except ProgramError:
        return
    assert parse_term(to_text(found)) == found
    if not isinstance(term, Program):  # a normal form may name the definitions of its program
        assert normalize(found) == found


@given(st.data(), lambda_terms() | programs())
def test_names_of_binders_do_not_matter(data: st.DataObject, term: Term) -> None:
    variant = data.draw(alpha_variants(term))
    outcomes = []
    for same in (term, variant):
        try:
            outcomes.append(normalize(same, max_steps=5_000))
        except ProgramError as error:
            outcomes.append(error.kind)
    first, second = outcomes
    if isinstance(first, Term) and isinstance(second, Term):
        assert alpha_equivalent(first, second)
    else:
        assert first == second


@given(programs())
def test_what_evaluates_has_that_value_as_normal_form(program: Program) -> None:
    outcome = evaluate(program)
    if outcome.term is None:
        return
    definitions = tuple(form for form in program.forms if isinstance(form, Define))
    value = Program((*definitions, outcome.term))
    if free_names(value) <= prelude().keys():  # a function of a `letrec` names the others, which are not there now
        assert alpha_equivalent(normalize(program), normalize(value))


def test_an_argument_is_reduced_once() -> None:
    loop = "(defn loop [n] (if (= n 0) a (loop (- n 1)))) "
    once = f"{loop} ((fn [x] (f x)) (loop 200))"
    often = f"{loop} ((fn [x] '(x (f x) (fn [y] (x y)) x)) (loop 200))"
    assert to_text(normalize(once, max_steps=1_500)) == "(f a)"
    assert to_text(normalize(often, max_steps=1_500)) == "'(a (f a) (fn [y] (a y)) a)"


@pytest.mark.parametrize(
    "source",
    [
        "(defn loop [n] (if (= n 0) 0 (loop (- n 1)))) (loop 1000)",
        "(defn loop [k n] (if (= n 0) 0 (k k (- n 1)))) (loop loop 1000)",
        "(defn loop [ks n] (if (= n 0) 0 ((car ks) ks (- n 1)))) (loop (cons loop '()) 1000)",
    ],
)
def test_a_loop_of_tail_calls_needs_no_stack(source: str) -> None:
    program = parse(source)
    reducer = Reducer(max_steps=1_000)
    with pytest.raises(ProgramError):
        reducer.weak_head(delay(program.forms[-1], top_level(program.forms)))
    assert len(reducer.stack) < 10


@pytest.mark.parametrize("start", ["x", "(g x)", "(fn [y] x)"])
def test_shared_parts_stay_shared(start: str) -> None:
    doubled = "".join(" a '(a a)" for _ in range(60))
    found: Term = normalize(f"(fn [x] (let [a {start}{doubled}] a))")
    assert isinstance(found, Function)
    found = found.body
    for _ in range(60):
        assert isinstance(found, List)
        first, second = found.items
        assert first is second or isinstance(first, Variable)
        found = first
    assert to_text(found) in (start, "(fn [y] x)")


def test_church_arithmetic() -> None:
    assert to_text(normalize(f"{CHURCH} (power two (times two five) inc 0)")) == "1024"
    numeral = normalize(f"{CHURCH} (power two (times two five))")
    assert alpha_equivalent(numeral, parse_term("(fn [f x] " + "(f " * 1_024 + "x" + ")" * 1_025))


DEEP = 2_000


@pytest.mark.parametrize(
    ("opening", "inside", "closing", "expected"),
    [
        ("((fn [x] x) ", "y", ")", "y"),
        ("(+ 1 ", "0", ")", str(DEEP)),
        ("(+ 1 ", "x", ")", None),
        ("(f ", "x", ")", None),
        ("(", "f", " x)", "(f" + " x" * DEEP + ")"),
        ("(", "f", ")", None),
        ("'(", "x", ")", None),
        ("(fn [x] ", "x", ")", None),
        ("(fn [] ", "x", ")", None),
        ("(if x 1 ", "x", ")", None),
        ("(if ", "x", " 1 2)", None),
        ("(or x ", "x", ")", None),
        ("(cond x 1 else ", "x", ")", None),
        ("(let [x ", "y", "] (f x))", "(f " * DEEP + "y" + ")" * DEEP),
    ],
)
def test_deep_nesting(opening: str, inside: str, closing: str, expected: str | None) -> None:
    source = opening * DEEP + inside + closing * DEEP
    assert to_text(normalize(parse_term(source))) == (expected or source)


def test_ten_thousand_deep() -> None:
    opening = "(f (fn [x] '((if a 1 (and b (or c (cond d 1 else (fn [] ((fn [z] (g z)) "
    closing = ")" * (opening.count("(") - opening.count(")"))
    expected = opening.replace("((fn [z] (g z))", "(g") * 1_200 + "x" + closing * 1_200
    assert to_text(normalize(parse_term(opening * 1_200 + "x" + closing * 1_200))) == expected


def test_deep_reduction() -> None:
    assert to_text(normalize("(length (range 0 2000))")) == "2000"
