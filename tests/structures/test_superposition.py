"""The ways to scan a superposition stack or queue agree at every size, and with what the mathematics says."""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from neurallambda.structures import Structure, SuperpositionQueue, SuperpositionStack
from neurallambda.structures.availability import is_installed
from neurallambda.structures.superposition.step import mixed
from tests.structures.cases import float_leaves, leaves, mapped_leaves, soft, warm

every_kind = pytest.mark.parametrize("kind", [SuperpositionStack, SuperpositionQueue])


def found(structure: Structure[Any], form: str, time: int, *, start: bool, dtype: torch.dtype) -> list[Tensor]:
    """Reads, last state, and the gradients of instructions and first state, of a scan."""
    first = warm(structure, 2, seed=1, dtype=dtype) if start else structure.init(2, dtype=dtype)
    state = mapped_leaves(first, lambda leaf: leaf.clone().requires_grad_(start))
    operands = tuple(operand.requires_grad_() for operand in soft(structure, 2, time, seed=2, dtype=dtype))
    after, reads = structure.scan(state, *operands, form=form)
    outputs = [reads, *float_leaves(after).values()]
    generator = torch.Generator().manual_seed(3)
    weights = [torch.rand(output.shape, generator=generator, dtype=torch.float64).to(dtype) for output in outputs]
    # Without a first state that takes gradients, only the reads do: the kernels leave out what nothing depends on.
    counted = slice(None) if start else slice(1)
    inputs = [*operands, *(leaves(state).values() if start else [])]
    return [*outputs, *torch.autograd.grad(outputs[counted], inputs, weights[counted], allow_unused=False)]


@every_kind
@pytest.mark.parametrize("form", ["fused", "chunked"])
@pytest.mark.parametrize("capacity", [1, 2, 17, 40])
@pytest.mark.parametrize("time", [1, 8, 17, 70])
@pytest.mark.parametrize("start", [False, True])
def test_forms_agree_at_every_size(kind: Any, form: str, capacity: int, time: int, start: bool) -> None:
    structure = kind(capacity=capacity, width=3)
    expected = found(structure, "steps", time, start=start, dtype=torch.float64)
    got = found(structure, form, time, start=start, dtype=torch.float64)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("width", [1, 64, 65, 130])
def test_forms_agree_at_every_width(kind: Any, width: int) -> None:
    """Kernels work on 64 columns at once, backward, and what depends on the occupancy is gathered from them all."""
    structure = kind(capacity=5, width=width)
    expected = found(structure, "steps", 19, start=True, dtype=torch.float64)
    got = found(structure, "fused", 19, start=True, dtype=torch.float64)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("form", ["fused", "chunked"])
def test_forms_agree_in_single_precision_and_at_full_size(kind: Any, form: str) -> None:
    structure = kind(capacity=32, width=64)
    expected = found(structure, "steps", 128, start=False, dtype=torch.float32)
    got = found(structure, form, 128, start=False, dtype=torch.float32)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)


@every_kind
@pytest.mark.parametrize("field", ["cells", "occupied"])
def test_one_field_of_the_first_state_may_take_gradients(kind: Any, field: str) -> None:
    """Even where nothing lies: the kernels leave out cells that nothing depends on, and these do count."""
    gradients = []
    for form in ("steps", "fused"):
        structure = kind(capacity=9, width=3)
        state = structure.init(2, dtype=torch.float64)
        names = ("top", "rest") if field == "cells" and kind is SuperpositionStack else (field,)
        inputs = [getattr(state, name).requires_grad_() for name in names]
        after, reads = structure.scan(state, *soft(structure, 2, 21, seed=1), form=form)
        loss = reads.sin().sum() + after.occupied.sin().sum()
        gradients.append(torch.autograd.grad(loss, inputs))
    for one, other in zip(*gradients, strict=True):
        assert one.any()
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@pytest.mark.skipif(not is_installed("numba"), reason="Numba is not installed")
@pytest.mark.parametrize("capacity", [1, 2, 3, 40])
@pytest.mark.parametrize("width", [1, 3, 64, 500])
@pytest.mark.parametrize("counted", [4, 2, 1])
def test_the_fused_step_is_the_plain_one(capacity: int, width: int, counted: int) -> None:
    """Rows of less than a block of cells, and of many; the value's rows lie apart; not all outputs need count."""
    from neurallambda.structures.superposition.numba.step import step_fused

    stack = SuperpositionStack(capacity=capacity, width=width)
    action, values = soft(stack, 5, 2, seed=1)
    inputs = (action[:, 1].requires_grad_(), values.requires_grad_(), *leaves(warm(stack, 5, seed=2)).values())
    inputs = (*inputs[:2], *(leaf.detach().requires_grad_() for leaf in inputs[2:]))
    found = []
    for step in (mixed, step_fused):
        outputs = step(inputs[0], inputs[1][:, 1], *inputs[2:])
        grads = [torch.cos(torch.arange(output.numel())).to(output).reshape(output.shape) for output in outputs]
        needed = torch.autograd.grad(
            outputs[:counted], inputs, grads[:counted], allow_unused=True, materialize_grads=True
        )
        found.append((*outputs, *needed))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pops", [2, 3])
@pytest.mark.parametrize("capacity", [1, 4, 30])
def test_several_pops(capacity: int, pops: int) -> None:
    stack = SuperpositionStack(capacity=capacity, width=2, pops=pops)
    expected = found(stack, "steps", 25, start=True, dtype=torch.float64)
    got = found(stack, "chunked", 25, start=True, dtype=torch.float64)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@every_kind
def test_threads_share_out_the_rows(kind: Any) -> None:
    structure = kind(capacity=5, width=3)
    ways = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            operands = [operand.requires_grad_() for operand in soft(structure, 7, 20, seed=1)]
            _, reads = structure.scan(structure.init(7, dtype=torch.float64), *operands, form="fused")
            ways.append([reads, *torch.autograd.grad(reads.sin().sum(), operands)])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*ways, strict=True))


def test_half_a_push_is_half_an_item() -> None:
    stack = SuperpositionStack(capacity=2, width=1)
    state, read = stack.step(stack.init(1), torch.tensor([[0.5, 0.0, 0.5]]), torch.tensor([[4.0]]))
    assert read.item() == 2.0
    assert stack.size(state).item() == 0.5


@every_kind
def test_without_numba_the_chunked_form_is_chosen(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    structure = kind(capacity=4, width=3)
    operands = soft(structure, 2, 9, seed=1)

    def chosen() -> object:
        state = structure.init(2, dtype=torch.float64)
        return next(name for name, form in structure.forms.items() if form.available(state, *operands))

    assert chosen() == "fused"
    _, fused = structure.scan(structure.init(2, dtype=torch.float64), *operands)
    monkeypatch.setattr("neurallambda.structures.availability.is_installed", lambda package: False)
    assert chosen() == "chunked"
    _, chunked = structure.scan(structure.init(2, dtype=torch.float64), *operands)
    torch.testing.assert_close(fused, chunked, rtol=1e-12, atol=1e-12)


@pytest.mark.skipif(not is_installed("triton"), reason="Triton is not installed")
@pytest.mark.parametrize(
    "capacity", [9, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_the_triton_kernel_in_its_interpreter(capacity: int) -> None:
    """In a process of its own: the interpreter must be asked for before Triton is imported."""
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "tests.structures.interpreted_triton", str(capacity)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not is_installed("triton"), reason="Triton is not installed")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_triton_kernel_on_a_gpu(dtype: torch.dtype) -> None:
    from tests.structures.interpreted_triton import check

    check(32, 64, 50, device="cuda", dtype=dtype)
