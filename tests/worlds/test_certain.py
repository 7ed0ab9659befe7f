"""Certain programs end as the reference says: in the same values and errors, with the same messages at the same places."""

import pytest
import torch
from hypothesis import given, settings

import neurallambda as nl
from neurallambda.lang import evaluate, to_text
from neurallambda.lang.terms import Program
from neurallambda.worlds import Rows, Worlds
from tests.programs import HOLE_PROGRAMS, INTEGERS, LONG_PROGRAMS, PROGRAMS, Example
from tests.strategies import programs

WORLDS = Worlds(integers=INTEGERS)


def end_of(source: str | Program, holes: object = None) -> str:
    try:
        found = WORLDS.compile(source).infer(holes)  # pyright: ignore[reportArgumentType]
    except nl.ProgramError as error:
        return str(error.kind)
    (((end, chance),),) = found.distribution()
    assert chance == 1
    return str(end) if isinstance(end, nl.ErrorKind) else to_text(end)


@pytest.mark.parametrize("example", [*PROGRAMS, *HOLE_PROGRAMS], ids=lambda example: example.name)
def test_the_table_of_programs(example: Example) -> None:
    assert end_of(example.source, example.holes) == str(example.error or example.value)
    if example.error not in (None, nl.ErrorKind.UNBOUND):
        mine = WORLDS.compile(example.source).infer(example.holes).error()
        theirs = evaluate(example.source, holes=example.holes, integers=INTEGERS)
        assert mine is not None
        assert (mine.message, mine.line, mine.column) == (theirs.message, theirs.line, theirs.column)


@pytest.mark.parametrize("example", LONG_PROGRAMS, ids=lambda example: example.name)
def test_long_programs(example: Example) -> None:
    assert end_of(example.source) == str(example.error or example.value)


@settings(max_examples=30, deadline=None)
@given(programs())
def test_random_programs(program: Program) -> None:
    outcome = evaluate(program, integers=INTEGERS)
    assert end_of(program) == str(outcome.error or outcome.text)


def test_each_row_has_its_own_data() -> None:
    source = "(foldl (fn [total x] (+ (* 2 total) x)) ?start ?xs)"
    lists = [[1, 0, 1], [], [5], [1, 1, 1, 1, 1], [True], [200, 200]]
    found = WORLDS.compile(source).infer(xs=Rows(lists), start=torch.arange(6))
    ends = [row[0][0] for row in found.distribution()]
    expected = [evaluate(source, holes={"xs": xs, "start": row}, integers=INTEGERS) for row, xs in enumerate(lists)]
    assert [str(end) if isinstance(end, nl.ErrorKind) else to_text(end) for end in ends] == [
        str(one.error or one.text) for one in expected
    ]


def test_lists_and_booleans_from_tensors() -> None:
    found = WORLDS.compile("'(?flag (sum ?xs))").infer(
        flag=torch.tensor([True, False]), xs=torch.tensor([[1, 2, 3], [4, 5, 6]])
    )
    assert found.probability(torch.tensor([1, 2])).tolist() == [0, 0]
    assert found.probability([[True, 6], [False, 15]], each=True).tolist() == [1, 1]


@pytest.mark.parametrize("depth", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_deep_values_and_calls(depth: int) -> None:
    found = Worlds().compile("(length (range 0 ?n))").infer(n=depth)
    assert found.probability(depth).tolist() == [1]
    nested = "(defn nest [n v] (if (= n 0) v (nest (- n 1) (cons v '())))) (nest ?n 1)"
    ((end, _),) = Worlds().compile(nested).infer(n=depth).distribution()[0]
    assert not isinstance(end, nl.ErrorKind)
    assert to_text(end) == "'(" * depth + "1" + ")" * depth
