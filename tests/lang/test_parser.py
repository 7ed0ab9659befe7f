"""The parser: what it builds, what it refuses and in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import SourceError
from neurallambda.lang.syntax.brackets import MAX_CHARACTERS, MAX_NESTING, is_incomplete
from neurallambda.lang.syntax.build import MAX_DIGITS
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import (
    KEYWORDS,
    PRIMITIVES,
    And,
    Apply,
    Boolean,
    Cond,
    Define,
    Function,
    Hole,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Or,
    Position,
    Primitive,
    Program,
    Term,
    Variable,
)
from tests.programs import HOLE_PROGRAMS, LONG_PROGRAMS, PROGRAMS, Example

ONE, TWO, X = Integer(1), Integer(2), Variable("x")


@pytest.mark.parametrize(
    ("source", "term"),
    [
        ("1", ONE),
        ("-12", Integer(-12)),
        ("true", Boolean(True)),
        ("x", X),
        ("?x", Hole("x")),
        ("+", Primitive("+")),
        ("'()", List()),
        ("'(1 x)", List((ONE, X))),
        ("' ( 1 )", List((ONE,))),
        ("(x)", Apply(X, ())),
        ("(x 1 2)", Apply(X, (ONE, TWO))),
        ("((x 1) 2)", Apply(X, (ONE, TWO))),
        ("((x) 1)", Apply(Apply(X, ()), (ONE,))),
        ("((x 1))", Apply(Apply(X, (ONE,)), ())),
        ("(fn [] 1)", Function((), ONE)),
        ("(fn [x y] 1)", Function(("x", "y"), ONE)),
        ("(fn [x] (fn [y z] 1))", Function(("x", "y", "z"), ONE)),
        ("(fn [x] (fn [x] 1))", Function(("x",), Function(("x",), ONE))),
        ("(fn [x] (fn [y] (fn [x] 1)))", Function(("x",), Function(("y", "x"), ONE))),
        ("(fn [x] (fn [] 1))", Function(("x",), Function((), ONE))),
        ("(fn [] (fn [x] 1))", Function((), Function(("x",), ONE))),
        ("(if x 1 2)", If(X, ONE, TWO)),
        ("(let [x 1 y x] 2)", Let((("x", ONE), ("y", X)), TWO)),
        ("(let [x 1 x 2] x)", Let((("x", ONE), ("x", TWO)), X)),
        ("(letrec [f (fn [x] 1)] 2)", LetRec((("f", Function(("x",), ONE)),), TWO)),
        ("(and)", And(())),
        ("(and x 1)", And((X, ONE))),
        ("(or x)", Or((X,))),
        ("(cond x 1 else 2)", Cond(((X, ONE),), TWO)),
    ],
)
def test_term(source: str, term: Term) -> None:
    assert parse_term(source) == term
    assert parse(source) == Program((term,))


def test_definitions() -> None:
    program = parse("(def a 1) (defn f [x] (fn [y] 2)) (defn g [] 1) a")
    f, g = Function(("x", "y"), TWO), Function((), ONE)
    assert program == Program((Define("a", ONE), Define("f", f), Define("g", g), Variable("a")))
    assert parse("(def f (fn [x] (fn [y] 2)))").forms[0] == Define("f", f)


def test_a_program_may_be_empty_or_hold_definitions_only() -> None:
    assert parse(" ; nothing\n") == Program(())
    assert parse("(def a 1)") == Program((Define("a", ONE),))


def test_positions() -> None:
    call = parse_term("\n  (f 1\n    'a'(2))".replace("'a'", "'"))
    assert isinstance(call, Apply)
    assert [call.at, call.function.at, *(argument.at for argument in call.arguments)] == [
        Position(2, 3),
        Position(2, 4),
        Position(2, 6),
        Position(3, 5),
    ]


def test_merged_terms_start_where_the_outermost_did() -> None:
    assert parse_term("  ((f 1) 2)").at == parse_term("  (fn [x] (fn [y] 1))").at == Position(1, 3)


@pytest.mark.parametrize("word", sorted(PRIMITIVES))
def test_every_primitive_is_known_and_reserved(word: str) -> None:
    assert parse_term(word) == Primitive(word)
    assert parse_term(f"({word}x? 1)" if word.isalpha() else "(x? 1)") is not None
    _refuses(f"(fn [x {word}] 1)", 1, 8, f"`{word}`", "primitive", "cannot be bound")


@pytest.mark.parametrize("word", KEYWORDS)
def test_every_keyword_is_reserved(word: str) -> None:
    for source in (f"(fn [{word}] 1)", f"(let [{word} 1] 2)", f"(letrec [{word} (fn [] 1)] 2)"):
        _refuses(source, 1, source.index(word, 4) + 1, f"`{word}`", "keyword", "cannot be bound")
    _refuses(f"(def {word} 1)", 1, 6, f"`{word}`", "keyword", "cannot be bound")


@pytest.mark.parametrize("name", ["é", "λ", "_", "a1", "x'"[:1], "fnord", "iff", "mod2", "not=", "a?!*<>=+/-", "true?"])
def test_names(name: str) -> None:
    assert parse_term(name) == Variable(name)


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("(fn [x) x)", 1, 7, ["a closing ]", "[ opened at line 1, column 5", "got )"]),
        ("(f\n  (g 1]", 2, 7, ["a closing )", "( opened at line 2, column 3", "got ]"]),
        ("(f\n  (g 1)", 1, 1, ["( is never closed", "a closing )"]),
        ("(f\n  (g 1", 2, 3, ["( is never closed", "1 more"]),
        ("(f ; )", 1, 1, ["never closed"]),
        ("1 )", 1, 3, ["closes nothing"]),
        ("()", 1, 2, ["an expression", "got )", "'()"]),
        ("[1 2]", 1, 1, ["an expression", "got [", "'( )"]),
        ("(if 1 2)", 1, 8, ["an expression", "got )"]),
        ("(if 1 2 3 4)", 1, 11, ["a closing )", "`4`"]),
        ("(fn [x] 1 2)", 1, 11, ["a closing )", "`2`"]),
        ("(fn x x)", 1, 5, ["an opening [", "`x`"]),
        ("(fn [1] x)", 1, 6, ["a name", "a closing ]", "`1`"]),
        ("(let [x] x)", 1, 8, ["an expression", "got ]"]),
        ("(letrec [f 1] f)", 1, 12, ["an opening (", "`1`", "functions only"]),
        ("(letrec [f (if 1 2 3)] f)", 1, 13, ["`fn`", "`if`", "functions only"]),
        ("(cond 1 2)", 1, 10, ["`else`", "got )"]),
        ("(f else)", 1, 4, ["`else`", "cond"]),
        ("(f fn)", 1, 4, ["`fn`", "right after an opening ("]),
        ("(f (def x 1))", 1, 5, ["`def`", "top level"]),
        ("(def f)", 1, 7, ["an expression", "got )"]),
        ("'x", 1, 2, ["an opening (", "`x`", "lists only"]),
        ("1 '", 1, 4, ["an opening (", "the end of the text"]),
        ("1a", 1, 1, ["`1a`", "neither an integer nor a name"]),
        ("(+1 2)", 1, 2, ["`+1`", "neither an integer nor a name"]),
        ("1.5", 1, 1, ["`1.5`"]),
        ("?", 1, 1, ["`?`", "a name after the ?"]),
        ("(f x\x00)", 1, 4, ["no name may contain", "U+0000"]),
        ("\ud800", 1, 1, ["no name may contain", "U+D800"]),
        ("(fn [x y x] 1)", 1, 10, ["`x`", "line 1, column 6"]),
        ("(defn f [x x] 1)", 1, 12, ["`x`", "line 1, column 10"]),
        ("(letrec [f (fn [] 1) f (fn [] 1)] 1)", 1, 22, ["`f`", "line 1, column 10"]),
        ("(def a 1)\n(defn a [] 2)", 2, 7, ["`a`", "line 1, column 6"]),
    ],
)
def test_refusal(source: str, line: int, column: int, words: list[str]) -> None:
    _refuses(source, line, column, *words)


def test_one_expression_is_wanted() -> None:
    for source, column, words in [
        ("", 1, "an expression"),
        ("1 2", 3, "the end of the text"),
        ("(def x 1)", 2, "`def`"),
    ]:
        with pytest.raises(SourceError, match=words) as caught:
            parse_term(source)
        assert caught.value.column == column


def test_message_shows_the_line_with_a_caret_under_the_place() -> None:
    with pytest.raises(SourceError) as caught:
        parse("(f 1)\n\t(g ()) ; tab")
    assert str(caught.value).splitlines()[1:] == ["   (g ()) ; tab", "       ^"]


@pytest.mark.parametrize("place", [0, 100, 500, 999])
def test_long_lines_are_cut_around_the_place(place: int) -> None:
    with pytest.raises(SourceError) as caught:
        parse(" " * place + "@" + " " * (999 - place))
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) < 100
    assert shown[len(caret) - 1] == "@"


DEEP = 2_000


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("(", " y)"),
        ("(x ", ")"),
        ("'(", ")"),
        ("(fn [x] ", ")"),
        ("(fn [] ", ")"),
        ("(if x 1 ", ")"),
        ("(if ", " 1 2)"),
        ("(let [x ", "] x)"),
        ("(let [x 1] ", ")"),
        ("(letrec [f (fn [x] ", ")] f)"),
        ("(letrec [f (fn [x] x)] ", ")"),
        ("(and x ", ")"),
        ("(or ", " x)"),
        ("(cond 1 2 else ", ")"),
        ("(cond ", " 1 else 2)"),
    ],
)
def test_deep_nesting(opening: str, closing: str) -> None:
    depth = DEEP // opening.count("(")
    source = opening * depth + "x" + closing * depth
    term = parse_term(source)
    again = parse_term(to_text(term, width=80))
    assert to_text(again) == to_text(term)
    assert again == term
    assert hash(again) == hash(term)


def test_ten_thousand_deep() -> None:
    opening = "(f (fn [x] '((if a 1 (let [y (letrec [g (fn [z] (and b (or c (cond d 1 else ((fn [] "
    closing = "))))))] g)] y)))))"
    source = opening * 720 + "x" + closing * 720
    term = parse_term(source)
    again = parse_term(to_text(term))
    assert again == term
    assert hash(again) == hash(term)
    assert parse_term(to_text(term, width=80)) == term


def test_deep_functions_and_calls_merge_in_linear_time() -> None:
    names = [f"x{index}" for index in range(DEEP)]
    function = parse_term("".join(f"(fn [{name}] " for name in names) + "1" + ")" * DEEP)
    assert function == Function(tuple(names), ONE)
    assert parse_term("(" * DEEP + "x" + " 1)" * DEEP) == Apply(X, (ONE,) * DEEP)


def test_nesting_has_a_limit() -> None:
    assert parse_term("'" + "(" + "'(" * (MAX_NESTING - 1) + ")" * MAX_NESTING) is not None
    _refuses("(" * 900_000, 1, MAX_NESTING + 1, "nest", f"{MAX_NESTING:,}")


def test_length_has_a_limit_that_counts_no_blanks_or_comments() -> None:
    assert parse(" " * MAX_CHARACTERS + "1\n;" + "(" * MAX_CHARACTERS) == Program((ONE,))
    with pytest.raises(SourceError, match=f"10,000,000 characters of code, and at most {MAX_CHARACTERS:,}") as caught:
        parse("(" * 10_000_000)
    assert caught.value.line == 0


def test_integers_of_any_reasonable_size() -> None:
    digits = "1234567890" * 1_000
    value = parse_term(f"-{digits}")
    assert isinstance(value, Integer)
    assert value.value % 10**10 == -1234567890 % 10**10
    assert to_text(value) == f"-{digits}"
    assert to_text(Integer(10**5_000)) == "1" + "0" * 5_000
    _refuses("(f " + "9" * (MAX_DIGITS + 1) + ")", 1, 4, f"{MAX_DIGITS + 1:,} digits", f"at most {MAX_DIGITS:,}")
    _refuses("9" * 999_999, 1, 1, "999,999 digits")


def test_many_items_are_read_in_one_list() -> None:
    assert parse_term("'(" + "1 " * 50_000 + ")") == List((ONE,) * 50_000)


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    _parses_or_refuses(data.decode("utf-8", errors="surrogateescape"))


@given(
    st.lists(
        st.sampled_from(["(", ")", "[", "]", "'", "fn", "if", "let", "x", "1", "?h", "def", "else", " ", ";", "\n"])
    )
)
def test_any_tokens_parse_or_are_refused(pieces: list[str]) -> None:
    _parses_or_refuses(" ".join(pieces))


@pytest.mark.parametrize("example", [*PROGRAMS, *LONG_PROGRAMS, *HOLE_PROGRAMS], ids=lambda example: example.name)
def test_table_round_trip(example: Example) -> None:
    program = parse(example.source)
    assert parse(to_text(program)) == program
    if example.value is not None:
        assert to_text(parse_term(example.value)) == example.value


def test_incomplete_text_waits_for_more() -> None:
    assert all(map(is_incomplete, ["(", "(fn [x]", "(f ; )", "'('("]))
    assert not any(map(is_incomplete, ["", "1", "(f)", ")", "(]", "(f))("]))


def _parses_or_refuses(source: str) -> None:
    try:
        program = parse(source)
    except SourceError as error:
        message = str(error)
        assert message.isprintable() or all(line.isprintable() for line in message.splitlines())
        message.encode()
    else:
        assert parse(to_text(program)) == program


def _refuses(source: str, line: int, column: int, *words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(source)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    assert str(error).startswith(f"line {line}, column {column}: ")
    assert error.__cause__ is None
    assert error.__context__ is None
    for word in words:
        assert word in str(error), str(error)
