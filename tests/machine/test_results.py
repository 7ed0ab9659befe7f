"""Results: the probability of one target for each program, its logarithm, and what is refused."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import neurallambda as nl
from neurallambda.machine import Machine, Result

INF = float("inf")
MACHINE = Machine(integers=range(-8, 8), dtype=torch.float64)
SOURCES = ["(+ ?a 1)", "'(1 ?a)", "(/ 4 ?a)", "(< ?a 2)", "(cons ?a (cons 1 2))"]


def run(logits: Tensor, sources: list[str] = SOURCES) -> Result:
    return MACHINE.run(MACHINE.encode(sources, holes={"a": logits}))


def even() -> Tensor:
    return torch.zeros(16, dtype=torch.float64, requires_grad=True)


def test_every_row_has_its_own_target() -> None:
    result = run(even())
    targets = [3, [1, 5], nl.ErrorKind.DIVISION_BY_ZERO, True, "(cons 2 (cons 1 2))"]
    found = result.log_probability(targets)
    sixteenth = torch.tensor(1 / 16, dtype=torch.float64).log()
    expected = sixteenth.repeat(5)
    expected[3] = torch.tensor(10 / 16, dtype=torch.float64).log()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(result.nll(targets), -found)
    torch.testing.assert_close(result.probability(targets), found.exp())
    torch.testing.assert_close(result.nll(tuple(targets)), -found)


values = st.integers(-9, 9) | st.booleans() | st.lists(st.integers(-9, 9), max_size=2) | st.sampled_from(nl.ErrorKind)


FIXED = run(torch.linspace(-1, 1, 16, dtype=torch.float64))


@settings(max_examples=40)
@given(st.lists(values, min_size=5, max_size=5))
def test_a_target_for_each_row_is_the_same_as_one_for_all(targets: list[int | bool | list[int] | nl.ErrorKind]) -> None:
    found = FIXED.probability(targets)
    for row, target in enumerate(targets):
        alone = f"'({' '.join(map(str, target))})" if isinstance(target, list) else target
        assert float(found[row]) == pytest.approx(float(FIXED.probability(alone)[row]), abs=1e-15)


def test_a_tensor_of_targets() -> None:
    result = run(even(), ["(+ ?a 1)", "(* ?a 1)"])
    for targets in (torch.tensor([3, 100]), [3, 100]):
        torch.testing.assert_close(result.nll(targets).exp(), torch.tensor([16.0, INF], dtype=torch.float64))
    assert run(even(), ["(< ?a 0)"]).probability(torch.tensor([True])).item() == pytest.approx(0.5)


LOSSES: dict[str, Callable[[Result], Tensor]] = {
    "out of range": lambda result: -result.probability(1000).log(),
    "out of range in some rows": lambda result: result.nll([3, 1000, 2, True, 5]),
    "an error that cannot be": lambda result: -result.probability(nl.ErrorKind.OUT_OF_MEMORY).log(),
    "a list that cannot be": lambda result: -result.probability("'(2 4)").log(),
    "of no list": lambda result: result.nll([[], [], [], [], []]),
    "linear": lambda result: -result.probability([3, [1, 5], 2, True, 5]),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("gap", [0.0, 800.0])
def test_gradients_are_numbers_whatever_the_target(loss: Callable[[Result], Tensor], gap: float) -> None:
    logits = even()
    with torch.no_grad():
        logits[0] = gap  # at 800 all other probabilities are exactly zero
    loss(run(logits)).sum().backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_an_impossible_target_leaves_the_gradients_of_the_others() -> None:
    logits, alone = even(), even()
    run(logits, ["(+ ?a 1)", "(+ ?a 1)"]).nll([3, 1000]).sum().backward()
    run(alone, ["(+ ?a 1)"]).nll([3]).sum().backward()
    torch.testing.assert_close(logits.grad, alone.grad)


def test_the_gradient_of_a_loss_with_lists_is_right() -> None:
    def loss(logits: Tensor) -> Tensor:
        return run(logits).nll([3, [1, 5], nl.ErrorKind.DIVISION_BY_ZERO, True, "(cons 2 (cons 1 2))"])

    assert torch.autograd.gradcheck(loss, torch.linspace(-1, 1, 16, dtype=torch.float64).requires_grad_())


@pytest.mark.compile  # in the session without run-time checks of types
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (2.0, "value: got 2.0, expected .*the integer is 2"),
        (None, "value: got None"),
        (torch.tensor(2), "value: got a tensor"),
        (torch.zeros(5), "value: got a tensor of torch.float32"),
        ([2, 4], "value: got 2, expected one for each of the 5 programs.*'\\(2 4\\)"),
        ((2,), "value: got 1, expected one for each of the 5"),
        ([1, 2, 3, 4, 5.0], r"value\[4\]: got 5.0"),
        ([1, 2, 3, 4, [nl.ErrorKind.OVERFLOW]], "in a list"),
        ({1: 2}, "value: got"),
        ("(fn [x] x)", "the probability of integers, booleans, primitives, lists and pairs is known"),
    ],
    ids=str,
)
def test_what_is_no_target_is_refused(targets: object, message: str) -> None:
    with pytest.raises(nl.ArgumentError, match=message):
        run(even()).probability(targets)  # pyright: ignore[reportArgumentType]
    if isinstance(targets, (list, tuple)):
        for method in (run(even()).log_probability, run(even()).nll):
            with pytest.raises(nl.ArgumentError, match=message.replace("value", "targets", 1)):
                method(targets)


def test_what_is_shown_is_short() -> None:
    program = MACHINE.encode(SOURCES, holes={"a": even()})
    result = MACHINE.run(program)
    for thing in (MACHINE, program, result, result.distribution(), nl.Soft((1, 2), torch.zeros(2))):
        assert len(repr(thing)) < 200
        assert "\n" not in repr(thing)
    assert repr(program) == "NeuralLambda(batch of 5, 6 cells, range(-8, 8), torch.float64 on cpu)"
    assert repr(result).startswith("Result(batch of 5, 5 ended, in up to ")
    assert "integers: (5, 16)" in repr(result.distribution())
