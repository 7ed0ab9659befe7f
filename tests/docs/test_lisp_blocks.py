"""Every `lisp` block of the docs is a program, and each `; =>` in it tells the truth.

`(+ 1 2)  ; => 3` states the value of the expression before it, `; => error KIND` the error that it ends in. The
definitions of a block stay for all its examples.
"""

from collections.abc import Iterator

import pytest

from neurallambda.errors import ErrorKind, SourceError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.prelude import prelude
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Define, Program
from neurallambda.programs import run_all
from tests.docs.blocks import ROOT, Block, blocks

ARROW = "; => "
STEPS = 100_000


def examples(block: Block) -> Iterator[tuple[int, Program, str]]:
    """The examples of a block: their line, the program, and what it is said to end in."""
    defined: tuple[Define, ...] = ()
    source = ""
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        text, arrow, expected = line.partition(ARROW)
        source += text + "\n"
        if arrow:
            forms = parse(source).forms
            yield number, Program((*defined, *forms)), expected.strip()
            defined += tuple(form for form in forms if isinstance(form, Define))
            source = ""
    if source.strip():
        parse(source)


EXAMPLES = [
    pytest.param(program, expected, id=f"{block.page}:{line}")
    for block in blocks("lisp")
    for line, program, expected in examples(block)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 40


def ending(outcome: Outcome) -> str:
    """How a program ended, as the docs write it."""
    return f"error {outcome.error}" if outcome.error else outcome.text


@pytest.mark.parametrize(("program", "expected"), EXAMPLES)
def test_an_example_is_true(program: Program, expected: str) -> None:
    assert ending(evaluate(program, max_steps=STEPS)) == expected


@pytest.mark.slow
def test_the_machine_agrees_with_every_example() -> None:
    programs, expected = zip(*(example.values for example in EXAMPLES), strict=True)
    outcomes = run_all(to_text(program) for program in programs)
    assert [outcome if isinstance(outcome, SourceError) else ending(outcome) for outcome in outcomes] == list(expected)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_error_is_explained(kind: ErrorKind) -> None:
    assert f"| `{kind}` |" in (ROOT / "docs/language.md").read_text()


def test_every_function_of_the_prelude_is_explained() -> None:
    page = (ROOT / "docs/language.md").read_text()
    missing = [name for name in prelude() if f"`({name} " not in page]
    assert not missing
