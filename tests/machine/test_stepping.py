"""Stepping is running: for certain programs bit for bit, for soft ones to rounding, in a batch as alone."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.machine import Machine, NeuralLambda, Soft
from neurallambda.machine.stepping import State
from tests.machine.test_certain import PROGRAMS
from tests.soft_programs import SoftProgram, soft_programs

PARTS = ("running", "errors", "steps")
STEPS = 48


def stepped(machine: Machine, program: NeuralLambda, steps: int = STEPS, room: int = STEPS) -> State:
    state, rules = machine.start(program, steps=room), machine.rules(program, steps=room)
    for _ in range(steps):
        state, weights = machine.step(state, rules)
        torch.testing.assert_close(weights.sum(-1) * state.running, state.running, rtol=0, atol=1e-5)
    return state


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_certain_programs_bit_for_bit(dtype: torch.dtype) -> None:
    machine = Machine(dtype=dtype)
    program = machine.encode(PROGRAMS)
    result, state = machine.run(program, max_steps=STEPS), stepped(machine, program)
    for part in PARTS:
        assert torch.equal(getattr(result, part), getattr(state, part)), part
    width = min(result.answer.shape[-1], state.answer.shape[-1])
    assert torch.equal(result.answer[:, :width], state.answer[:, :width])
    narrow = program.layout.narrow
    assert torch.equal(result.memory.records[:, :width, :narrow], state.records[:, :width, :narrow])
    ends = machine.decode(machine.result(program, state))
    assert [str(end) for end in ends] == [str(end) for end in machine.decode(result)]
    assert int((state.running == 0).sum()) >= len(PROGRAMS) - 3  # most of them ended


@given(program=soft_programs())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=5)
def test_soft_programs_as_a_run_that_mixes(program: SoftProgram) -> None:
    machine = Machine(integers=range(-16, 16), dtype=torch.float64, alternatives=1)
    encoded = machine.encode(program.source, holes=program.holes(0.25, torch.float64))
    result, state = machine.run(encoded, max_steps=24), stepped(machine, encoded, steps=24, room=24)
    found, expected = machine.result(encoded, state).distribution(), result.distribution()
    for part in vars(expected):
        torch.testing.assert_close(getattr(found, part), getattr(expected, part), rtol=0, atol=1e-9)


def test_soft_data_as_any_run_with_its_gradient_and_alone_as_in_a_batch() -> None:
    machine = Machine(integers=range(-16, 16), dtype=torch.float64)
    sources = ["(+ (* ?a 2) ?b)", "(car (cons ?a '(1)))", "(if (< 1 2) ?b (/ ?a 0))", "(?op ?a 3)"]
    logits = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()

    def encoded(row: int | slice) -> NeuralLambda:
        a, b, op = (part[row] for part in logits)
        holes = {"a": Soft((1, 2), a), "b": Soft((0, -1), b), "op": Soft(("+", "-"), op)}
        return machine.encode(
            sources[row], holes={name: hole for name, hole in holes.items() if f"?{name}" in str(sources[row])}
        )

    program = encoded(slice(None))
    result, state = machine.run(program, max_steps=STEPS), stepped(machine, program)

    def chances(end: Tensor) -> Tensor:
        return end[:, 12:24]

    one, other = result.distribution(), machine.result(program, state).distribution()
    torch.testing.assert_close(other.integers, one.integers, rtol=0, atol=1e-12)
    weights = torch.linspace(0, 1, 12, dtype=torch.float64)
    gradients = [
        torch.autograd.grad((chances(end.integers) * weights).sum(), logits, retain_graph=True)[0]
        for end in (one, other)
    ]
    assert float(gradients[0].abs().max()) > 0.01
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-12)
    for row in range(len(sources)):
        alone = encoded(row)
        found = machine.result(alone, stepped(machine, alone)).distribution()
        torch.testing.assert_close(found.integers[0], other.integers[row], rtol=0, atol=1e-12)


def test_a_state_without_room_stays_as_it_is() -> None:
    machine = Machine()
    program = machine.encode(["(letrec [f (fn [n] (f (+ n 1)))] (f 0))", "(+ 1 2)"])
    state = stepped(machine, program, steps=9, room=9)
    rules = machine.rules(program, steps=9)
    again, _ = machine.step(state, rules)
    for name, part in vars(state).items():
        assert torch.equal(part, getattr(again, name)), name
    assert state.running.tolist() == [1, 0]
    assert state.steps.tolist() == [9, 4]


def test_what_does_not_fit_is_refused() -> None:
    machine = Machine(capacity=64)
    program = machine.encode("(+ 1 2)")
    with pytest.raises(ArgumentError, match=r"steps: got 64, expected at most"):
        machine.start(program)
    state = machine.start(program, steps=8)
    with pytest.raises(ArgumentError, match=r"rules: .* as `start` made the state"):
        machine.step(state, machine.rules(program, steps=9))
    with pytest.raises(ArgumentError, match=r"state: got State"):
        machine.result(machine.encode(["1", "2"]), state)


@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's own
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_step_is_one_graph_and_compiled_once(backend: str) -> None:
    machine = Machine(integers=range(-8, 9))
    program = machine.encode(["(* (+ 1 2) 2)", "(car '())"])
    rules = machine.rules(program, steps=10)
    torch.compiler.reset()
    compiled = torch.compile(machine.step, fullgraph=True, backend=backend)
    one = other = machine.start(program, steps=10)
    one = compiled(one, rules)[0]
    other = machine.step(other, rules)[0]
    with torch.compiler.set_stance("fail_on_recompile"):
        for _ in range(9):
            one, other = compiled(one, rules)[0], machine.step(other, rules)[0]
            torch.testing.assert_close(one.pointers, other.pointers, rtol=0, atol=1e-6)
    assert machine.result(program, one).probability(6).tolist() == [1, 0]
    leaf = program.literal.requires_grad_()
    state, _ = compiled(machine.start(program, steps=10), rules)
    assert torch.autograd.grad(state.records.square().sum(), leaf)[0].isfinite().all()
