"""Normal forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ErrorKind, ProgramError, SourceError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.normal.definitions import top_level
from neurallambda.lang.normal.reduce import Reducer, delay
from neurallambda.lang.normalize import normalize
from neurallambda.lang.parser import parse, parse_term
from neurallambda.lang.prelude import prelude
from neurallambda.lang.printer import to_text
from neurallambda.lang.substitute import free_names
from neurallambda.lang.terms import Define, Function, List, Program, Term, Variable
from tests.alpha import alpha_equivalent
from tests.lang.naive import from_term, normal_form
from tests.programs import ENDLESS_PROGRAMS, HOLE_PROGRAMS, LONG_PROGRAMS, PROGRAMS, Example
from tests.strategies import alpha_variants, lambda_terms, programs, terms

FACTORIAL = "(defn fact [n] (if (< n 2) 1 (* n (fact (- n 1)))))"
CHURCH = """(def two (fn [f x] (f (f x)))) (def five (fn [f x] (f (f (f (f (f x)))))))
(defn times [m n f] (m (n f))) (defn power [m n] (n m))"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("((fn [g f z] (g (f z))) (fn [y] '(y y y)) (fn [x] '(x x)))", "(fn [z] '('(z z) '(z z) '(z z)))"),
        ("(fn [x] ((fn [y] (f y)) x))", "(fn [x] (f x))"),
        ("(f ((fn [x] x) a) b)", "(f a b)"),
        ("((fn [x] (x x)) f)", "(f f)"),
        ("((fn [x y] x) a)", "(fn [y] a)"),
        ("((fn [x] y) ((fn [x] (x x)) (fn [x] (x x))))", "y"),
        ("(let [x a y (f x)] (g y x))", "(g (f a) a)"),
        ("(def a (f b)) (defn g [x] (x a)) (g h)", "(h (f b))"),
        ("1 2 (f 3)", "(f 3)"),
        ("(fn [] ((fn [x] x) y))", "(fn [] y)"),
        ("((fn [] (f x)))", "(f x)"),
        ("(x)", "(x)"),
        ("((fn [x] (f x)))", "(fn [x] (f x))"),
        ("((+ 1))", "(+ 1)"),
        ("(?op (+ 1 2) ?a)", "(?op 3 ?a)"),
    ],
)
def test_beta(source: str, expected: str) -> None:
    assert to_text(normalize(source)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("((fn [x y] x) y)", "(fn [y1] y)"),
        ("((fn [x] (fn [y] (x y))) y)", "(fn [y1] (y y1))"),
        ("(fn [y] ((fn [x y] (x y)) y))", "(fn [y y1] (y y1))"),
        ("((fn [x y] (fn [y] (x y))) y z)", "(fn [y1] (y y1))"),
        ("((fn [x] (fn [y y1] (x y y1))) y)", "(fn [y2 y1] (y y2 y1))"),
        ("((fn [x] (fn [y y1] (x y y1))) y1)", "(fn [y y11] (y1 y y11))"),
        ("((fn [x] '((fn [y] x) (fn [y] y) (fn [y] (x y)))) y)", "'((fn [y1] y) (fn [y] y) (fn [y1] (y y1)))"),
        ("(fn [x] (fn [x] x))", "(fn [x] (fn [x] x))"),
        ("(fn [x] ((fn [y] (fn [x] x)) x))", "(fn [x] (fn [x] x))"),
        ("(fn [x] ((fn [y] (fn [x] y)) x))", "(fn [x x1] x)"),
        (
            "(fn [x] ((fn [y] (fn [x] (fn [x] (y x)))) x))",
            "(fn [x x1 x2] (x x2))",
        ),
        ("((fn [f] (fn [xs] (f (length xs)))) length)", "(fn [xs] (length (length xs)))"),
        ("((fn [f length] (f length)) (fn [z] '(z (sum z))))", "(fn [length] '(length (sum length)))"),
        ("((fn [f sum] (f sum)) (fn [z] '(z (sum z))))", "(fn [sum1] '(sum1 (sum sum1)))"),
        (
            "((fn [x y] (letrec [y1 (fn [n] (if n x (y1 y)))] (y1 y))) y)",
            "(fn [y2] (letrec [y1 (fn [n] (if n y (y1 y2)))] (y1 y2)))",
        ),
    ],
)
def test_binders_are_renamed_only_where_a_clash_would_capture(source: str, expected: str) -> None:
    assert to_text(normalize(source)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(fn [x] (+ x (* 2 3)))", "(fn [x] (+ x 6))"),
        ("(+ (+ 1 2) x)", "(+ 3 x)"),
        ("(+ true x)", "(+ true x)"),
        ("(car (cons x y))", "x"),
        ("(cdr (cons x y))", "y"),
        ("(car (cdr '(x y z)))", "y"),
        ("(cons x '())", "'(x)"),
        ("(cons 1 (cons x '(2)))", "'(1 x 2)"),
        ("(cons 1 (cons 2 x))", "(cons 1 (cons 2 x))"),
        ("(cons x)", "(cons x)"),
        ("(car x)", "(car x)"),
        ("'((empty? '(x)) (listp (cons x y)) (empty? (fn [x] x)) (listp x))", "'(false true false (listp x))"),
        ("'((= '() '(x)) (= x '()) (= '() (+ 1)))", "'(false (= x '()) false)"),
        ("(not (< x 1))", "(not (< x 1))"),
        ("(if x (+ 1 1) (car '(y)))", "(if x 2 y)"),
        ("(if (if true x y) 1 2)", "(if x 1 2)"),
        ("(and true x (and true y))", "(and x (and y))"),
        ("(and x false 1)", "(and x false 1)"),
        ("(or false x (+ 1 2))", "(or x 3)"),
        ("(or x)", "(or x)"),
        ("(cond false 1 x (+ 1 1) y 3 else (+ 2 2))", "(cond x 2 y 3 else 4)"),
        ("(cond x 1 else ((fn [y] y) 2))", "(cond x 1 else 2)"),
        ("((if x + -) (+ 1 1) 2)", "((if x + -) 2 2)"),
    ],
)
def test_rules_apply_where_operands_are_values(source: str, expected: str) -> None:
    assert to_text(normalize(source)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{FACTORIAL} (fact 5)", "120"),
        (f"{FACTORIAL} (fact n)", "(fact n)"),
        (f"{FACTORIAL} (fn [n] (fact (+ n (+ 1 1))))", "(fn [n] (fact (+ n 2)))"),
        (f"{FACTORIAL} fact", "(fn [n] (if (< n 2) 1 (* n (fact (- n 1)))))"),
        ("(defn f [c n] (if (= n 0) c (f c (- n 1)))) (f x 3)", "x"),
        ("(defn choose [c a b] (if c a b)) (defn f [n] (choose (= n 0) 1 (f (- n 1)))) (f n)", "(f n)"),
        ("(defn f [n] (and (> n 0) (f (- n 1)))) (f n)", "(f n)"),
        ("(defn f [] (if x 1 (f))) (f)", "(f)"),
        (
            "(defn e [n] (if (= n 0) true (o (- n 1)))) (defn o [n] (if (= n 0) false (e (- n 1)))) '((e 7) (e n))",
            "'(false (e n))",
        ),
        ("(length (cons 1 (cons x xs)))", "(+ 1 (+ 1 (length xs)))"),
        ("(map f '(1 2))", "'((f 1) (f 2))"),
        ("(map f (cons 1 xs))", "(cons (f 1) (map f xs))"),
        ("(foldr f z '(1 2))", "(f 1 (f 2 z))"),
        ("(foldl f z (cons 1 (cons 2 xs)))", "(foldl f (f (f z 1) 2) xs)"),
        ("(foldl max 0 '(a))", "(if (< 0 a) a 0)"),
        (
            "(defn f [xs n] (if (empty? xs) n (f (cdr xs) (if (p (car xs)) (+ n 1) n)))) (f '(1 2) 0)",
            "(if (p 2) (+ (if (p 1) 1 0) 1) (if (p 1) 1 0))",
        ),
        ("(foldr (fn [a b] (if a b 0)) 1 '(p q))", "(if p (if q 1 0) 0)"),
        ("(defn f [xs] (+ 1 (if (empty? xs) 0 (f (cdr xs))))) '((f '(1 2)) (f xs))", "'(3 (f xs))"),
        ("(defn f [xs] (not (if (empty? xs) false (f (cdr xs))))) '((f '(1)) (f xs))", "'(false (f xs))"),
        ("(defn f [b n] (if (= n 0) (+ b 1) (f (if (p n) n b) (- n 1)))) (f 0 1)", "(+ (if (p 1) 1 0) 1)"),
        ("(defn f [ps n] (if (= n 0) (car ps) (f '((if (p n) n 0)) (- n 1)))) (f '() 1)", "(if (p 1) 1 0)"),
        ("(defn f [k n] (if (= n 0) (k n) (f k (- n 1)))) (f (fn [n] (if (p n) 1 n)) 3)", "(if (p 0) 1 0)"),
        ("(defn f [xs] ((if (empty? xs) const f) (cdr xs))) (f xs)", "(f xs)"),
        (
            "(fn [k] (letrec [f (fn [n] (if (= n k) 0 (f (+ n 1))))] (f 0)))",
            "(fn [k] (letrec [f (fn [n] (if (= n k) 0 (f (+ n 1))))] (f 0)))",
        ),
        ("(letrec [f (fn [n] (if (= n 0) 0 (f (- n 1))))] (f 3))", "0"),
        (
            "(letrec [f (fn [n] (if (= n 0) x (g n))) g (fn [n] (f (- n 1))) h (fn [n] n)] (g (h m)))",
            "(letrec [f (fn [n] (if (= n 0) x (g n))) g (fn [n] (f (- n 1)))] (f (- m 1)))",
        ),
        ("(letrec [f (fn [a] (if a b (f a)))] (fn [f] (f1 f)))", "(fn [f] (f1 f))"),
        (
            "(letrec [f (fn [a] (if a b (f a)))] (fn [f1 b1] (f f1)))",
            "(fn [f1 b1] (letrec [f (fn [a] (if a b (f a)))] (f f1)))",
        ),
        (
            "(defn length [xs] 0) '((length 5) (count even? xs) (enumerate '()))",
            "'(0 (count (fn [n] (= (mod n 2) 0)) xs) '())",
        ),
        (
            "(defn reverse-onto [x] x) (reverse xs)",
            "(letrec [reverse-onto (fn [xs ys] (if (empty? xs) ys (reverse-onto (cdr xs) (cons (car xs) ys))))]"
            " (reverse-onto xs '()))",
        ),
        ("(def ones (cons 1 ones)) (take 3 ones)", "'(1 1 1)"),
    ],
)
def test_recursive_functions_unfold_as_far_as_they_can_decide(source: str, expected: str) -> None:
    assert to_text(normalize(source)) == expected


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("(car 1)", ErrorKind.NOT_A_PAIR),
        ("(1 x)", ErrorKind.NOT_A_FUNCTION),
        ("(1)", ErrorKind.NOT_A_FUNCTION),
        ("((fn [] 1) x)", ErrorKind.NOT_A_FUNCTION),
        ("(+ 1 2 3)", ErrorKind.NOT_A_FUNCTION),
        ("(if 3 x y)", ErrorKind.NOT_A_BOOLEAN),
        ("(and 1)", ErrorKind.NOT_A_BOOLEAN),
        ("(cond false 1 '() 2 else 3)", ErrorKind.NOT_A_BOOLEAN),
        ("(+ 1 (fn [x] x))", ErrorKind.NOT_AN_INTEGER),
        ("(= 1 true)", ErrorKind.NOT_AN_INTEGER),
        ("(mod 1 0)", ErrorKind.DIVISION_BY_ZERO),
        ("(f x (car '()))", ErrorKind.NOT_A_PAIR),
        ("'(1 (car '()))", ErrorKind.NOT_A_PAIR),
        ("(+ x (car '()))", ErrorKind.NOT_A_PAIR),
        ("(cons x (car '()))", ErrorKind.NOT_A_PAIR),
        ("(if (f (car '())) 1 2)", ErrorKind.NOT_A_PAIR),
        ("(defn f [n] (if 1 n (f n))) (f x)", ErrorKind.NOT_A_BOOLEAN),
    ],
)
def test_errors_end_it_where_call_by_value_would_meet_them(source: str, kind: ErrorKind) -> None:
    with pytest.raises(ProgramError) as caught:
        normalize(source)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    "source",
    [
        "(fn [x] (car 1))",
        "(fn [] (1 2))",
        "(if x (car '()) (+ 1 true))",
        "(and x (+ 1 true))",
        "(cond x (car 1) (if 3 1 2) 2 else (1))",
        "(fn [x] (+ (car 1) x))",
        "(f (fn [x] (if 3 x 1)))",
    ],
)
def test_wrong_applications_that_may_never_be_met_stay(source: str) -> None:
    assert to_text(normalize(source)) == source


def test_the_leftmost_error_comes_before_endless_reduction() -> None:
    omega = "((fn [x] (x x)) (fn [x] (x x)))"
    for source in (f"(+ (car 1) {omega})", f"'((car 1) {omega})", f"(f (car 1) {omega})"):
        with pytest.raises(ProgramError) as caught:
            normalize(source, max_steps=1_000)
        assert caught.value.kind is ErrorKind.NOT_A_PAIR


@pytest.mark.parametrize(
    "source",
    [
        "((fn [x] (x x)) (fn [x] (x x)))",
        "((fn [x] (x x x)) (fn [x] (x x x)))",
        "((fn [x] (f (x x))) (fn [x] (f (x x))))",
        "(fn [y] ((fn [x] (x x)) (fn [x] (x x))))",
        "(defn f [x] (f x)) (f 1)",
        "(defn f [x] (g (f x))) (f 1)",
        "(def x (+ x 1)) x",
        "(def pair (cons (fn [x] pair) 1)) pair",
        "(letrec [f (fn [x] f)] f)",
    ],
)
def test_no_normal_form(source: str) -> None:
    with pytest.raises(ProgramError, match="within 2,000 steps") as caught:
        normalize(source, max_steps=2_000)
    assert (caught.value.kind, caught.value.steps) == (ErrorKind.OUT_OF_STEPS, 2_000)


@pytest.mark.parametrize("source", ["(def ones (cons 1 ones)) ones", "(def nest '(1 nest)) nest", "(def f (g f)) f"])
def test_values_without_end_are_found_out_at_once(source: str) -> None:
    with pytest.raises(ProgramError, match="contains itself") as caught:
        normalize(source, max_steps=10**12)
    assert caught.value.kind is ErrorKind.OUT_OF_STEPS
    assert caught.value.steps < 10


def test_a_program_needs_an_expression() -> None:
    with pytest.raises(SourceError, match="definitions only"):
        normalize("(def x 1)")


def test_terms_and_programs_are_taken_as_well_as_text() -> None:
    assert normalize(parse("(def a 1) (f a)")) == normalize(parse_term("(f 1)")) == parse_term("(f 1)")


@pytest.mark.parametrize(
    "example", [e for e in (*PROGRAMS, *LONG_PROGRAMS, *HOLE_PROGRAMS) if e.value is not None], ids=lambda e: e.name
)
def test_table_values(example: Example) -> None:
    assert example.value is not None
    found = normalize(example.source)
    if not example.holes:
        assert alpha_equivalent(found, normalize(example.value))


# Normal order does not reduce what is not used, and finds a wrong function before it looks at the argument.
LAZY = {
    "error in an argument not used": "1",
    "error in a value not used": "1",
    "error in an earlier expression": "1",
    "error in one branch": "1",
    "argument before the call": ErrorKind.NOT_A_FUNCTION,
    "endless argument": "1",
}
OUTSIDE = {ErrorKind.UNBOUND, ErrorKind.OVERFLOW}
"""Free variables are allowed, and integers have no range."""


@pytest.mark.parametrize(
    "example",
    [e for e in (*PROGRAMS, *ENDLESS_PROGRAMS) if e.error is not None and e.error not in OUTSIDE],
    ids=lambda e: e.name,
)
def test_table_errors(example: Example) -> None:
    try:
        found = to_text(normalize(example.source, max_steps=3_000))
    except ProgramError as error:
        found = error.kind
    assert found == LAZY.get(example.name, example.error)


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
