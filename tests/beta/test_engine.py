"""NeuralBeta as one of the engines of `neurallambda.run`."""

import pytest

import neurallambda
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, SourceError
from neurallambda.programs import Limits

SMALL = Limits(cells=24, integers=range(-8, 8))


def test_one_program() -> None:
    assert neurallambda.run("((fn [x] '(x x)) 3)", engine="beta", limits=SMALL) == "'(3 3)"


def test_a_program_that_fails() -> None:
    with pytest.raises(ProgramError) as caught:
        neurallambda.run("(car 1)", engine="beta", limits=SMALL)
    assert caught.value.kind is ErrorKind.NOT_A_PAIR


def test_several_programs_end_each_in_its_own_way() -> None:
    sources = ["(+ 1 2)", "(* 4 4)", "(f 1)", "'(1 2 3 4 5 6 7 8 9)", "((fn [x] (x x)) (fn [x] (x x)))"]
    outcomes = neurallambda.run(sources, engine="beta", limits=Limits(cells=16, integers=range(16), max_steps=60))
    assert [outcome.error or outcome.text for outcome in outcomes] == [
        "3",
        ErrorKind.OVERFLOW,
        ErrorKind.UNBOUND,
        ErrorKind.OUT_OF_MEMORY,
        ErrorKind.OUT_OF_STEPS,
    ]


def test_text_that_is_no_program_and_holes_are_refused() -> None:
    for source in ("(", "(+ ?a 1)"):
        with pytest.raises(SourceError):
            neurallambda.run(source, engine="beta", limits=SMALL)


def test_a_stream_longer_than_a_batch() -> None:
    sources = [f"(+ {number % 4} 1)" for number in range(70)]
    found = list(neurallambda.run_all(sources, engine="beta", limits=SMALL))
    assert [str(outcome) for outcome in found] == [str(number % 4 + 1) for number in range(70)]


def test_cells_are_at_least_two() -> None:
    with pytest.raises(ArgumentError, match="cells"):
        Limits(cells=1)
