"""Half precision, autocast, saving and cutting: what every structure does whatever type its state has."""

import io
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from neurallambda import structures
from neurallambda.nn import EnabledDataLatch, EqualityChoice, Nand, NandChoice, PredicateLatch, ResettableLatch
from neurallambda.structures import Kind
from neurallambda.symbols.similarity import direction
from tests.structures.cases import SMOOTH, STRUCTURES, float_leaves, gradients_of, leaves, soft, warm

every = pytest.mark.parametrize("name", STRUCTURES)
halves = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])


@every
@halves
def test_half_precision(name: str, half: torch.dtype) -> None:
    structure = STRUCTURES[name]
    operands = tuple(operand.requires_grad_() for operand in soft(structure, 2, 6, seed=1, dtype=half))
    _, exact = structure.scan(structure.init(2, dtype=torch.float64), *soft(structure, 2, 6, seed=1))
    state, reads = structure.scan(structure.init(2, dtype=half), *operands)
    assert reads.dtype is half
    assert all(leaf.dtype is half and leaf.isfinite().all() for leaf in float_leaves(state).values())
    if name in SMOOTH:
        torch.testing.assert_close(reads.double(), exact, rtol=0.15, atol=0.15)
    if reads.requires_grad:
        assert all(gradient.isfinite().all() for gradient in gradients_of(reads.float().sum(), operands))


@every
@halves
def test_autocast_leaves_the_precision_of_a_state_alone(name: str, half: torch.dtype) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, 2, 6, seed=1, dtype=half)
    tracked = tuple(operand.clone().requires_grad_() for operand in operands)
    wide = tuple(operand.float() for operand in operands)
    for form in ("steps", "auto"):
        plain, expected = structure.scan(structure.init(2), *wide, form=form)
        _, expected_step = structure.step(plain, *(operand[:, 0] for operand in wide))
        with torch.autocast("cpu", dtype=half):
            state, reads = structure.scan(structure.init(2), *tracked, form=form)
            _, read = structure.step(state, *(operand[:, 0] for operand in tracked))
            looks = structure.read(state), structure.size(state), structure.contents(state)
        assert torch.equal(reads, expected)
        assert torch.equal(read, expected_step)
        for field, leaf in leaves(plain).items():
            assert torch.equal(leaves(state)[field], leaf)
        assert [look.dtype for look in looks] == [torch.float32] * 3
    if reads.requires_grad:
        assert all(gradient.isfinite().all() for gradient in gradients_of(reads.sum(), tracked))


@halves
@pytest.mark.parametrize("name", sorted({*SMOOTH} - {"multipop_stack", "dot_memory"}))
def test_a_controller_under_autocast_learns(name: str, half: torch.dtype) -> None:
    structure = STRUCTURES[name]
    controller = nn.Linear(5, sum(operand.size for operand in structure.operands))
    features = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=half):
        parts = controller(features).split([operand.size for operand in structure.operands], dim=-1)
        squash: Any = {Kind.DISTRIBUTION: lambda x: x.softmax(-1), Kind.STRENGTH: torch.sigmoid}
        operands = [
            squash.get(operand.kind, lambda x: x)(part) for operand, part in zip(structure.operands, parts, strict=True)
        ]
        _, reads = structure.scan(structure.init(2), *operands)
        loss = reads.square().sum()
    loss.backward()
    assert controller.weight.grad is not None
    assert controller.weight.grad.isfinite().all()
    assert controller.weight.grad.any()


@halves
def test_modules_in_half_precision_and_under_autocast(half: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(4, 6, generator=generator)
    triples = torch.randn(4, 3, 6, generator=generator)
    choices = [
        NandChoice(candidates=3, size=6, gates=5, generator=generator),
        EqualityChoice(candidates=3, gates=5, generator=generator),
        Nand(inputs=3, size=6, gates=5, generator=generator),
    ]
    latches: list[Any] = [PredicateLatch(6, generator=generator), ResettableLatch(6, generator=generator)]
    data_latch = EnabledDataLatch(6, 6, generator=generator)

    def outputs(dtype: torch.dtype) -> list[torch.Tensor]:
        said = [choice(triples.to(dtype)) for choice in choices]
        said += [latch(latch.init(4), seen.to(dtype))[1] for latch in latches]
        return [*said, data_latch(data_latch.init(4), seen.to(dtype), seen.to(dtype))[1]]

    modules = nn.ModuleList([*choices, *latches, data_latch])
    expected = outputs(torch.float32)
    for given in (torch.float32, half):
        with torch.autocast("cpu", dtype=half):
            for one, other in zip(expected, outputs(given), strict=True):
                torch.testing.assert_close(other.float(), one, rtol=0.1, atol=0.1)
    modules.to(half)
    said = outputs(half)
    for one, other in zip(expected, said, strict=True):
        assert other.dtype is half
        torch.testing.assert_close(other.float(), one, rtol=0.1, atol=0.1)
    torch.stack([output.float().sum() for output in said]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in modules.parameters())


@every
def test_a_state_is_saved_and_loaded_by_the_defaults(name: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, 3, seed=1)
    file = io.BytesIO()
    torch.save({"state": state, "step": 7}, file)
    file.seek(0)
    loaded = torch.load(file)["state"]
    assert type(loaded) is type(state)
    operands = soft(structure, 3, 4, seed=2)
    _, expected = structure.scan(state, *operands)
    assert torch.equal(structure.scan(loaded, *operands)[1], expected)


@every
def test_states_are_cut_moved_and_joined(name: str) -> None:
    structure = STRUCTURES[name]
    operands = tuple(operand.requires_grad_() for operand in soft(structure, 3, 4, seed=1))
    state, _ = structure.scan(structure.init(3, dtype=torch.float64), *operands)
    assert not any(leaf.requires_grad for leaf in leaves(state.detach()).values())
    assert all(leaf.dtype is torch.float32 for leaf in float_leaves(state.to(torch.float32)).values())
    later = soft(structure, 3, 4, seed=2)
    _, expected = structure.scan(state, *later, form="steps")
    parts = [
        structure.scan(state.rows([row]), *(operand[row : row + 1] for operand in later), form="steps")
        for row in (2, 0)
    ]
    torch.testing.assert_close(torch.cat([reads for _, reads in parts]), expected[[2, 0]], rtol=1e-12, atol=1e-12)
    joined = type(state).cat([one for one, _ in parts])
    assert torch.equal(structure.read(joined), torch.cat([structure.read(one) for one, _ in parts]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("length", [1e-6, 1e-3, 1.0, 5e20])
def test_directions_do_not_depend_on_the_length(dtype: torch.dtype, length: float) -> None:
    if dtype is torch.float16:
        length = min(max(length, 1e-3), 1e4)  # beyond, the vector or its gradient, which is one over it, has no number
    vector = torch.tensor([3.0, -4.0, 0.0], dtype=dtype) * length
    vector.requires_grad_()
    found = direction(vector)
    torch.testing.assert_close(found, torch.tensor([0.6, -0.8, 0.0], dtype=dtype), rtol=2e-2, atol=2e-2)
    (gradient,) = torch.autograd.grad(found.float() @ torch.tensor([1.0, 2.0, 3.0]), vector)
    assert gradient.isfinite().all()
    assert direction(torch.zeros(3, dtype=dtype)).tolist() == [0.0] * 3


def test_a_star_import_gives_the_structures() -> None:
    names: dict[str, Any] = {}
    exec("from neurallambda.structures import *", names)
    assert set(structures.__all__) <= set(names)
    assert names["SuperpositionStack"] is structures.SuperpositionStack


def test_the_package_of_structures_imports_nothing_before_it_is_asked() -> None:
    code = "import sys, neurallambda.structures; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
