"""A loss that is summed piece by piece is the loss of all rows at once, and its gradient is that one's."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching.pieces import summed_in_pieces

cross_entropy = partial(functional.cross_entropy, reduction="sum", ignore_index=-100)


def divergence(said: Tensor, wanted: Tensor) -> Tensor:
    return functional.kl_div(said.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="sum")


@given(
    rows=st.integers(0, 9), piece=st.integers(1, 12), scale=st.sampled_from([1.0, -0.3, 40.0]), seed=st.integers(0, 99)
)
def test_pieces_give_the_sum_and_the_gradient_of_the_whole(rows: int, piece: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    numbers = (torch.randn(rows, 5, generator=generator, dtype=torch.float64) * abs(scale)).requires_grad_()
    targets = torch.randint(0, 5, (rows,), generator=generator).where(torch.arange(rows) % 3 > 0, -100)
    wanted = torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    for loss, beside in ((cross_entropy, targets), (divergence, wanted)):
        whole, parts = loss(numbers, beside), summed_in_pieces(loss, numbers, beside, rows=piece)
        torch.testing.assert_close(parts, whole)
        (expected,) = torch.autograd.grad(whole * scale, numbers)
        (found,) = torch.autograd.grad(parts * scale, numbers)
        torch.testing.assert_close(found, expected)


def test_logits_in_bfloat16_are_summed_in_float32() -> None:
    logits = torch.randn(300, 4, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    targets = torch.arange(300) % 4
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = summed_in_pieces(cross_entropy, logits, targets)
    torch.testing.assert_close(total, cross_entropy(logits.float(), targets))
    total.backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16


def test_without_gradients_none_are_made() -> None:
    logits, targets = torch.randn(3, 4), torch.tensor([0, 1, 2])
    assert not summed_in_pieces(cross_entropy, logits, targets).requires_grad
    with torch.no_grad():
        torch.testing.assert_close(summed_in_pieces(cross_entropy, logits, targets), cross_entropy(logits, targets))
    with pytest.raises(ArgumentError, match="rows: got 0"):
        summed_in_pieces(cross_entropy, logits, targets, rows=0)
