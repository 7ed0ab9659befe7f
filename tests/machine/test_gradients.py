"""Gradients of whole runs: against finite differences, and against plain autograd through a naive run."""

import weakref
from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.lang.terms import Program
from neurallambda.machine import Machine, Soft, gradient, run
from neurallambda.machine.adjoint.by_address.backward import by_address
from neurallambda.machine.adjoint.by_hand import backward
from neurallambda.machine.adjoint.by_hand.backward import by_hand
from neurallambda.machine.adjoint.history import Adjoint, End, Kept, KeptAlternatives
from neurallambda.machine.adjoint.plain import plain
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.gradient import adjoint_of
from tests.machine.naive import naive_run
from tests.machine.soft import PARTS, sharp_parts, soft_parts, with_parts
from tests.strategies import programs

SOURCES = ["((fn [x] (if (< x 2) (+ x 1) (car '(x x)))) 1)", "(car (cons 1 2))"]


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms and stretches so small that a short run crosses their borders."""
    monkeypatch.setattr(run, "FIRST_ROOM", 2)
    monkeypatch.setattr(backward, "STRETCH", 3)


def outcomes(program: NeuralLambda, steps: int) -> tuple[Tensor, ...]:
    """What a run of the machine can be differentiated by."""
    machine = Machine(integers=program.integers, dtype=program.tag.dtype, alternatives=1)
    result = machine.run(program, max_steps=steps)
    record = result.memory.records[:, program.layout.code : program.layout.code + 2]
    return result.answer, result.errors, result.running, result.steps, record


def small_program() -> NeuralLambda:
    return Machine(integers=range(-3, 4), dtype=torch.float64).encode(SOURCES)


@pytest.mark.parametrize("index", range(len(PARTS)), ids=PARTS)
def test_gradcheck_of_every_part(index: int) -> None:
    program = small_program()
    parts = [part.detach() for part in soft_parts(program, 0.1, seed=index)]
    parts[index].requires_grad_()

    def function(part: Tensor) -> tuple[Tensor, ...]:
        softened = [*parts[:index], part / part.sum(-1, keepdim=True), *parts[index + 1 :]]
        return outcomes(with_parts(program, tuple(softened)), steps=5)

    assert torch.autograd.gradcheck(function, (parts[index],), fast_mode=True)


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
@pytest.mark.usefixtures("_small_pieces")
def test_the_backward_pass_is_that_of_plain_autograd(steps: int) -> None:
    assert_as_plain_autograd(small_program(), softness=0.05, steps=steps, tolerance=1e-12)


MANY = (
    "(/ 3 (mod 2 3))",
    "(- (* 2 -1) 1)",
    "((fn [f] (f (f 1))) (fn [x] (* x -2)))",
    "(map (+ 1) '(1 2))",
    "(if (>= 2 1) (car '()) 1)",
    "(/ 1 0)",
    "(+ 1 true)",
    "(= (cdr '(1)) '())",
    "(listp (cons 1 2))",
    "(not (< 3 2))",
    "(letrec [down (fn [n] (if (= n 0) 0 (down (- n 1))))] (down 2))",
    "((fn [g] (g 3 1)) -)",
    "(1 2)",
    "(* 3 3)",
)


@pytest.mark.parametrize("softness", [0.0, 0.05], ids=["sharp", "soft"])
@pytest.mark.parametrize("first", range(0, len(MANY), 2), ids=lambda first: MANY[first])
def test_so_it_is_for_every_construct(first: int, softness: float) -> None:
    """In batches of two, one of which may end before the other. At a corner, autograd divides by masses as small as eps."""
    program = Machine(integers=range(-3, 4), dtype=torch.float64).encode(list(MANY[first : first + 2]))
    assert_as_plain_autograd(program, softness, steps=14, tolerance=1e-11)


def assert_as_plain_autograd(program: NeuralLambda, softness: float, steps: int, tolerance: float) -> None:
    parts = soft_parts(program, softness, seed=steps) if softness else sharp_parts(program)
    answer, errors, running, taken, _ = outcomes(with_parts(program, parts), steps)
    end = naive_run(with_parts(program, parts), steps).end
    width = min(answer.shape[-1], end.answer.shape[-1])  # one has room for more, or the other stopped early
    generator = torch.Generator().manual_seed(0)
    weights = [torch.rand(part.shape, generator=generator, dtype=part.dtype) for part in (answer[:, :width], errors, running, taken)]  # fmt: skip
    found = torch.autograd.grad(_loss((answer[:, :width], errors, running, taken), weights), parts)
    naive = (end.answer[:, :width], end.errors, end.running, end.steps)
    expected = torch.autograd.grad(_loss(naive, weights), parts, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close(answer[:, :width], end.answer[:, :width], rtol=0, atol=1e-14)
    for name, one, other in zip(PARTS, found, expected, strict=True):
        scale = float(other.abs().max()) + 1
        assert float((one - other).abs().max()) <= tolerance * scale, name


def _loss(parts: tuple[Tensor, ...], weights: list[Tensor]) -> Tensor:
    return torch.stack([(part * weight).sum() for part, weight in zip(parts, weights, strict=True)]).sum()


def test_the_memory_itself_can_be_differentiated() -> None:
    machine = Machine(integers=range(-3, 4), dtype=torch.float64)
    logits = torch.linspace(0, 1, 7, dtype=torch.float64).requires_grad_()
    result = machine.run(machine.encode("(+ ?a 1)", holes={"a": logits}))
    (found,) = torch.autograd.grad(result.memory.records.pow(2).sum(), logits)
    assert torch.isfinite(found).all()
    assert found.abs().sum() > 0


def test_gradients_of_a_sharp_run_are_finite_and_point_to_the_answer() -> None:
    """At the corner, the gradient says which integer instead of 3 would raise the chance of 7."""
    machine = Machine(integers=range(-8, 8), dtype=torch.float64)
    program = machine.encode("(+ 3 1)")
    literal = program.literal.clone().requires_grad_()
    result = machine.run(with_parts(program, tuple(literal if p == "literal" else getattr(program, p) for p in PARTS)))
    (found,) = torch.autograd.grad(result.probability(7).sum(), literal)
    assert torch.isfinite(found).all()
    address = next(a for a, cell in enumerate(program.cells[0].cells) if cell.literal == 3)
    assert int(found[0, address].argmax()) == 6 + 8


def test_no_nan_backward_through_a_thousand_steps() -> None:
    machine = Machine(integers=range(-4, 64))
    logits = torch.linspace(1, 0, 3).requires_grad_()
    program = machine.encode(
        "(defn loop [n acc] (if (= n 0) acc (loop (- n 1) (+ 1 (- acc 1))))) (loop 60 ?a)",
        holes={"a": Soft((1, 2, 3), logits)},
    )
    result = machine.run(program)
    assert float(result.steps.detach()) > 1_000
    result.probability(2).sum().backward()
    expected = torch.autograd.functional.jacobian(lambda x: x.softmax(-1)[1], logits.detach())
    torch.testing.assert_close(logits.grad, expected)


def test_a_run_during_inference_does_not_spoil_later_training() -> None:
    """Constants are shared between runs, so they must not be made as inference tensors."""
    machine = Machine(integers=range(-5, 13))  # a range of its own: nothing is made yet
    logits = torch.linspace(0, 1, 18).requires_grad_()
    with torch.inference_mode():
        machine.run(machine.encode("(* ?a 2)", holes={"a": logits.detach()}))
    machine.run(machine.encode("(* ?a 2)", holes={"a": logits})).probability(4).sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


def gradients(form: Adjoint, program: NeuralLambda, parts: tuple[Tensor, ...], steps: int) -> tuple[Tensor, ...]:
    """By one form of the adjoint: of all that a run can be differentiated by, but for its memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient, "adjoint_of", lambda end, history: form)
        machine = Machine(integers=program.integers, dtype=program.tag.dtype, alternatives=1)
        result = machine.run(with_parts(program, parts), max_steps=steps)
        ends = result.answer, result.errors, result.running, result.steps, result.value
        weights = [torch.linspace(-1, 1, part.numel(), dtype=part.dtype).view_as(part) for part in ends]
        return torch.autograd.grad(_loss(ends, weights), parts)


def assert_same(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float) -> None:
    for name, one, other in zip(PARTS, found, expected, strict=True):
        assert float((one - other).abs().max()) <= tolerance * (1 + float(other.abs().max())), name


@pytest.mark.parametrize("softness", [0.0, 0.05], ids=["sharp", "soft"])
def test_both_adjoints_give_the_same(softness: float) -> None:
    program = small_program()
    parts = soft_parts(program, softness, seed=7) if softness else sharp_parts(program)
    assert_same(gradients(by_hand, program, parts, 9), gradients(plain, program, parts, 9), 1e-11)


CERTAIN = (
    *MANY,
    *SOURCES,
    "((fn [x] x) 1)",
    "((fn [x] ((fn [x] x) x)) 2)",
    "(let [x 3 y (* x x)] (- y x))",
    "((fn [x y z] '(x y z)) 1 2 3)",
    "(let [k cons g (k 1)] (g '(true)))",
    "((fn [x] ((fn [] x))) 2)",
    "(let [f (fn [x] (fn [y] (- x y)))] ((f 2) 1))",
    "(if 1 2 3)",
    "(+ 2 2)",
    "(= '(1) 1)",
    "1000",
    "(listp 3)",
    "(cons (mod 3 2) (/ -3 2))",
    "(letrec [f (fn [n] (if (< n 1) 0 (+ n (f (- n 1)))))] (f 2))",
)


@pytest.mark.parametrize("steps", [2, 9, 40])
@pytest.mark.parametrize("together", [1, 4, len(CERTAIN)])
def test_the_adjoint_by_addresses_is_that_of_any_steps(together: int, steps: int) -> None:
    """Each program by itself, and in batches that follow several rules at once."""
    for first in range(0, len(CERTAIN), together):
        program = Machine(integers=range(-3, 4), dtype=torch.float64).encode(CERTAIN[first : first + together])
        parts = sharp_parts(program)
        assert_same(gradients(by_address, program, parts, steps), gradients(by_hand, program, parts, steps), 1e-13)


@given(program=programs(), steps=st.integers(1, 60))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=10)
def test_so_it_is_for_random_programs(program: Program, steps: int) -> None:
    machine = Machine(integers=range(-8, 9), dtype=torch.float64)
    try:
        encoded = machine.encode(program)
    except ProgramError:
        return
    parts = sharp_parts(encoded)
    assert_same(gradients(by_address, encoded, parts, steps), gradients(by_hand, encoded, parts, steps), 1e-12)


def test_certain_runs_are_carried_back_by_addresses() -> None:
    """As far as that form knows what arrives: at the memory itself it does not."""
    program = small_program()
    found: list[Adjoint] = []

    def remember(end: End, history: Sequence[Kept | KeptAlternatives]) -> Adjoint:
        found.append(adjoint_of(end, history))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient, "adjoint_of", remember)
        for parts in (sharp_parts(program), soft_parts(program, 0.05, seed=0)):
            answer, *_, record = outcomes(with_parts(program, parts), 9)
            answer.sum().backward(retain_graph=True)
            record.sum().backward()
    assert found == [by_address, by_hand, by_hand, by_hand]


def test_what_a_run_kept_is_freed_with_its_result() -> None:
    """Without waiting for the collector of cycles, which does not see those through the graph of gradients."""
    program = small_program()
    result = Machine(integers=program.integers, dtype=torch.float64).run(with_parts(program, sharp_parts(program)))
    records = weakref.ref(result.memory.records), weakref.ref(result.answer)
    del result
    assert [record() for record in records] == [None, None]


def test_the_gradient_of_alternatives_is_that_of_finite_differences() -> None:
    """Through splits and merges: which branch, which function, which operator, and the data in them."""
    machine = Machine(integers=range(-8, 16), dtype=torch.float64, alternatives=3)
    source = "(let [f (if ?c (fn [x] (+ x ?a)) (fn [y] (?op y 2)))] (+ (f 3) (if ?d (+ 1 1) 1)))"

    def function(logits: Tensor) -> Tensor:
        c, d, a, op = logits.split((2, 2, 3, 2))
        holes = {"c": Soft((True, False), c), "d": Soft((True, False), d), "a": Soft((0, 1, 2), a), "op": Soft(("-", "*"), op)}  # fmt: skip
        result = machine.run(machine.encode(source, holes=holes))
        return torch.cat([result.distribution().integers[0], result.steps, result.errors[0]])

    logits = torch.randn(9, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(function, (logits,), fast_mode=True)


def test_a_gradient_that_is_differentiated_again_says_that_it_cannot_be() -> None:
    machine = Machine(integers=range(4), dtype=torch.float64)
    logits = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    hole = Soft((0, 1), logits)
    result = machine.run(machine.encode("(+ ?a ?b)", holes={"a": hole, "b": hole}))
    (first,) = torch.autograd.grad(result.probability(1).sum(), logits, create_graph=True)
    expected = torch.autograd.grad(2 * logits.softmax(0).prod(), logits)[0]
    torch.testing.assert_close(first, expected)
    with pytest.raises(ArgumentError, match="cannot be differentiated again"):
        torch.autograd.grad(first[0], logits, retain_graph=True)
    with pytest.raises(ArgumentError, match="cannot be differentiated again"):
        first.sum().backward()
