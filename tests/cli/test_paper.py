"""`normalize --trace`: the term before every reduction, the redex marked, the rule beside it."""

from rich.cells import cell_len

from tests.cli.conftest import Call


def test_each_term_with_its_redex_underlined(call: Call) -> None:
    called = call("normalize", "--trace", "((fn [x y] (+ y x)) 1 2)")
    assert (called.code, called.stdout) == (0, "3\n")
    assert called.stderr.splitlines() == [
        "  0  ((fn [x y] (+ y x)) 1 2)",
        "     ^^^^^^^^^^^^^^^^^^^^^^^^  β  x := 1",
        "  1  ((fn [y] (+ y 1)) 2)",
        "     ^^^^^^^^^^^^^^^^^^^^  β  y := 2",
        "  2  (+ 2 1)",
        "     ^^^^^^^  δ  +",
        "  3  3",
        "",
    ]


def test_under_wide_characters(call: Call) -> None:
    called = call("normalize", "--trace", "(变量 ((fn [x] x) 值))")
    term, under, *_ = called.stderr.splitlines()
    redex = "((fn [x] x) 值)"
    assert cell_len(term[: term.index(redex)]) == under.index("^")
    assert under.count("^") == cell_len(redex)


def test_a_long_term_has_marks_around_its_redex(call: Call) -> None:
    called = call("normalize", "--trace", f"'({'1 ' * 100}(+ 1 2) {'4 ' * 100})")
    assert " 1 «(+ 1 2)» 4 " in called.stderr
    assert "^" not in called.stderr


def test_a_term_in_normal_form_and_errors(call: Call) -> None:
    assert call("normalize", "--trace", "(f x)").stdout == "(f x)\n"
    called = call("normalize", "--trace", "(+ 1 (car 1))")
    assert (called.code, called.stdout) == (1, "")
    assert "\nnot-a-pair: line 1, column 6: `car` was given 1" in "\n" + called.stderr
    assert call("normalize", "--trace", "(f").code == 2


def test_no_end(call: Call) -> None:
    called = call("normalize", "--trace", "--max-steps", "3", "((fn [x] (x x)) (fn [x] (x x)))")
    assert (called.code, called.stdout) == (1, "")
    assert "  3  …" in called.stderr
    assert called.stderr.splitlines()[-1].startswith("out-of-steps: ")


def test_a_term_that_explodes(call: Call) -> None:
    called = call("normalize", "--trace", "((fn [x] (x x x)) (fn [x] (x x x)))")
    assert called.code == 1
    assert "Traceback" not in called.stderr
