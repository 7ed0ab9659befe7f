"""Normal forms."""

import pytest

from neurallambda.errors import ErrorKind, ProgramError, SourceError
from neurallambda.lang.normalize import normalize
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.syntax.printer import to_text
from tests.alpha import alpha_equivalent
from tests.programs import ENDLESS_PROGRAMS, HOLE_PROGRAMS, LONG_PROGRAMS, PROGRAMS, Example

FACTORIAL = "(defn fact [n] (if (< n 2) 1 (* n (fact (- n 1)))))"


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


def test_a_list_gives_how_each_ended_as_run_does() -> None:
    good, bad, endless = normalize(["((fn [x y] x) y)", "(car 1)", "(letrec [f (fn [n] (f n))] (f 1))"], max_steps=50)
    assert (str(good), good.steps) == ("(fn [y1] y)", 1)
    assert (bad.error, bad.term) == (ErrorKind.NOT_A_PAIR, None)
    assert (endless.error, endless.steps) == (ErrorKind.OUT_OF_STEPS, 50)
    with pytest.raises(ProgramError, match="not-a-pair"):
        normalize("(car 1)")
