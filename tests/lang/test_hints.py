"""What a message suggests to whoever writes another language, or makes a slip."""

import pytest
from rich.cells import cell_len

from neurallambda.errors import SourceError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.normalize import normalize
from neurallambda.lang.syntax.diagnostics import source_error
from neurallambda.lang.syntax.parser import parse


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("(cons 1 nil)", "the empty list is `'()`"),
        ("(mpa car '())", "did you mean `map`?"),
        ("(lenght '())", "did you mean `length`?"),
        ("(cosn 1 '())", "did you mean `cons`?"),
        ("(let [amount 1] amuont)", "did you mean `amount`?"),
        ("(fliter car '())", "did you mean `filter`?"),
        ("(list 1 2)", "a list is written `'(1 2 3)`"),
        ("(if True 1 2)", "the booleans are `true` and `false`"),
        (f"({'q' * 3000} 1)", "bind it, or define it"),
    ],
)
def test_names_that_mean_nothing(source: str, hint: str) -> None:
    assert hint in evaluate(source).message


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("'5", "5 needs no quote, and the list of it is '(5)"),
        ("(car 'true)", "true needs no quote"),
        ("'x", "there are no symbols"),
        ("(f '\n +)", "there are no symbols"),
        ("''(1)", "`'` quotes lists only"),
        ("(letrec [f 5] f)", "letrec binds functions only"),
    ],
)
def test_quotes(source: str, hint: str) -> None:
    with pytest.raises(SourceError, match=r"expected") as error:
        parse(source)
    assert hint in str(error.value)


@pytest.mark.parametrize("text", ["", "  \n", "; a comment"])
def test_the_empty_program(text: str) -> None:
    for use in (evaluate, normalize):
        with pytest.raises(SourceError, match=r"the program is empty; write an expression, such as \(\+ 1 2\)"):
            use(text)


@pytest.mark.parametrize("before", ["变量", "e\u0301e\u0301", "🙂", "한글", "\uff46\uff55", "x", "\t"])
def test_carets_stand_under_their_place(before: str) -> None:
    for source in (f"(f {before} 1a)", f"{'(g ' * 60}{before} 1a{')' * 60}"):
        _, shown, caret = str(source_error(source, 1, source.index("1a") + 1, "wrong")).splitlines()
        assert cell_len(shown[: shown.index("1a")]) == len(caret) - 1
