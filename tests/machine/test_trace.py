"""Traces: what the discrete stepper does, read back from tensors; soft parts with their weights."""

from collections.abc import Generator
from math import isclose

import pytest
import torch

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.machine import Machine, Result, Soft
from neurallambda.machine.alphabet import CODE_FIELDS, Field, Tag
from neurallambda.machine.discrete import Record, State
from neurallambda.machine.discrete import run as run_discretely
from neurallambda.machine.trace import Binding, Mixture, TraceRecord, TraceStep, listing, trace
from tests.programs import INTEGERS, PROGRAMS, Example

RUNNABLE = [example for example in PROGRAMS if example.error is not ErrorKind.UNBOUND]


def finish(steps: Generator[TraceStep, None, Result]) -> tuple[list[TraceStep], Result]:
    """All steps, and the result."""
    found = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return found, end.value


def only(mixture: Mixture) -> str | None:
    """The one thing in a sharp mixture."""
    if not mixture:
        return None
    ((name, weight),) = mixture
    assert weight == 1
    return name


def addresses(bindings: tuple[Binding, ...]) -> set[str]:
    assert all(binding.weight == 1 for binding in bindings)
    return {binding.address for binding in bindings}


def check_record(shown: TraceRecord, record: Record) -> None:
    """A shown record says what a discrete one says."""
    assert only(shown.tags) == (record.tag.name.lower() if record.tag is not Tag.NONE else None)
    texts = {
        Field.OPERATOR: record.operator,
        Field.KIND: None if record.kind is None else record.kind.name.lower(),
        Field.LITERAL: None if record.literal is None else str(record.literal),
    }
    pointers = {field: getattr(record, field) for field in (*CODE_FIELDS[:2], Field.LINK, Field.VALUE)}
    texts |= {field: None if pointer is None else f"A{pointer}" for field, pointer in pointers.items()}
    assert {field: only(shown.parts.get(field, ())) for field in texts} == texts
    assert addresses(shown.environment) == {f"A{address}" for address in record.environment}


@pytest.mark.parametrize("example", RUNNABLE[::6], ids=lambda example: example.name)
def test_a_trace_is_the_discrete_run(example: Example) -> None:
    machine = Machine(integers=INTEGERS)
    cells = machine.assemble(example.source)
    steps, _ = finish(trace(machine, machine.encode([cells])))
    discrete = list(run_discretely(cells, INTEGERS))
    assert len(steps) == len(discrete)
    before = State(memory=())
    for number, (step, expected) in enumerate(zip(steps, discrete, strict=True), start=1):
        assert (step.number, step.running) == (number, 1)
        assert only(step.rules) == expected.rule.name
        assert only(step.control) == f"A{before.control}"
        assert only(step.continuation) == f"A{before.continuation}"
        assert addresses(step.environment) == {f"A{address}" for address in before.environment}
        assert step.record.address == f"A{len(cells) + number - 1}"
        ends = expected.rule.halts or expected.error is not None
        assert only(step.values) == (f"A{before.control}" if expected.rule.halts else None)
        assert only(step.errors) == (expected.error and str(expected.error))
        if ends:
            assert not step.record.tags
        else:
            check_record(step.record, expected.state.memory[-1])
            bound = expected.state.memory[-1].third
            assert only(step.record.parameter) == (None if bound is None else cells.functions[bound].parameter)
        before = expected.state


@pytest.mark.parametrize("example", RUNNABLE[::20], ids=lambda example: example.name)
def test_the_result_is_that_of_a_run(example: Example) -> None:
    machine = Machine(integers=INTEGERS)
    program = machine.encode(example.source)
    _, result = finish(trace(machine, program))
    assert machine.decode(result) == machine.decode(machine.run(program))


def test_the_code_is_listed_cell_by_cell() -> None:
    machine = Machine()
    cells = machine.assemble("(defn f [n] (if (= n 0) ?a (f (- n 1)))) (f 3)")
    program = machine.encode([cells], holes={"a": Soft((1, True), torch.zeros(2))})
    shown = listing(program)
    assert len(shown) == len(cells)
    for address, (record, cell) in enumerate(zip(shown, cells.cells, strict=True)):
        assert record.address == f"A{address}"
        for field in CODE_FIELDS:
            pointer = cell.pointer(field)
            assert only(record.parts.get(field, ())) == (None if pointer is None else f"A{pointer}")
        if cell.hole:
            assert dict(record.tags) == {"integer": 0.5, "true": 0.5}
            assert only(record.parts[Field.LITERAL]) == "1"
        else:
            assert only(record.tags) == cell.tag.name.lower()


def test_one_program_of_a_batch() -> None:
    machine = Machine()
    sources = ["(+ 1 2)", "((fn [x] '(x x x)) 42)"]
    program = machine.encode(sources)
    for row, source in enumerate(sources):
        steps, result = finish(trace(machine, program, row=row))
        alone, _ = finish(trace(machine, machine.encode(source)))
        assert [step.rules for step in steps] == [step.rules for step in alone]
        assert machine.decode(result) == machine.decode(machine.run(machine.encode(source)))


def test_soft_steps_have_weights() -> None:
    """Where control is soft, each alternative has a step of its own, with the weight of the alternative."""
    machine = Machine()
    condition = Soft((True, False), torch.tensor([0.75, 0.25]).log())
    steps, _ = finish(trace(machine, machine.encode("(if ?c 1 (car 1))", holes={"c": condition})))
    assert [(step.number, only(step.rules), round(step.running, 4)) for step in steps] == [
        (1, "begin if", 1),
        (2, "branch true", 0.75),
        (2, "branch false", 0.25),
        (3, "halt", 0.75),
        (3, "begin unary", 0.25),
        (4, "no pair", 0.25),
    ]
    assert isclose(sum(weight for step in steps for _, weight in step.values), 0.75, rel_tol=1e-5)
    assert isclose(sum(weight for step in steps for _, weight in step.errors), 0.25, rel_tol=1e-5)
    assert {name for step in steps for name, _ in step.errors} == {"not-a-pair"}


def test_alternatives_that_are_mixed_have_one_step() -> None:
    machine = Machine(alternatives=1)
    condition = Soft((True, False), torch.tensor([0.75, 0.25]).log())
    steps, _ = finish(trace(machine, machine.encode("(if ?c 1 (car 1))", holes={"c": condition})))
    assert [(name, round(weight, 4)) for name, weight in steps[1].rules] == [
        ("branch true", 0.75),
        ("branch false", 0.25),
    ]
    assert {round(weight, 4) for _, weight in steps[2].control} == {0.75, 0.25}
    assert [step.running for step in steps] == sorted((step.running for step in steps), reverse=True)


def test_the_threshold_leaves_out_what_weighs_less() -> None:
    machine = Machine()
    program = machine.encode("(+ ?a 1)", holes={"a": Soft((1, 2, 3), torch.tensor([0.9, 0.09, 0.01]).log())})
    for threshold, count in ((0.001, 3), (0.05, 2), (0.5, 1)):
        steps, _ = finish(trace(machine, program, threshold=threshold))
        assert len(steps[2].record.parts[Field.LITERAL]) == count


def test_limits() -> None:
    endless = "((fn [x] (x x)) (fn [x] (x x)))"
    machine = Machine(capacity=30)
    steps, result = finish(trace(machine, machine.encode(endless), 5))
    assert len(steps) == 5
    assert machine.decode(result)[0].error == ErrorKind.OUT_OF_STEPS
    _, result = finish(trace(machine, machine.encode(endless)))
    assert machine.decode(result)[0].error == ErrorKind.OUT_OF_MEMORY
    with pytest.raises(ArgumentError, match="max_steps: got 0"):
        next(trace(machine, machine.encode(endless), 0))


def test_a_trace_keeps_gradients_out_and_switches_nothing() -> None:
    machine = Machine()
    logits = torch.zeros(2, requires_grad=True)
    steps = trace(machine, machine.encode("(+ ?a 1)", holes={"a": Soft((1, 2), logits)}))
    next(steps)
    assert torch.is_grad_enabled()
    _, result = finish(steps)
    assert torch.is_grad_enabled()
    assert not result.answer.requires_grad
