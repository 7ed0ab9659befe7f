"""The prelude and the linker."""

import pytest

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.prelude import link, prelude
from neurallambda.lang.substitute import free_names
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Define, Function, Program
from tests.programs import LONG_PROGRAMS, PROGRAMS

PROMISED = (
    "map filter foldl foldr append reverse length nth take drop range zip sum product member equal? any? all? "
    "compose identity const flip max min abs even? odd?"
)


def defined(program: Program) -> list[str]:
    return [form.name for form in program.forms if isinstance(form, Define)]


def test_everything_promised_is_there() -> None:
    assert set(PROMISED.split()) <= prelude().keys()


def test_every_definition_is_a_function_and_needs_only_the_prelude() -> None:
    for name, form in prelude().items():
        assert isinstance(form.value, Function), name
        assert free_names(form.value) <= prelude().keys(), name


def test_every_definition_is_in_the_table_of_programs() -> None:
    linked = {
        name
        for example in (*PROGRAMS, *LONG_PROGRAMS)
        if example.error is not ErrorKind.UNBOUND
        for name in defined(link(parse(example.source)))
    }
    assert prelude().keys() - linked == set()


def test_only_what_is_reached_is_linked() -> None:
    assert defined(link(parse("(+ 1 2)"))) == []
    assert defined(link(parse("(sum '(1))"))) == ["sum"]
    assert defined(link(parse("(defn f [x] (flatmap x)) 1"))) == ["append", "flatmap", "f"]


def test_unused_definitions_of_the_program_stay() -> None:
    program = parse("(defn f [x] x) (def a 1) 2")
    assert link(program) == program


def test_local_names_need_no_prelude() -> None:
    program = parse("(fn [map] (let [sum map length sum] (letrec [zip (fn [x] (zip length))] zip)))")
    assert link(program) == program


def test_a_hidden_prelude_function_keeps_its_callers() -> None:
    linked = link(parse("(defn append [a b] 0) (defn append1 [x] 1) (flatmap append '(1))"))
    assert to_text(Program(linked.forms[:2])) == (
        "(defn append2 [xs ys] (if (empty? xs) ys (cons (car xs) (append2 (cdr xs) ys)))) "
        "(defn flatmap [f xs] (if (empty? xs) '() (append2 (f (car xs)) (flatmap f (cdr xs)))))"
    )
    assert linked.forms[2:] == parse("(defn append [a b] 0) (defn append1 [x] 1) (flatmap append '(1))").forms


def test_linking_twice_changes_nothing() -> None:
    once = link(parse("(defn append [a b] 0) (sort (flatmap append '(1)))"))
    assert link(once) == once


def test_holes_are_left_alone() -> None:
    program = parse("(?op ?a 1)")
    assert link(program) == program


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("(fn [count1] countt)", ["`countt`", "line 1, column 14", "`count`"]),
        ("(+ 1\n   (lenght '()))", ["`lenght`", "line 2, column 5", "`length`"]),
        ("(fn [value] valeu)", ["`valeu`", "`value`"]),
        ("(defn total [x] x) (totl 1)", ["`total`"]),
        ("(emtpy? '())", ["`empty?`"]),
        ("(x (y zzzzz))", ["`x`", "line 1, column 2", "define it"]),
        ("((fn [zeta] 1) zetb)", ["`zetb`", "define it"]),
        ("(let [x y] y)", ["`y`", "line 1, column 9"]),
        ("(letrec [f (fn [x] (f (g x)))] (f y))", ["`g`", "line 1, column 24"]),
    ],
)
def test_unknown_names(source: str, words: list[str]) -> None:
    with pytest.raises(ProgramError) as caught:
        link(parse(source))
    assert caught.value.kind is ErrorKind.UNBOUND
    for word in words:
        assert word in str(caught.value)


def test_deep_programs_link() -> None:
    depth = 10_000
    program = parse("(let [x (fn [y] " * depth + "(length '())" + ")] x)" * depth)
    assert len(link(program).forms) == 2


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (
            "(sort-by (fn [a b] (> (car a) (car b))) (zip '(1 2 1 2 1) (range 0 5)))",
            "'('(2 1) '(2 3) '(1 0) '(1 2) '(1 4))",
        ),
        ("(sort-by > (range 0 40))", "'(" + " ".join(map(str, range(39, -1, -1))) + ")"),
        ("(sort (map (fn [n] (mod (* n 7) 40)) (range 0 40)))", "'(" + " ".join(map(str, range(40))) + ")"),
        ("(pow -2 11)", "-2048"),
        ("(pow 2 -1)", "0"),
        ("(pow 7 0)", "1"),
        ("'((gcd 0 0) (gcd 0 5) (lcm 0 3) (lcm -4 6))", "'(0 5 0 12)"),
        ("'((xor true true) (xor true false) (xor false true) (xor false false))", "'(false true true false)"),
        ("(map sign '(-5 0 5))", "'(-1 0 1)"),
        ("'((take -1 '(1)) (drop -1 '(1)) (repeat -1 0) (range 3 0))", "'('() '(1) '() '())"),
    ],
)
def test_corners(source: str, value: str) -> None:
    assert evaluate(source).text == value
