"""Scans of many cells, which are computed in blocks of cells and spans of steps: they are stepping, and need little room."""

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.memory import peak_tensor_memory
from neurallambda.structures import Structure, SuperpositionDeque, SuperpositionQueue, SuperpositionStack
from neurallambda.structures.superposition.spans import SHORTEST, steps_a_copy
from tests.structures.cases import float_leaves, forms_of, leaves, mapped_leaves, soft

DOUBLE = torch.float64

DEEP: dict[str, Structure[Any]] = {
    "stack_of_33": SuperpositionStack(capacity=33, width=3),
    "stack_of_41": SuperpositionStack(capacity=41, width=1),
    "stack_of_96": SuperpositionStack(capacity=96, width=64),
    "stack_of_60_with_2_pops": SuperpositionStack(capacity=60, width=3, pops=2),
    "stack_of_120_with_3_pops": SuperpositionStack(capacity=120, width=2, pops=3),
    "stack_of_160_with_9_pops": SuperpositionStack(capacity=160, width=2, pops=9),
    "queue_of_33": SuperpositionQueue(capacity=33, width=3),
    "queue_of_96": SuperpositionQueue(capacity=96, width=64),
}

deep = pytest.mark.parametrize("name", DEEP)
every_way = pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name, structure in DEEP.items() for form in forms_of(structure)]
)


def filled(structure: Structure[Any], batch: int, *, dtype: torch.dtype) -> Any:
    """A state with something in every cell, down to the last."""
    generator = torch.Generator().manual_seed(1)
    state = mapped_leaves(
        structure.init(batch, dtype=DOUBLE), lambda leaf: torch.rand(leaf.shape, generator=generator, dtype=DOUBLE)
    )
    sizes = torch.sort(state.occupied, dim=1, descending=True).values
    return mapped_leaves(state, lambda leaf: (sizes if leaf is state.occupied else leaf).to(dtype))


def found(structure: Structure[Any], form: str, time: int, *, dtype: torch.dtype, twice: bool) -> list[Tensor]:
    """Reads and last state of a scan, with gradients of instructions and first state, and perhaps gradients of those."""
    state = mapped_leaves(filled(structure, 2, dtype=dtype), Tensor.requires_grad_)
    operands = tuple(operand.requires_grad_() for operand in soft(structure, 2, time, seed=2, dtype=dtype))
    after, reads = structure.scan(state, *operands, form=form)
    outputs = [reads, *float_leaves(after).values()]
    inputs = [*operands, *leaves(state).values()]
    loss = torch.stack([output.square().mean() for output in outputs]).sum()
    gradients = torch.autograd.grad(loss, inputs, create_graph=twice)
    if not twice:
        return [*outputs, *gradients]
    loss = torch.stack([gradient.sin().sum() for gradient in gradients]).sum()
    return [*outputs, *gradients, *torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)]


@every_way
@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-12), (torch.float32, 1e-5)])
def test_deep_scans_are_stepping(name: str, form: str, dtype: torch.dtype, tolerance: float) -> None:
    expected = found(DEEP[name], "steps", 53, dtype=dtype, twice=False)
    got = found(DEEP[name], form, 53, dtype=dtype, twice=False)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)


@every_way
def test_their_second_gradients_are_those_of_stepping(name: str, form: str) -> None:
    expected = found(DEEP[name], "steps", 35, dtype=DOUBLE, twice=True)
    got = found(DEEP[name], form, 35, dtype=DOUBLE, twice=True)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@deep
def test_nothing_is_run_again_where_there_are_no_gradients(name: str) -> None:
    structure, state = DEEP[name], filled(DEEP[name], 2, dtype=DOUBLE)
    operands = soft(structure, 2, 20, seed=2)
    with torch.no_grad():
        after, reads = structure.scan(state, *operands, form="chunked")
    expected, expected_reads = structure.scan(state, *operands, form="steps")
    torch.testing.assert_close(reads, expected_reads, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(after.overflow, expected.overflow, rtol=1e-12, atol=1e-12)


@deep
@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_deep_scans_under_transforms(name: str) -> None:
    structure, state = DEEP[name], filled(DEEP[name], 2, dtype=DOUBLE)
    operands = soft(structure, 2, 20, seed=2)
    tangents = tuple(torch.randn_like(operand) for operand in operands)

    def reads(form: str, *operands: Tensor) -> Tensor:
        return structure.scan(state, *operands, form=form)[1]

    worlds = tuple(torch.stack([operand, operand.flip(0)]) for operand in operands)

    def chunked(*operands: Tensor) -> Tensor:
        return reads("chunked", *operands)

    together = torch.vmap(chunked)(*worlds)
    torch.testing.assert_close(together[1], reads("steps", *(operand[1] for operand in worlds)), rtol=0, atol=1e-12)

    def loss(form: str, *operands: Tensor) -> Tensor:
        return reads(form, *operands).square().sum()

    ways = [torch.func.grad(loss, argnums=(1, 2))(form, *operands) for form in ("chunked", "steps")]
    ways += [torch.func.jvp(lambda *o, form=form: reads(form, *o), operands, tangents) for form in ("chunked", "steps")]
    for got, expected in (ways[:2], ways[2:]):
        for one, other in zip(got, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@deep
@pytest.mark.compile
def test_compiled_deep_scans_are_eager_ones(name: str) -> None:
    torch.compiler.reset()
    structure, state = DEEP[name], filled(DEEP[name], 2, dtype=DOUBLE)
    operands = tuple(operand.requires_grad_() for operand in soft(structure, 2, 27, seed=2))

    def reads(*operands: Tensor) -> Tensor:
        return structure.scan(state, *operands, form="chunked")[1]

    compiled = torch.compile(reads, fullgraph=True, backend="aot_eager")
    found = [torch.autograd.grad(way(*operands).square().sum(), operands) for way in (compiled, reads)]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def peak(structure: Structure[Any], form: str, time: int) -> float:
    """Numbers that forward and backward hold at most, for each of the batch's rows."""
    batch = 2
    operands = [operand.requires_grad_() for operand in soft(structure, batch, time, seed=1, dtype=torch.float32)]

    def run() -> None:
        _, reads = structure.scan(structure.init(batch), *operands, form=form)
        torch.autograd.grad(reads.sum(), operands)

    run()
    return peak_tensor_memory(run) / 4 / batch


every_scan = pytest.mark.parametrize(
    ("kind", "form"),
    [(kind, form) for kind in (SuperpositionStack, SuperpositionQueue) for form in ("chunked", "fused")],
)


@every_scan
@pytest.mark.parametrize("width", [16, 64, 256])
@pytest.mark.parametrize("capacity", [16, 32, 256])
def test_a_step_needs_memory_in_proportion_to_width_and_capacity(
    kind: Any, form: str, width: int, capacity: int
) -> None:
    """At most so many numbers a step; at the largest, an 8th of capacity * capacity, or of capacity * width, is more."""
    structure = kind(capacity=capacity, width=width)
    needed = (peak(structure, form, 512) - peak(structure, form, 256)) / 256
    assert needed <= 800 + 12 * (width + capacity)


@every_scan
def test_memory_a_step_does_not_grow_with_time(kind: Any, form: str) -> None:
    structure = kind(capacity=128, width=64)
    assert peak(structure, form, 1024) / 1024 <= peak(structure, form, 256) / 256


@pytest.mark.parametrize("capacity", [8, 16])
def test_a_deque_keeps_few_copies_of_its_many_cells(capacity: int) -> None:
    structure = SuperpositionDeque(capacity=capacity, width=16)
    assert (peak(structure, "fused", 512) - peak(structure, "fused", 256)) / 256 <= 12 * (16 + capacity)


@pytest.mark.parametrize("capacity", [1, 32, 64, 128, 1000])
@pytest.mark.parametrize("width", [1, 64, 1000])
def test_copies_take_no_more_room_than_promised(capacity: int, width: int) -> None:
    steps = steps_a_copy(capacity * width, capacity + width)
    assert steps == SHORTEST or capacity * width / steps <= 2 * (capacity + width)
    assert steps == SHORTEST or capacity * width / (steps - 1) > 2 * (capacity + width)
