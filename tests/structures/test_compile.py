"""`torch.compile(fullgraph=True)` of a step and of a scan, with gradients; run without the shape checks."""

import pytest
import torch

from tests.structures.cases import SMOOTH, STRUCTURES, gradients_of, soft, warm


@pytest.mark.compile
@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("what", ["step", "scan"])
def test_compiled_is_eager(name: str, what: str) -> None:
    torch.compiler.reset()
    structure = STRUCTURES[name]
    state = warm(structure, 2, seed=1)
    leading = (2, 9) if what == "scan" and structure.forms else (2, 3) if what == "scan" else (2,)
    operands = tuple(operand.requires_grad_() for operand in soft(structure, *leading, seed=2))
    run = getattr(structure, what)
    compiled = torch.compile(lambda state, *operands: run(state, *operands), fullgraph=True, backend="aot_eager")
    after, reads = compiled(state, *operands)
    expected, expected_reads = run(state, *operands)
    torch.testing.assert_close(reads, expected_reads, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(after.overflow, expected.overflow, rtol=1e-12, atol=1e-12)
    if name in SMOOTH:
        gradients, by_hand = gradients_of(reads.sum(), operands), gradients_of(expected_reads.sum(), operands)
        for one, other in zip(gradients, by_hand, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
