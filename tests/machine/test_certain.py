"""The certain path takes the same steps as the general one, bit for bit."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from neurallambda.machine import Machine, Soft
from neurallambda.machine.run import Runner, Settings

FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 4)"
PROGRAMS = (
    "((fn [x y z] '(x y z)) 1 2 3)",
    FACTORIAL,
    "(defn f [n] (if (< n 1) '(1 2) (f (- (* n 1) (/ (mod n 7) 1))))) (f 9)",
    "((fn [f] (f (f 3))) (+ 1))",
    "(let [k cons g (k 1)] (g '(true)))",
    "((fn [x] ((fn [] x))) 5)",
    "(map (fn [x] (* x x)) '(1 2 3))",
    "(not (listp (cdr '(1 2))))",
    "(let [f (fn [x] (fn [y] (- x y)))] ((f 2) 1))",
    "(if 1 2 3)",
    "(1 2)",
    "(car 3)",
    "(/ 1 0)",
    "(+ 200 100)",
    "(+ 1 true)",
    "(= '(1) 1)",
    "1000",
)


def runner(machine: Machine, sources: Sequence[str]) -> Runner:
    program = machine.encode(sources)
    with torch.no_grad():
        return Runner(program.layout, program.code(), Settings(program.integers, program.operations, 150, 500))


@pytest.mark.parametrize(
    "sources", [*([source] for source in PROGRAMS), list(PROGRAMS), [FACTORIAL] * 3], ids=lambda given: given[0][:30]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_every_record_and_register_is_that_of_the_general_step(sources: list[str], dtype: torch.dtype) -> None:
    machine = Machine(dtype=dtype)
    one, other = runner(machine, sources), runner(machine, sources)
    other.certain = None
    with torch.no_grad():
        while other.can_go_on and not bool(other.ended.all()):
            steps = one.step(), other.step()
            assert one.certain
            for part in ("registers", "record", "settled", "rules", "goes_on", "halts", "errors"):
                assert torch.equal(*(getattr(step, part) for step in steps)), part
            for part in ("pointers", "running", "answer", "errors", "steps"):
                assert torch.equal(*(getattr(run.registers, part) for run in (one, other))), part
    assert torch.equal(one.memory.records[:, : one.memory.written], other.memory.records[:, : one.memory.written])
    assert torch.equal(one.memory.roles, other.memory.roles)
    assert torch.equal(one.memory.per_role, other.memory.per_role)


def test_programs_that_leave_a_batch_stay_certain() -> None:
    sources = list(PROGRAMS[:3])
    one, other = runner(Machine(), sources), runner(Machine(), sources)
    other.certain = None
    with torch.no_grad():
        for run in (one, other):
            for _ in range(20):
                run.step()
        rows = torch.tensor([1, 2])
        one, other = one.select(rows), other.select(rows)
        other.certain = None
        for _ in range(30):
            assert torch.equal(one.step().rules, other.step().rules)
            assert torch.equal(one.registers.pointers, other.registers.pointers)
        assert one.certain
    assert torch.equal(one.memory.records[:, : one.memory.written], other.memory.records[:, : other.memory.written])


def test_what_is_soft_takes_the_general_step() -> None:
    machine = Machine()
    soft = machine.encode("(+ ?a 1)", holes={"a": Soft((1, 2), torch.tensor([1.0, 0.0]))})
    with torch.no_grad():
        settings = Settings(soft.integers, soft.operations, 100, 100)
        assert Runner(soft.layout, soft.code(), settings).certain is None
    result = machine.run(soft)
    torch.testing.assert_close(result.probability(2), torch.tensor([1.0, 0.0]).softmax(-1)[:1])


def test_a_state_that_no_rule_is_for_goes_on_as_the_general_step_says() -> None:
    machine = Machine()
    program = machine.encode("((fn [x] (+ x 1)) 2)")
    tag = program.tag.clone()
    tag[:, 1] = 0
    tag[:, 1, 0] = 1  # control begins on nothing
    first, second, third = (part.clone() for part in (program.first, program.second, program.third))
    for part in (first, second, third):
        part[:, 1] = 0
    broken = replace(program, tag=tag, first=first, second=second, third=third)
    result = machine.run(broken, max_steps=5)
    assert float(result.running) == 1


def test_a_run_during_inference_leaves_nothing_that_other_runs_cannot_use() -> None:
    machine = Machine(integers=range(-7, 30))  # no other run has made the constants of this range
    with torch.inference_mode():
        assert machine.decode(machine.run(machine.encode("((fn [x] (+ x 1)) 2)")))[0].text == "3"
    assert machine.decode(machine.run(machine.encode("((fn [x] (* x '())) 2)")))[0].error
    assert machine.decode(machine.run(machine.encode("((fn [x] (< x 1)) 2)")))[0].text == "false"
