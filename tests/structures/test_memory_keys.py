"""Memory by content, with keys of any length, in any precision, and keys that are alike."""

import pytest
import torch
from torch import Tensor

from neurallambda.structures import Memory, Similarity
from neurallambda.structures.memory import MemoryState, alike, crosstalk

HOLD, SEEK, FIND, WRITE, INSERT, REPLACE, REMOVE = range(7)


def act(memory: Memory, state: MemoryState, action: int, value: float, key: Tensor) -> tuple[MemoryState, Tensor]:
    dtype = key.dtype
    number = torch.full((1, 1), value, dtype=dtype)
    one_hot = torch.eye(7, dtype=dtype)[action][None]
    return memory.step(state, one_hot, number, torch.eye(memory.capacity, dtype=dtype)[:1], key[None], 0 * number)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_holding_an_empty_memory_gives_numbers(dtype: torch.dtype) -> None:
    memory = Memory(capacity=3, width=1, key_width=2)
    key = torch.zeros(2, dtype=dtype, requires_grad=True)
    state, read = act(memory, memory.init(1, dtype=dtype), HOLD, 1.0, key)
    state, found = act(memory, state, FIND, 1.0, key)
    assert read.item() == found.item() == 0.0
    assert state.keys.isfinite().all()
    (gradient,) = torch.autograd.grad(found.sum(), key)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("length", [1e-6, 1.0, 5e20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keys_of_any_length(length: float, dtype: torch.dtype) -> None:
    memory = Memory(capacity=3, width=1, key_width=2)
    state = memory.init(1, dtype=dtype)
    first, second = length * torch.eye(2, dtype=dtype)
    state, _ = act(memory, state, INSERT, 3.0, first)
    state, _ = act(memory, state, INSERT, 5.0, second)
    assert act(memory, state, FIND, 0.0, first)[1].item() == 3.0
    assert act(memory, state, FIND, 0.0, second / length)[1].item() == 5.0
    assert state.merged.item() == 0.0
    tracked = first.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(act(memory, state, FIND, 0.0, tracked)[1].sum(), tracked)
    assert gradient.isfinite().all()


def after_gaussian_keys(*, sharpness: float) -> tuple[Tensor, Tensor, Tensor]:
    """What is read back for each of thirteen Gaussian keys, what was merged, and the crosstalk of the keys."""
    keys = torch.randn(13, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    memory = Memory(capacity=16, width=1, key_width=64, sharpness=sharpness)
    state = memory.init(1, dtype=torch.float64)
    for number, key in enumerate(keys):
        state, _ = act(memory, state, INSERT, float(number), key)
    reads = torch.cat([act(memory, state, FIND, 0.0, key)[1][0] for key in keys])
    return reads, state.merged, crosstalk(keys, sharpness=sharpness)


def test_merged_keys_are_counted() -> None:
    reads, merged, apart = after_gaussian_keys(sharpness=1.0)
    assert (reads - torch.arange(13)).abs().max() > 1
    assert merged.item() > 1
    assert apart.max() > 0.5


def test_sharp_memory_keeps_gaussian_keys_apart() -> None:
    reads, merged, apart = after_gaussian_keys(sharpness=12.0)
    torch.testing.assert_close(reads, torch.arange(13, dtype=torch.float64), rtol=0, atol=0.01)
    assert merged.item() < 1e-5
    assert apart.max() < 1e-5


def test_a_shifted_cosine_learns_from_any_angle() -> None:
    key = torch.tensor([[-1.0, 0.1]], requires_grad=True)
    held = torch.tensor([[[1.0, 0.0]]])
    assert not torch.autograd.grad(alike(key, held, Similarity.COSINE).sum(), key)[0].any()
    likeness = alike(key, held, Similarity.SHIFTED_COSINE)
    assert 0 < likeness.item() < 0.01
    assert torch.autograd.grad(likeness.sum(), key)[0].any()
    assert alike(held[0], held, Similarity.SHIFTED_COSINE).item() == 1.0


def test_a_power_below_one_has_gradients_where_nothing_is_alike() -> None:
    memory = Memory(capacity=2, width=1, key_width=2, sharpness=0.5)
    state, _ = act(memory, memory.init(1), INSERT, 3.0, torch.tensor([1.0, 0.0]))
    key = torch.tensor([0.0, 1.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(act(memory, state, FIND, 0.0, key)[1].sum(), key)
    assert gradient.isfinite().all()
