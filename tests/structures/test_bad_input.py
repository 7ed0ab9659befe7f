"""Bad input is refused with the argument's name, what came, and what was expected."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from neurallambda import structures
from neurallambda.errors import ArgumentError
from neurallambda.structures import Kind, SuperpositionStack, mask_of_lengths
from neurallambda.structures.instruction.weights import check_weights
from tests.structures.cases import STRUCTURES, soft

every = pytest.mark.parametrize("name", STRUCTURES)


@every
@pytest.mark.parametrize("size", [0, -1, True])
def test_sizes(name: str, size: Any) -> None:
    structure: Any = STRUCTURES[name]
    range_said = "" if size is True else " of at least 1"
    for field in ("capacity", "width", "symbols", "pops", "key_width"):
        if hasattr(structure, field):
            with pytest.raises(ArgumentError, match=rf"{field}: got {size!r}, expected an integer{range_said}"):
                replace(structure, **{field: size})
    if size is not True:
        with pytest.raises(ArgumentError, match="batch: got"):
            structure.init(size)


@every
def test_shapes(name: str) -> None:
    structure = STRUCTURES[name]
    state = structure.init(2)
    operands = list(soft(structure, 2, seed=1, dtype=torch.float32))
    for index, operand in enumerate(structure.operands):
        wrong = [*operands]
        wrong[index] = torch.ones(2, operand.size + 1)
        expected = rf"{operand.name}: got shape \(2, {operand.size + 1}\), expected \(2, {operand.size}\)"
        with pytest.raises(ArgumentError, match=expected):
            structure.step(state, *wrong)
        wrong[index] = operands[index][:1]
        with pytest.raises(ArgumentError, match=rf"{operand.name}: got shape \(1, "):
            structure.step(state, *wrong)
    with pytest.raises(ArgumentError, match=rf"operands: got 0 tensors, expected {len(operands)}: action"):
        structure.step(state)
    with pytest.raises(ArgumentError, match=r"action: got shape .*; there is no time axis: .* step takes one"):
        structure.scan(state, *operands)
    with pytest.raises(ArgumentError, match=r"action: got shape .*; there is a time axis: .* scan takes a whole"):
        structure.step(state, *(operand[:, None] for operand in operands))
    unlike: Any = structure
    with pytest.raises((ArgumentError, TypeError), match=r"action: got list, expected a tensor|Type-check"):
        unlike.scan(state, *(operand.tolist() for operand in operands))


@every
def test_dtypes_and_devices(name: str) -> None:
    structure = STRUCTURES[name]
    state = structure.init(2)
    with pytest.raises(ArgumentError, match=r"action: got dtype torch.float64, expected torch.float32"):
        structure.step(state, *soft(structure, 2, seed=1))
    with pytest.raises(ArgumentError, match="action: got a tensor on meta, expected cpu"):
        structure.step(state, *(operand.float().to("meta") for operand in soft(structure, 2, seed=1)))
    with pytest.raises(ArgumentError, match=r"dtype: got torch.int64, expected a floating point type"):
        structure.init(2, dtype=torch.int64)


@every
@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf")])
def test_weights(name: str, bad: float) -> None:
    structure = STRUCTURES[name]
    state = structure.init(2)
    for index, operand in enumerate(structure.operands):
        if operand.kind in (Kind.DISTRIBUTION, Kind.STRENGTH):
            operands = list(soft(structure, 2, seed=1, dtype=torch.float32))
            operands[index][1, 0] = bad
            with pytest.raises(ArgumentError, match=rf"{operand.name}: got values from .* expected finite weights"):
                structure.step(state, *operands)
            structure.step(state, *operands, mask=torch.tensor([True, False]))


@every
def test_distributions_sum_to_one(name: str) -> None:
    structure = STRUCTURES[name]
    for index, operand in enumerate(structure.operands):
        if operand.kind is Kind.DISTRIBUTION:
            operands = list(soft(structure, 2, seed=1, dtype=torch.float32))
            operands[index] = 2 * operands[index]
            with pytest.raises(ArgumentError, match=rf"{operand.name}: got weights that sum to .*2.*expected 1"):
                structure.step(structure.init(2), *operands)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_weights_however_they_lie(dtype: torch.dtype, size: int) -> None:
    good = torch.full((5, size), 1 / size, dtype=dtype)
    wrongs = {
        "expected finite weights": [-0.5, float("nan"), float("inf"), -float("inf")],
        "expected 1; use a softmax": [1 / size + 0.1],
    }
    for laid in (good, good.t().contiguous().t(), good[None].expand(2, 5, size)):
        check_weights("weights", laid, distribution=True)
        check_weights("weights", 7 * laid, distribution=False)
        for message, numbers in wrongs.items():
            for number in numbers:
                bad = laid.clone()
                bad[..., -1, -1] = number
                with pytest.raises(ArgumentError, match=message):
                    check_weights("weights", bad, distribution=True)
                if message == "expected finite weights":
                    with pytest.raises(ArgumentError, match=message):
                        check_weights("weights", bad, distribution=False)


def test_masks() -> None:
    stack = SuperpositionStack(capacity=2, width=1)
    state, operands = stack.init(2), soft(stack, 2, seed=1, dtype=torch.float32)
    with pytest.raises(ArgumentError, match=r"mask: got torch.float32, expected a boolean tensor"):
        stack.step(state, *operands, mask=torch.ones(2))
    with pytest.raises(ArgumentError, match=r"mask: got shape \(3,\), expected \(2,\)"):
        stack.step(state, *operands, mask=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ArgumentError, match=r"lengths: got \[5\], expected each between 0 and time = 4"):
        mask_of_lengths(torch.tensor([5]), 4)
    with pytest.raises(ArgumentError, match=r"lengths: got torch\.float32"):
        mask_of_lengths(torch.tensor([2.0]), 4)


def test_states() -> None:
    stack: Any = SuperpositionStack(capacity=2, width=1)
    queue = structures.SuperpositionQueue(capacity=2, width=1)
    operands = soft(stack, 2, seed=1, dtype=torch.float32)
    with pytest.raises(ArgumentError, match="state: got SuperpositionQueueState, expected the SuperpositionStackState"):
        stack.step(queue.init(2), *operands)
    with pytest.raises(ArgumentError, match=r"state: field rest has shape \(2, 1\) a row, expected \(1, 1\)"):
        stack.step(SuperpositionStack(capacity=3, width=1).init(2), *operands)
    with pytest.raises(ArgumentError, match="state: got SuperpositionQueueState, expected SuperpositionStackState"):
        stack.adopt(queue.init(2))
    with pytest.raises(ArgumentError, match=r"state: field rest has shape .* which does not fit into"):
        stack.adopt(SuperpositionStack(capacity=3, width=1).init(2))


def test_forms() -> None:
    stack = SuperpositionStack(capacity=2, width=1, pops=2)
    operands = soft(stack, 2, 3, seed=1, dtype=torch.float32)
    with pytest.raises(ArgumentError, match=r"form: got 'quick', expected one of \['auto', 'steps', 'fused'"):
        stack.scan(stack.init(2), *operands, form="quick")
    with pytest.raises(ArgumentError, match=r"form: 'fused' cannot run here .*pip install -e '\.\[fast\]'"):
        stack.scan(stack.init(2), *operands, form="fused")


def test_other_settings() -> None:
    with pytest.raises(ArgumentError, match=r"softness: got 0.0, expected a positive finite number"):
        structures.PriorityQueue(capacity=2, width=1, softness=0.0)
    with pytest.raises(ArgumentError, match="similarity: got 'euclid', expected one of"):
        structures.Memory(capacity=2, width=1, key_width=1, similarity="euclid")
    with pytest.raises(ArgumentError, match="slots: got 2, expected an integer of at least 3"):
        structures.StrengthStack(capacity=3, width=1, slots=2)
    with pytest.raises(AttributeError, match="no attribute 'Heap'"):
        structures.Heap  # noqa: B018
