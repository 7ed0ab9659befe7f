"""`normalize`: the normal form alone on stdout."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call


@pytest.mark.parametrize(
    ("source", "normal"),
    [
        ("((fn [g f z] (g (f z))) (fn [y] '(y y y)) (fn [x] '(x x)))", "(fn [z] '('(z z) '(z z) '(z z)))"),
        ("(fn [x] (+ (+ 1 2) x))", "(fn [x] (+ 3 x))"),
        ("(fn [y] ((fn [x] (fn [y] x)) y))", "(fn [y y1] y)"),
        ("(f x)", "(f x)"),
    ],
)
def test_normal_forms(call: Call, source: str, normal: str) -> None:
    called = call("normalize", source)
    assert (called.code, called.stdout, called.stderr) == (0, f"{normal}\n", "")


def test_from_a_file_and_from_standard_input(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "term.lisp"
    file.write_text("((fn [x] x) y)")
    assert call("normalize", "-f", str(file)).stdout == "y\n"
    assert call("normalize", "-", stdin="((fn [x] x) z)").stdout == "z\n"


def test_no_normal_form(call: Call) -> None:
    called = call("normalize", "((fn [x] (x x)) (fn [x] (x x)))", "--max-steps", "50")
    assert (called.code, called.stdout) == (1, "")
    assert called.stderr.startswith("out-of-steps: ")


def test_errors(call: Call) -> None:
    assert call("normalize", "(car 1)").code == 1
    assert call("normalize", "(").code == 2
    assert call("normalize").code == 2
    assert call("normalize", "1", "--max-steps", "0").code == 2
