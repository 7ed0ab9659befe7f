"""Certain programs end as the reference says: in the same values and errors, with the same messages at the same places."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

import neurallambda as nl
from neurallambda.lang import evaluate, to_text
from neurallambda.lang.terms import Program
from neurallambda.worlds import Rows, Worlds, load_recording
from neurallambda.worlds.plain import CROSSING
from tests.programs import HOLE_PROGRAMS, INTEGERS, LONG_PROGRAMS, PROGRAMS, Example
from tests.strategies import programs

WORLDS = Worlds(integers=INTEGERS)


def end_of(source: str | Program, holes: object = None) -> str:
    """How a program ends, of one row, which plain Python runs, and by the engine itself."""
    try:
        program = WORLDS.compile(source)
        plain, own = program.infer(holes), program.record(holes)()  # pyright: ignore[reportArgumentType]
    except nl.ProgramError as error:
        return str(error.kind)
    (((end, chance),),), (((same, also),),) = plain.distribution(), own.distribution()
    assert chance == also == 1
    assert end == same
    return str(end) if isinstance(end, nl.ErrorKind) else to_text(end)


@pytest.mark.parametrize("example", [*PROGRAMS, *HOLE_PROGRAMS], ids=lambda example: example.name)
def test_the_table_of_programs(example: Example) -> None:
    assert end_of(example.source, example.holes) == str(example.error or example.value)
    if example.error not in (None, nl.ErrorKind.UNBOUND):
        program = WORLDS.compile(example.source)
        theirs = evaluate(example.source, holes=example.holes, integers=INTEGERS)
        for found in (program.infer(example.holes), program.record(example.holes)()):
            mine = found.error()
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


@pytest.mark.parametrize(
    "source",
    [
        "((fn [x y] (let [x (fn [y] x)] false)) (if false 0 0))",
        "((fn [x] (let [g (fn [z] x)] (fn [y] (let [h (fn [q] g)] y)))) 3)",
    ],
)
def test_what_only_the_text_of_a_result_mentions_is_kept(source: str) -> None:
    assert end_of(source) == evaluate(source).text


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


def test_few_rows_are_run_by_plain_python_and_many_by_the_engine() -> None:
    program = Worlds(integers=INTEGERS).compile("(/ (foldl + 0 ?xs) ?n)")

    def ends(rows: int) -> list[str]:
        xs = torch.arange(3 * rows).reshape(rows, 3) % 7
        found = program.infer(xs=xs, n=torch.arange(rows) % 4)
        assert found.log_evidence.tolist() == [0.0] * rows
        assert (found.run.circuit.layers[0].source is None) == (rows < CROSSING)
        return [str(end) for ((end, _),) in found.distribution()]

    assert ends(CROSSING - 1) == ends(CROSSING)[:-1] == ends(3 * CROSSING)[: CROSSING - 1]


def test_where_rows_run_different_programs_it_is_the_rows_of_each_that_count() -> None:
    sources = ["(- ?n 1)", "(* ?n ?n)", "(if (< ?n 9) '() ?n)"]
    program = Worlds().compile(sources)

    def ends(rows: int) -> list[str]:
        found = program.infer(n=torch.arange(rows), which=torch.arange(rows) % 3)
        assert (found.run.circuit.layers[0].source is None) == (rows < 3 * CROSSING)
        return [to_text(end) for ((end, _),) in found.distribution() if not isinstance(end, nl.ErrorKind)]

    few = ends(3 * CROSSING - 1)
    assert few == ends(3 * CROSSING)[:-1]
    assert few == [evaluate(sources[row % 3], holes={"n": row}).text for row in range(3 * CROSSING - 1)]


def test_a_recording_by_plain_python_is_saved_like_others(tmp_path: Path) -> None:
    found = WORLDS.compile("'(?a (* ?a ?a))").infer(a=torch.tensor([2, 3]))
    found.run.save(tmp_path / "recording")
    again = load_recording(tmp_path / "recording")()
    assert again.texts == found.texts == ["'(2 4)", "'(3 9)"]


@pytest.mark.parametrize("most_steps", [3, 40, 41, 200, 1000, 4000])
def test_limits_are_those_of_the_engine(most_steps: int) -> None:
    program = Worlds(max_steps=most_steps).compile("(defn down [n] (if (= n 0) 0 (down (- n 1)))) (down ?n)")
    plain, own = program.infer(n=20), program.record(n=20)()
    assert plain.texts == own.texts


@pytest.mark.parametrize("depth", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_deep_values_and_calls(depth: int) -> None:
    found = Worlds().compile("(length (range 0 ?n))").infer(n=depth)
    assert found.probability(depth).tolist() == [1]
    nested = "(defn nest [n v] (if (= n 0) v (nest (- n 1) (cons v '())))) (nest ?n 1)"
    ((end, _),) = Worlds().compile(nested).infer(n=depth).distribution()[0]
    assert not isinstance(end, nl.ErrorKind)
    assert to_text(end) == "'(" * depth + "1" + ")" * depth
