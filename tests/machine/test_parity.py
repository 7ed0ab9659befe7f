"""The machine against the exact engines: the same value or error, after the same steps, by the same rules."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program
from neurallambda.machine import Machine
from neurallambda.machine.alphabet import KINDS, OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.assemble import Cells
from neurallambda.machine.discrete import Record, run
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.rules import RULES
from tests.machine.naive import NaiveRun, naive_run
from tests.programs import HOLE_PROGRAMS, INTEGERS, LONG_PROGRAMS, PROGRAMS, Example
from tests.strategies import alpha_variants, programs

MAX_STEPS = 1_000
slowly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def ends(outcome: Outcome) -> tuple[str, int]:
    """What an outcome comes to: the value or the kind of error, and the steps."""
    return (str(outcome.error) if outcome.error else outcome.text), outcome.steps


def by_machine(machine: Machine, sources: list[Program]) -> list[Outcome]:
    """Run a batch; programs that are refused before they run end as they are refused."""
    cells: dict[int, Cells] = {}
    outcomes: dict[int, Outcome] = {}
    for index, source in enumerate(sources):
        try:
            cells[index] = machine.assemble(source)
        except ProgramError as error:
            outcomes[index] = Outcome(error=error.kind, message=error.message)
    if cells:
        result = machine.run(machine.encode(list(cells.values())), max_steps=MAX_STEPS)
        outcomes.update(zip(cells, machine.decode(result), strict=True))
    return [outcomes[index] for index in range(len(sources))]


def check_batch(machine: Machine, sources: list[Program]) -> None:
    expected = [ends(evaluate(source, integers=machine.integers, max_steps=MAX_STEPS)) for source in sources]
    assert [ends(outcome) for outcome in by_machine(machine, sources)] == expected


@pytest.fixture(scope="module")
def table() -> dict[str, Outcome]:
    """The whole table of programs, run by the machine in batches of like length."""
    machine = Machine(integers=INTEGERS)
    outcomes: dict[str, Outcome] = {}
    cells: dict[str, Cells] = {}
    for example in PROGRAMS:
        try:
            cells[example.name] = machine.assemble(example.source)
        except ProgramError as error:
            outcomes[example.name] = Outcome(error=error.kind, message=error.message)
    names = sorted(cells, key=lambda name: len(cells[name]))
    for start in range(0, len(names), 64):
        some = names[start : start + 64]
        result = machine.run(machine.encode([cells[name] for name in some]))
        outcomes.update(zip(some, machine.decode(result), strict=True))
    return outcomes


@pytest.mark.parametrize("example", PROGRAMS, ids=lambda example: example.name)
def test_reference_gives_the_table(example: Example) -> None:
    outcome = evaluate(example.source, integers=INTEGERS)
    assert (outcome.error or outcome.text) == (example.error or example.value)


@pytest.mark.parametrize("example", PROGRAMS, ids=lambda example: example.name)
def test_machine_gives_the_table_in_the_same_steps(example: Example, table: dict[str, Outcome]) -> None:
    outcome = table[example.name]
    assert (outcome.error or outcome.text) == (example.error or example.value)
    assert outcome.steps == evaluate(example.source, integers=INTEGERS).steps


@pytest.mark.parametrize("example", LONG_PROGRAMS, ids=lambda example: example.name)
def test_reference_gives_the_long_programs(example: Example) -> None:
    outcome = evaluate(example.source, integers=INTEGERS)
    assert (outcome.error or outcome.text) == (example.error or example.value)


@pytest.mark.slow
@pytest.mark.parametrize("example", LONG_PROGRAMS, ids=lambda example: example.name)
def test_machine_gives_the_long_programs(example: Example) -> None:
    machine = Machine(integers=INTEGERS)
    (outcome,) = machine.decode(machine.run(machine.encode(example.source)))
    assert ends(outcome) == ends(evaluate(example.source, integers=INTEGERS))


@pytest.mark.parametrize("example", HOLE_PROGRAMS, ids=lambda example: example.name)
def test_sharp_holes_are_their_filling(example: Example) -> None:
    machine = Machine(integers=INTEGERS)
    (outcome,) = machine.decode(machine.run(machine.encode(example.source, holes=example.holes)))
    assert (outcome.error or outcome.text) == (example.error or example.value)
    assert ends(outcome) == ends(evaluate(example.source, holes=example.holes, integers=INTEGERS))


@given(st.lists(programs(), min_size=24, max_size=32))
@settings(slowly, max_examples=10)
def test_random_programs(sources: list[Program]) -> None:
    check_batch(Machine(), sources)


@pytest.mark.slow
@given(st.lists(programs(), min_size=48, max_size=64))
@settings(slowly, max_examples=60)
def test_thousands_of_random_programs(sources: list[Program]) -> None:
    check_batch(Machine(), sources)


@given(st.lists(programs(), min_size=8, max_size=8))
@settings(slowly, max_examples=5)
def test_float64_gives_the_same(sources: list[Program]) -> None:
    check_batch(Machine(dtype=torch.float64), sources)


@pytest.mark.parametrize("integers", [range(-8, 8), range(100), range(-1000, 1001)], ids=str)
@given(sources=st.lists(programs(), min_size=12, max_size=12))
@settings(slowly, max_examples=3)
def test_other_ranges_of_integers(integers: range, sources: list[Program]) -> None:
    check_batch(Machine(integers=integers), sources)


@given(st.data())
@settings(slowly, max_examples=10)
def test_renaming_changes_nothing(data: st.DataObject) -> None:
    source = data.draw(programs())
    renamed = data.draw(alpha_variants(source))
    assert isinstance(renamed, Program)
    one, other = by_machine(Machine(), [source, renamed])
    assert (one.error, one.steps) == (other.error, other.steps)
    if one.error is None and "fn" not in one.text:
        assert one.text == other.text


@given(programs())
@settings(slowly, max_examples=40)
def test_step_by_step_and_rule_by_rule(source: Program) -> None:
    machine = Machine(integers=range(-64, 64))
    try:
        cells = machine.assemble(source)
    except ProgramError:
        return
    steps = []
    for step in run(cells, machine.integers):
        steps.append(step)
        if len(steps) == 100:
            break
    naive = naive_run(machine.encode([cells]), len(steps))
    layout = naive.memory.layout
    for number, (exact, soft) in enumerate(zip(steps, naive.steps, strict=True)):
        rules = dict(zip((rule.name for rule in RULES), soft.rules[0].tolist(), strict=True))
        assert {name: chance for name, chance in rules.items() if chance} == {exact.rule.name: 1.0}, number
        if exact.error or exact.rule.halts:
            assert number == len(steps) - 1
            return
        registers = naive.registers[number + 1].pointers[0]
        assert _ones(registers[0]) == [exact.state.control]
        assert _ones(registers[1]) == sorted(exact.state.environment)
        assert _ones(registers[2]) == [exact.state.continuation]
        assert _record(naive, number, layout, machine.integers) == exact.state.memory[-1]


def _ones(vector: torch.Tensor) -> list[int]:
    assert set(vector.tolist()) <= {0.0, 1.0}
    return vector.nonzero().flatten().tolist()


def _record(naive: NaiveRun, number: int, layout: Layout, integers: range) -> Record:
    """A record of the tensors, read as the discrete stepper writes it."""
    record = naive.memory.records[number][0]
    at = layout.slices
    wide = dict(zip(WIDE_FIELDS, record[layout.narrow :].unflatten(-1, (WIDE, -1)), strict=True))

    def one(vector: torch.Tensor) -> int | None:
        ones = _ones(vector)
        assert len(ones) <= 1
        return ones[0] if ones else None

    operator, kind, literal = (one(record[at[field]]) for field in (Field.OPERATOR, Field.KIND, Field.LITERAL))
    tag = one(record[at[Field.TAG]])
    return Record(
        tag=Tag.NONE if tag is None else Tag(tag),
        operator=None if operator is None else OPERATORS[operator],
        kind=None if kind is None else KINDS[kind],
        literal=None if literal is None else integers[literal],
        first=one(record[at[Field.FIRST]]),
        second=one(record[at[Field.SECOND]]),
        third=one(record[at[Field.THIRD]]),
        environment=frozenset(_ones(wide[Field.ENVIRONMENT])),
        link=one(wide[Field.LINK]),
        value=one(wide[Field.VALUE]),
    )


def test_out_of_steps_agrees_at_every_limit() -> None:
    source = "(defn loop [n] (if (= n 0) '(1 2) (loop (- n 1)))) (loop 2)"
    machine = Machine()
    needed = evaluate(source).steps
    program = machine.encode(source)
    for limit in range(1, needed + 2):
        (outcome,) = machine.decode(machine.run(program, max_steps=limit))
        expected = evaluate(source, max_steps=limit)
        assert ends(outcome) == ends(expected)
        assert (expected.error is ErrorKind.OUT_OF_STEPS) == (limit < needed)
