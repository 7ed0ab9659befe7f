"""What holds at every step: nothing is lost, nothing leaks, nothing grows."""

from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.errors import ProgramError
from neurallambda.lang.terms import Program
from neurallambda.machine import Machine, Soft
from neurallambda.machine.alphabet import FIELDS_OF, WIDE_FIELDS, Field, Tag
from neurallambda.machine.layout import WIDE
from neurallambda.machine.result import Distribution
from tests.machine.naive import NaiveRun, naive_run
from tests.machine.soft import soft_parts, with_parts
from tests.strategies import programs

slowly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

SOFT_PROGRAMS = (
    "(+ (* ?a 2) ?b)",
    "(if ?c (+ 1 2) '(1 ?a))",
    "((fn [f] (f (f ?a))) (if ?c (+ 1) (* 2)))",
    "(?op ?a 3)",
    "(letrec [down (fn [n] (if (< n 1) ?b (down (- n 1))))] (down ?a))",
    "(car (if ?c '(1 2) 3))",
)


def holes(seed: int, batch: int, dtype: torch.dtype = torch.float64) -> dict[str, Soft]:
    """Soft fillings, each row its own."""
    generator = torch.Generator().manual_seed(seed)

    def soft(*values: int | bool | str) -> Soft:
        return Soft(values, torch.randn(batch, len(values), generator=generator, dtype=dtype))

    return {"a": soft(0, 1, 2, 5), "b": soft(-3, 0, 4), "c": soft(True, False), "op": soft("+", "*", "<", "cons")}


def assert_conserved(run: NaiveRun, tolerance: float) -> None:
    layout = run.memory.layout
    for before, step in zip(run.registers, run.steps, strict=False):
        control, environment, continuation = before.pointers.unbind(1)
        for pointer in (control, continuation):
            _close(pointer.sum(-1), 1, tolerance)
        for part in (before.pointers, before.answer, before.errors, before.running, step.record, step.rules):
            assert part.min() >= -tolerance
        assert environment.max() <= 1 + tolerance
        _close(before.answer.sum(-1) + before.errors.sum(-1) + before.running, 1, tolerance)
        _close(step.rules.sum(-1), 1, tolerance)
        tag = step.record[:, layout.slices[Field.TAG]]
        assert tag.sum(-1).max() <= 1 + tolerance
        wide = dict(zip(WIDE_FIELDS, step.record[:, layout.narrow :].unflatten(-1, (WIDE, -1)).unbind(1), strict=True))
        for field in set(Field) - {Field.TAG}:
            mass = sum((tag[:, kind] for kind in Tag if field in FIELDS_OF.get(kind, ())), torch.zeros(len(tag)))
            held = wide[field] if field in wide else step.record[:, layout.slices[field]]
            if field is Field.ENVIRONMENT:  # a set: each of its members is there or not
                assert (held.amax(-1) <= mass + tolerance).all(), field
            elif field is Field.THIRD:  # whatever is bound to a parameter names it here
                assert (held.sum(-1) <= tag.sum(-1) + tolerance).all(), field
            elif field in (Field.KIND, Field.LITERAL):  # a held operand has one, the other, or neither
                assert (held.sum(-1) <= mass + tolerance).all(), field
            else:
                _close(held.sum(-1), mass, tolerance)


def _close(found: Tensor, expected: Tensor | float, tolerance: float) -> None:
    assert float((found - expected).abs().max()) <= tolerance, found


@given(st.lists(programs(), min_size=4, max_size=4))
@settings(slowly, max_examples=10)
def test_conservation_at_the_corners_is_exact(sources: list[Program]) -> None:
    machine = Machine()
    cells = []
    for source in sources:
        try:
            cells.append(machine.assemble(source))
        except ProgramError:
            continue
    if cells:
        assert_conserved(naive_run(machine.encode(cells), 40), tolerance=0.0)


@pytest.mark.parametrize("source", SOFT_PROGRAMS)
def test_conservation_of_soft_programs(source: str) -> None:
    machine = Machine(integers=range(-10, 20), dtype=torch.float64)
    program = machine.encode([source] * 3, holes=holes(1, 3))
    assert_conserved(naive_run(program, 60), tolerance=1e-12)


def test_a_batch_is_its_programs_run_alone() -> None:
    """Every row of a mixed batch is the run of that row by itself, to the last bit."""
    machine = Machine(integers=range(-10, 20), dtype=torch.float64)
    fillings = holes(2, len(SOFT_PROGRAMS))
    together = machine.run(machine.encode(SOFT_PROGRAMS, holes=fillings), max_steps=80).distribution()
    for row, source in enumerate(SOFT_PROGRAMS):
        own = {name: Soft(soft.values, soft.logits[row]) for name, soft in fillings.items()}
        alone = machine.run(machine.encode(source, holes=own), max_steps=80).distribution()
        for part in ("integers", "true", "false", "nil", "other", "errors", "running"):
            found, expected = getattr(together, part)[row], getattr(alone, part)[0]
            assert float((found - expected).abs().max()) <= 1e-13, (source, part)


@cache
def mixed_batch(order: tuple[int, ...]) -> Distribution:
    """How the soft programs end, run together in this order."""
    machine = Machine(integers=range(-10, 20))
    fillings = {name: Soft(soft.values, soft.logits[0]) for name, soft in holes(3, 1, torch.float32).items()}
    program = machine.encode([SOFT_PROGRAMS[place] for place in order], holes=fillings)
    return machine.run(program, max_steps=60).distribution()


@given(st.data())
@settings(slowly, max_examples=10)
def test_a_row_does_not_feel_the_others(data: st.DataObject) -> None:
    """Changing one program of a batch leaves the others as they were, bit for bit."""
    order = data.draw(st.permutations(range(len(SOFT_PROGRAMS))))
    one, other = mixed_batch(tuple(range(len(SOFT_PROGRAMS)))), mixed_batch(tuple(order))
    for place, row in enumerate(order):
        torch.testing.assert_close(other.integers[place], one.integers[row], rtol=0, atol=1e-6)
        torch.testing.assert_close(other.errors[place], one.errors[row], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_sharp_programs_stay_sharp(dtype: torch.dtype) -> None:
    """No drift: after two thousand steps every number in memory is still zero or one."""
    machine = Machine(dtype=dtype)
    source = "(defn loop [n acc] (if (= n 0) acc (loop (- n 1) (mod (+ (* acc 3) 1) 50)))) (loop 80 0)"
    result = machine.run(machine.encode(source))
    assert float(result.steps) > 1_500
    assert set(result.memory.records.unique().tolist()) <= {0.0, 1.0}
    assert set(result.answer.unique().tolist()) == {0.0, 1.0}


@pytest.mark.slow
def test_no_nan_in_ten_thousand_soft_steps() -> None:
    """Soft in every part, for as long as it takes, forward."""
    machine = Machine(integers=range(-2, 3), alternatives=1)  # what mixes all needs one address a step
    program = machine.encode("(letrec [f (fn [n] (f (+ n 1)))] (f 0))")
    parts = tuple(part.detach() for part in soft_parts(program, 1e-3, seed=0))
    result = machine.run(with_parts(program, parts), max_steps=10_000)
    total = result.answer.sum(-1) + result.errors.sum(-1) + result.running
    assert torch.isfinite(total).all()
    assert torch.isfinite(result.memory.records).all()


def test_machines_share_no_state_and_no_randomness() -> None:
    state = torch.random.get_rng_state()
    first = Machine().run(Machine().encode("(+ 1 2)"))
    second = Machine().run(Machine().encode("(+ 1 2)"))
    assert torch.equal(first.answer, second.answer)
    assert torch.equal(state, torch.random.get_rng_state())
