"""Arithmetic on distributions against Python's, exhaustively, and its gradients."""

import operator
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurallambda.arithmetic import few_pairs
from neurallambda.arithmetic.all_pairs import compare
from neurallambda.arithmetic.integers import OPERATIONS, Integers
from neurallambda.arithmetic.operate import operate

RANGES = (range(-8, 8), range(10), range(3, 9), range(-9, -2), range(-5, 17))


def soft(name: str, left: Tensor, right: Tensor, integers: range) -> Tensor:
    """An operation on distributions, by its name."""
    weights = left.new_zeros(len(left), len(OPERATIONS))
    weights[:, OPERATIONS.index(name)] = 1
    return operate(left, right, weights, Integers(integers, (name,)))[0]


EXACT: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "mod": operator.mod,
}


@pytest.fixture(params=[True, False], ids=["few", "many"])
def _few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to sum: over the integers that have mass, and over all."""
    if not request.param:
        monkeypatch.setattr(few_pairs, "FEW", -1)


@pytest.mark.usefixtures("_few")
@pytest.mark.parametrize("integers", RANGES, ids=str)
@pytest.mark.parametrize("name", EXACT)
def test_sharp_operands_give_the_exact_sharp_result(name: str, integers: range) -> None:
    n = len(integers)
    left, right = torch.eye(n).repeat_interleave(n, dim=0), torch.eye(n).repeat(n, 1)
    expected = torch.zeros(n * n, n)
    for i, a in enumerate(integers):
        for j, b in enumerate(integers):
            defined = b != 0 or name not in ("/", "mod")
            if defined and (result := EXACT[name](a, b)) in integers:
                expected[i * n + j, result - integers.start] = 1
    assert torch.equal(soft(name, left, right, integers), expected)


@pytest.mark.usefixtures("_few")
@pytest.mark.parametrize("name", EXACT)
def test_soft_operands_give_the_exact_marginal(name: str) -> None:
    integers = range(-6, 7)
    left, right = _distributions(3, len(integers))
    expected = torch.zeros_like(left)
    for i, a in enumerate(integers):
        for j, b in enumerate(integers):
            defined = b != 0 or name not in ("/", "mod")
            if defined and (result := EXACT[name](a, b)) in integers:
                expected[:, result - integers.start] += left[:, i] * right[:, j]
    torch.testing.assert_close(soft(name, left, right, integers), expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("_few")
def test_gradients() -> None:
    """Of the results and of the order, through both operands and the weights of all operations at once."""
    everything = Integers(range(-4, 6), OPERATIONS)
    left, right = _distributions(2, 10)
    weights = torch.rand(2, len(OPERATIONS), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaves = tuple(leaf.requires_grad_() for leaf in (left, right, weights))
    assert torch.autograd.gradcheck(lambda *parts: operate(parts[0], parts[1], parts[2], everything), leaves)


def test_gradients_reach_what_has_no_mass() -> None:
    """The gradient of a sharp operand's empty entries is what they would add, not zero."""
    integers = range(-4, 4)
    left = torch.zeros(1, 8, dtype=torch.float64)
    left[0, 5] = 1  # the integer 1
    right = left.clone().requires_grad_()
    weights = torch.arange(8.0, dtype=torch.float64)
    (soft("+", left, right, integers) @ weights).sum().backward()
    assert right.grad is not None
    assert right.grad[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 0]  # 1 + b at index b + 5; 1 + 3 is out of range


@pytest.mark.usefixtures("_few")
def test_a_mixture_of_operations_is_the_mixture_of_the_results() -> None:
    integers = range(-6, 7)
    left, right = _distributions(4, len(integers))
    weights = torch.rand(4, len(OPERATIONS), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights[1, 2:] = 0
    mixed, _ = operate(left, right, weights, Integers(integers, OPERATIONS))
    parts = [weights[:, [i]] * soft(name, left, right, integers) for i, name in enumerate(OPERATIONS)]
    torch.testing.assert_close(mixed, torch.stack(parts).sum(0), rtol=0, atol=1e-14)


@pytest.mark.usefixtures("_few")
def test_order_comes_with_the_results() -> None:
    left, right = _distributions(3, 9)
    _, order = operate(left, right, left.new_zeros(3, len(OPERATIONS)), Integers(range(9), ()))
    torch.testing.assert_close(order, compare(left, right), rtol=0, atol=1e-14)


def test_comparison_is_exact() -> None:
    n = 7
    left, right = torch.eye(n).repeat_interleave(n, dim=0), torch.eye(n).repeat(n, 1)
    expected = [[i < j, i == j, i > j] for i in range(n) for j in range(n)]
    assert compare(left, right).bool().tolist() == expected
    soft_left, soft_right = _distributions(3, n)
    order = compare(soft_left, soft_right)
    torch.testing.assert_close(order.sum(-1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(order[:, 0], torch.stack([(a[:, None] * b[None]).triu(1).sum() for a, b in zip(soft_left, soft_right, strict=True)]))  # fmt: skip


def _distributions(batch: int, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    one, other = torch.randn(2, batch, n, generator=generator, dtype=torch.float64).softmax(-1)
    return one, other
