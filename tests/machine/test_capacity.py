"""Memory that grows, and limits that are reported."""

import pytest
import torch

from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.machine import Machine, run
from neurallambda.machine.encode import NeuralLambda

LOOP = "(defn loop [n] (if (= n 0) '(1 2) (loop (- n 1)))) (loop 6)"


def test_growing_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    program = machine.encode(LOOP)
    expected = machine.run(program)
    monkeypatch.setattr(run, "FIRST_ROOM", 1)
    grown = machine.run(program)
    assert grown.memory.width < expected.memory.width
    assert torch.equal(grown.steps, expected.steps)
    assert machine.decode(grown) == machine.decode(expected)


def test_a_full_memory_is_reported_with_what_was_needed() -> None:
    machine = Machine(capacity=30)
    (outcome,) = machine.decode(machine.run(machine.encode(LOOP)))
    assert outcome.error is ErrorKind.OUT_OF_MEMORY
    assert "30" in outcome.message
    needed = int(Machine().run(Machine().encode(LOOP)).steps) + len(Machine().assemble(LOOP))
    (outcome,) = Machine(capacity=needed).decode(Machine(capacity=needed).run(Machine().encode(LOOP)))
    assert outcome.text == "'(1 2)"


def test_memory_never_exceeds_the_capacity() -> None:
    result = Machine(capacity=100).run(Machine().encode("(letrec [f (fn [x] (f x))] (f 1))"))
    assert result.memory.written == result.memory.width == 100


def test_code_that_does_not_fit_is_refused_before_it_runs() -> None:
    with pytest.raises(ProgramError, match="out-of-memory: the program alone needs 16 addresses of 10"):
        Machine(capacity=10).encode("(+ 1 (+ 2 (+ 3 (+ 4 (+ 5 (+ 6 (+ 7 8)))))))")


def test_one_program_running_out_leaves_the_others_alone() -> None:
    machine = Machine(capacity=100)
    result = machine.run(machine.encode(["(letrec [f (fn [x] (f x))] (f 1))", "(+ 1 2)", "(car 1)"]), max_steps=50)
    kinds = [outcome.error for outcome in machine.decode(result)]
    assert kinds == [ErrorKind.OUT_OF_STEPS, None, ErrorKind.NOT_A_PAIR]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="integers"):
        Machine(integers=range(0))
    with pytest.raises(ArgumentError, match="step 1"):
        Machine(integers=range(0, 10, 2))
    with pytest.raises(ArgumentError, match="capacity"):
        Machine(capacity=0)
    with pytest.raises(ArgumentError, match="dtype"):
        Machine(dtype=torch.float16)
    with pytest.raises(ArgumentError, match="max_steps"):
        Machine().run(Machine().encode("1"), max_steps=0)
    with pytest.raises(ArgumentError, match="at least one"):
        Machine().encode([])


def test_a_program_moves_between_dtypes() -> None:
    program = Machine().encode(["(+ 1 2)", "'(1)"])
    moved = program.to(torch.float64)
    assert isinstance(moved, NeuralLambda)
    assert moved.tag.dtype == torch.float64
    assert [o.text for o in Machine().decode(Machine().run(moved))] == ["3", "'(1)"]
