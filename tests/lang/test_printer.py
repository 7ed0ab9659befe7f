"""The printer: canonical text, the layout for people, and that both parse back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.lang.prelude import prelude
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Integer, List, Program, Term
from tests.alpha import alpha_equivalent
from tests.strategies import alpha_variants, any_programs, lambda_terms, programs, terms


@given(terms() | lambda_terms())
def test_round_trip(term: Term) -> None:
    assert parse_term(to_text(term)) == term


@given(any_programs() | programs())
def test_round_trip_of_programs(program: Program) -> None:
    text = to_text(program)
    assert parse(text) == program
    assert "\n" not in text


@given(any_programs() | programs(), st.integers(1, 60))
def test_round_trip_laid_out(program: Program, width: int) -> None:
    assert parse(to_text(program, width=width)) == program


@pytest.mark.parametrize(
    "text",
    [
        "'('(1 2) '(3))",
        "(fn [x y] x)",
        "(+ 1)",
        "(f)",
        "((f) 1)",
        "(fn [] 1)",
        "?hole",
        "(let [x 1 y 2] (letrec [f (fn [n] n)] (f x)))",
        "(cond a 1 b 2 else (and (or a b) c))",
        "(defn f [x y] x) (def g 1) (f g)",
    ],
)
def test_canonical_text(text: str) -> None:
    assert to_text(parse(text)) == text


def test_equal_programs_have_one_text() -> None:
    assert to_text(parse("( def f (fn[x](fn[y] ((x 007)y))) ) ; why")) == "(defn f [x y] (x 7 y))"


def test_layout() -> None:
    source = """
    (defn partition [p xs] (letrec [loop (fn [rest yes no] (cond (empty? rest) '((reverse yes) (reverse no))
    (p (car rest)) (loop (cdr rest) (cons (car rest) yes) no) else (loop (cdr rest) yes (cons (car rest) no))))]
    (loop xs '() '()))) (partition (fn [x] (and (> x 10) (< x 20) (not (= x 15)))) '(100 200 300 11 12 13 14 15 16))"""
    expected = """
(defn partition [p xs]
  (letrec [loop (fn [rest yes no]
                  (cond (empty? rest)
                          '((reverse yes) (reverse no))
                        (p (car rest))
                          (loop (cdr rest)
                                (cons (car rest) yes)
                                no)
                        else (loop (cdr rest)
                                   yes
                                   (cons (car rest) no))))]
    (loop xs '() '())))
(partition (fn [x] (and (> x 10) (< x 20) (not (= x 15))))
           '(100 200 300 11 12 13 14 15 16))"""
    assert to_text(parse(source), width=66) == expected.strip()


def test_layout_fills_lists() -> None:
    assert to_text(parse_term("'(1 22 333 4444 55555)"), width=12) == "'(1 22 333\n  4444\n  55555)"


def test_prelude_fits_its_width() -> None:
    text = to_text(Program(tuple(prelude().values())), width=80)
    assert max(map(len, text.splitlines())) <= 80


def test_layout_leaves_room_for_closing_brackets() -> None:
    text = to_text(parse_term("(f aaaa (g bbbb (h cccc dddd)))"), width=20)
    assert text.splitlines() == ["(f aaaa", "   (g bbbb", "      (h cccc", "         dddd)))"]


def test_layout_of_deep_terms_does_not_drift_right() -> None:
    text = to_text(parse_term("(f 1 " * 3_000 + "x" + ")" * 3_000), width=40)
    lines = text.splitlines()
    assert max(len(line) - len(line.lstrip()) for line in lines) <= 27


@pytest.mark.parametrize("width", [None, 80])
def test_shared_structure_is_refused_not_written_out(width: int | None) -> None:
    term: Term = Integer(1)
    for _ in range(60):
        term = List((term, term))
    for limit in (1_000, 100_000, 10**15):
        with pytest.raises(ArgumentError, match=f"more than {limit:,} nodes"):
            to_text(term, width=width, limit=limit)


def test_repr_is_the_text_where_that_is_reasonable() -> None:
    term: Term = Integer(1)
    assert repr(List((term,))) == "<List '(1)>"
    for _ in range(60):
        term = List((term, term))
    assert repr(term) == "<List of more than 100,000 nodes>"


def test_the_limit_is_exact() -> None:
    for count in (1, 100, 20_000):
        term = List((Integer(1),) * count)
        assert to_text(term, limit=count + 1).count("1") == count
        with pytest.raises(ArgumentError):
            to_text(term, limit=count)


@given(st.data(), programs())
def test_alpha_variants_are_alpha_equivalent(data: st.DataObject, program: Program) -> None:
    variant = data.draw(alpha_variants(program))
    assert alpha_equivalent(program, variant)
