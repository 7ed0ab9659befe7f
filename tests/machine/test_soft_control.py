"""Soft control: nothing is lost, nothing grows, and what is nearly certain ends nearly as the certain program does."""

from collections.abc import Mapping

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurallambda.errors import ErrorKind
from neurallambda.holes import Filling
from neurallambda.machine import Machine, Soft
from neurallambda.machine.assemble import Cells
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.run import Runner, Settings
from tests.machine.test_holes import exact_mixture
from tests.soft_programs import SoftProgram, soft_programs

INTEGERS = range(-10, 20)
slowly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
TOTALS = {torch.float32: 1e-5, torch.float64: 1e-9}
UNLIKELY = (0.5, 0.1, 1e-3, 1e-6, 1e-12)

STEERED = (
    "(+ (if ?c (+ 1 1) 5) (+ 1 1))",
    "(* (if ?c (+ 1 1) 5) (+ 1 1))",
    "(length (if ?c '(1) '(2 3)))",
    "(sum (range 0 ?n))",
    "(+ (if ?c (+ 1 1) 5) 1)",
    "(if ?c (+ 1 2) (+ 3 4))",
    "(if ?c (+ 1 2) '(1 2))",
    "(if ?c 3 (+ 4))",
    "(let [x (if ?c 5 (+ 1))] x)",
    "(let [f (if ?c (fn [x] (+ x 1)) (fn [y] (* y 3)))] (f 5))",
    "((if ?c (fn [x] (+ x 1)) (fn [y] '(y y))) (+ 1 1))",
    "(let [p (if ?c '(1 2) '(3 4))] (cons (car p) (cdr p)))",
    "(car (if ?c '(1 2) 3))",
    "(?op (+ 1 2) (* 2 2))",
    "((if ?c ?op (fn [x y] (- y x))) (+ 1 2) 3)",
    "(letrec [down (fn [n] (if (< n 1) 7 (down (- n 1))))] (down ?n))",
    "(let [g (if ?c not listp)] (g true))",
    "(+ (if ?c (+ 1 1) 5) (if ?d (* 2 3) (- 1)))",
    "(+ (if ?c (+ 1 1) 5) (if ?d (* 2 3) 1))",
    "(map (if ?c (+ 1) (fn [x] (* x x))) (if ?d '(1 2) '(3)))",
)
"""What steers a program is soft, once: which branch, which function, which operator, how often it repeats."""


def fillings(gap: float) -> dict[str, Soft]:
    logits = torch.tensor([gap, 0.0], dtype=torch.float64)
    return {
        "c": Soft((True, False), logits),
        "d": Soft((True, False), logits / 2),
        "n": Soft((1, 2), logits),
        "op": Soft(("+", "cons"), logits),
    }


@pytest.mark.parametrize("gap", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("source", STEERED)
def test_soft_control_used_once_gives_the_exact_mixture(source: str, gap: float) -> None:
    machine = Machine(integers=INTEGERS, dtype=torch.float64)
    used = {name: filling for name, filling in fillings(gap).items() if f"?{name}" in source}
    result = machine.run(machine.encode(source, holes=used))
    for end, chance in exact_mixture(source, used).items():
        known = ErrorKind(end) if end in set(ErrorKind) else end
        assert float(result.probability(known)) == pytest.approx(chance, abs=1e-12), end
    distribution = result.distribution()
    assert sum(float(part.sum()) for part in vars(distribution).values()) == pytest.approx(1, abs=1e-12)


def step_by_step(machine: Machine, program: NeuralLambda, steps: int) -> Runner:
    """Run, and check after each step that everything is a mass and that nothing was lost."""
    tolerance = TOTALS[machine.dtype]
    limits = Settings(program.integers, program.operations, steps, machine.capacity, machine.alternatives)
    with torch.no_grad():
        runner = Runner(program.layout, program.code(), limits)
        while runner.can_go_on and not bool(runner.ended.all()):
            before = runner.memory.written
            runner.step()
            registers, alternatives = runner.registers, runner.alternatives
            masses = [registers.answer, registers.errors, registers.running, runner.memory.records[:, before : runner.memory.written]]  # fmt: skip
            masses += [alternatives.pointers, alternatives.running] if alternatives else [registers.pointers]
            for mass in masses:
                assert torch.isfinite(mass).all()
                assert float(mass.min()) >= 0
                assert float(mass.max()) <= 1 + tolerance
            total = registers.answer.sum(-1) + registers.errors.sum(-1) + registers.running
            assert float((total - 1).abs().max()) <= tolerance
    return runner


def encoded(machine: Machine, program: SoftProgram, unlikely: float) -> NeuralLambda:
    cells: Cells = machine.assemble(program.source)
    return machine.encode([cells], holes=program.holes(unlikely, machine.dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@given(program=soft_programs(), alternatives=st.sampled_from([2, 3, 8]), unlikely=st.sampled_from(UNLIKELY))
@settings(slowly, max_examples=12)
def test_nothing_is_lost_and_nothing_grows(
    dtype: torch.dtype, program: SoftProgram, alternatives: int, unlikely: float
) -> None:
    machine = Machine(integers=range(-64, 64), dtype=dtype, alternatives=alternatives)
    step_by_step(machine, encoded(machine, program, unlikely), steps=300)


BOUND_BY_MASS = 1.0
"""Two ends are never further apart than this, half the sum of all differences: a bound that is no less says nothing."""


def distance_bound(
    machine: Machine, source: str, likely: Mapping[str, Filling], soft: Mapping[str, Filling], unlikely: float
) -> float:
    """Check that a nearly certain program ends nearly as the certain one: by no more than a bound, which it gives.

    As likely, to a factor that is no more than how often something soft is looked at.
    """
    certain = machine.run(machine.encode(source, holes=likely), max_steps=300)
    nearly = machine.run(machine.encode(source, holes=soft), max_steps=300)
    bound = float(certain.steps) * max(1, len(soft)) * unlikely
    ends = zip(vars(certain.distribution()).values(), vars(nearly.distribution()).values(), strict=True)
    distance = sum(float((one - other).abs().sum()) for one, other in ends) / 2
    assert distance <= bound + 1e-9, (source, distance)
    return bound


def control_is_soft(machine: Machine, program: NeuralLambda) -> bool:
    """Whether a run ever keeps alternatives apart."""
    limits = Settings(program.integers, program.operations, 300, machine.capacity, machine.alternatives)
    with torch.no_grad():
        runner = Runner(program.layout, program.code(), limits)
        runner.run()
    return runner.alternatives is not None


@given(program=soft_programs(), alternatives=st.sampled_from([2, 3, 8]), unlikely=st.sampled_from(UNLIKELY[1:]))
@settings(slowly, max_examples=12)
def test_what_is_nearly_certain_ends_nearly_as_the_certain_program(
    program: SoftProgram, alternatives: int, unlikely: float
) -> None:
    machine = Machine(integers=range(-64, 64), dtype=torch.float64, alternatives=alternatives)
    distance_bound(machine, program.source, program.certain, program.holes(unlikely, machine.dtype), unlikely)


CHOICES = {
    "(if ?c {one} {other})": {"c": (True, False)},
    "(if (< ?n 2) {one} {other})": {"n": (1, 2)},
    "((if ?c (fn [x] x) (fn [y] (+ y 1))) {one})": {"c": (True, False)},
    "(let [x (if ?c {one} {other})] (+ x x))": {"c": (True, False)},
    "(+ (if ?c {one} 1) (if ?d {other} 2))": {"c": (True, False), "d": (False, True)},
    "(letrec [f (fn [n] (if (< n 1) {one} (f (- n 1))))] (f ?n))": {"n": (2, 1)},
}
PARTS_OF_CHOICES = (
    "(+ 1 2)",
    "(car (cons 4 '()))",
    "(let [z 3] (* z z))",
    "(- (if (< 1 2) 6 7) 2)",
    "((fn [w] (- w 1)) 5)",
)


@pytest.mark.parametrize(("unlikely", "alternatives"), [(0.1, 8), (1e-3, 2), (1e-6, 8), (1e-12, 2)])
def test_so_it_is_where_control_is_soft(unlikely: float, alternatives: int) -> None:
    """In every one of these programs it is, for certain; and the bound says something in most, unless little is certain."""
    machine = Machine(integers=range(-64, 64), dtype=torch.float64, alternatives=alternatives)
    bounds: list[float] = []
    for index, (shape, values) in enumerate(CHOICES.items()):
        one, other = (PARTS_OF_CHOICES[(index + step) % len(PARTS_OF_CHOICES)] for step in (0, 2))
        source = shape.format(one=one, other=other)
        soft = SoftProgram(source, values).holes(unlikely, machine.dtype)
        assert control_is_soft(machine, machine.encode(source, holes=soft)), source
        bounds.append(distance_bound(machine, source, SoftProgram(source, values).certain, soft, unlikely))
    says_something = [bound < BOUND_BY_MASS for bound in bounds]
    assert all(says_something) if unlikely <= 1e-3 else any(says_something)


@given(program=soft_programs(), unlikely=st.sampled_from(UNLIKELY))
@settings(slowly, max_examples=4)
def test_gradients_are_finite(program: SoftProgram, unlikely: float) -> None:
    machine = Machine(integers=range(-64, 64), dtype=torch.float64)
    holes = {name: Soft(soft.values, soft.logits.requires_grad_()) for name, soft in program.holes(unlikely, machine.dtype).items()}  # fmt: skip
    result = machine.run(machine.encode(program.source, holes=holes), max_steps=120)
    if not result.answer.requires_grad:
        return
    ends = result.distribution()
    sum((part.square().sum() for part in vars(ends).values()), torch.zeros(())).backward()
    for soft in holes.values():
        assert soft.logits.grad is None or torch.isfinite(soft.logits.grad).all()


@pytest.mark.parametrize("unlikely", [1e-3, pytest.param(1e-6, marks=pytest.mark.slow), 1e-12])
def test_gradients_tend_to_those_of_the_certain_program(unlikely: float) -> None:
    source, machine = (
        "(+ (if ?c (+ ?a 1) 5) (* ?a (if ?c 1 (- 2 3))))",
        Machine(integers=range(-16, 32), dtype=torch.float64),
    )
    found = []
    for chance in (unlikely, 0.0):
        data = torch.tensor([0.5, 0.0, -0.5], dtype=torch.float64).requires_grad_()
        control = torch.tensor([1 - chance, chance], dtype=torch.float64).log()
        holes = {"a": Soft((1, 2, 3), data)} | {"c": Soft((True, False), control) if chance else True}
        result = machine.run(machine.encode(source, holes=holes))
        found.append(torch.autograd.grad(result.probability(3).sum() + 2 * result.probability(4).sum(), data)[0])
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=20 * unlikely + 1e-12)


def test_a_program_that_holds_nan_ends_at_once() -> None:
    machine = Machine(integers=INTEGERS, dtype=torch.float64)
    program = machine.encode("(letrec [f (fn [n] (f (+ n 1)))] (f 0))")
    program.tag[0, 2, 3] = float("nan")
    with pytest.raises(ValueError, match=r"tag: .*not finite"):
        machine.run(program)


@pytest.mark.slow
@given(program=soft_programs(), alternatives=st.sampled_from([2, 3, 5, 8]), unlikely=st.sampled_from(UNLIKELY))
@settings(slowly, max_examples=150)
def test_so_it_is_for_many_random_programs(program: SoftProgram, alternatives: int, unlikely: float) -> None:
    for dtype in TOTALS:
        machine = Machine(integers=range(-64, 64), dtype=dtype, alternatives=alternatives)
        step_by_step(machine, encoded(machine, program, unlikely), steps=500)


def test_room_for_many_alternatives_is_made_once() -> None:
    machine = Machine(integers=INTEGERS, dtype=torch.float64, alternatives=200)
    result = machine.run(machine.encode(STEERED[0], holes={"c": fillings(0.0)["c"]}))
    assert float(result.probability(4)) == pytest.approx(0.5)
    assert result.memory.width < 1_000
