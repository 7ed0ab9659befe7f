"""`torch.compile(fullgraph=True)` of a step in superposition, with gradients; run without the shape checks."""

import pytest
import torch
from torch import Tensor

from neurallambda.twins import SuperposedAutomaton
from neurallambda.twins.blank import blank_pda, blank_queue, blank_turing
from neurallambda.twins.superposed import Weights
from tests.twins.soft import shaken

MACHINES = {
    "pda": blank_pda("ab", states=2, stack="xy"),
    "queue": blank_queue("ab", states=2, queue="x"),
    "tape": blank_turing("ab", states=2),
}


@pytest.mark.compile
@pytest.mark.parametrize("name", MACHINES)
def test_a_compiled_step_is_eager(name: str) -> None:
    torch.compiler.reset()
    twin = shaken(SuperposedAutomaton(MACHINES[name], capacity=6, dtype=torch.float64))
    assert isinstance(twin, SuperposedAutomaton)
    strings = twin.encode(["ab", "b", "bba"])
    moves, accept = (tensor.detach().requires_grad_() for tensor in (twin.weights().moves, twin.weights().accept))
    with torch.no_grad():
        first = twin.superposed.step(
            Weights(moves=moves, accept=accept), strings, twin.superposed.start(strings, accept)
        )

    def step(moves: Tensor, accept: Tensor) -> Tensor:
        now = twin.superposed.step(Weights(moves=moves, accept=accept), strings, first)
        return torch.cat([now.control, now.accepted[:, None], now.refused[:, None]], 1)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    expected, found = step(moves, accept), compiled(moves, accept)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weights = torch.arange(expected.numel(), dtype=torch.float64).reshape(expected.shape)
    by_hand = torch.autograd.grad((expected * weights).sum(), moves, retain_graph=True)
    traced = torch.autograd.grad((found * weights).sum(), moves, retain_graph=True)
    torch.testing.assert_close(traced, by_hand, rtol=1e-12, atol=1e-12)
