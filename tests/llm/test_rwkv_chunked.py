"""The recurrence of RWKV-7 in chunks, against that of rwkv7-hf, token by token."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm import rwkv_chunked
from neurallambda.llm.rwkv_chunked import CHUNK, LEAST_DECAY, chunked_recurrence, fast_rwkv7
from tests.llm.tiny import plain, tokens

rwkv7 = pytest.importorskip("rwkv7_hf")
recurrent: Any = pytest.importorskip("rwkv7_hf.ops_rwkv7").rwkv7_recurrent
modeling: Any = pytest.importorskip("rwkv7_hf.modeling_rwkv7")

TIMES = st.one_of(st.integers(1, 5), st.integers(CHUNK - 1, CHUNK + 1), st.integers(1, 3 * CHUNK + 2))


def drawn(
    seed: int, *, batch: int = 2, time: int, heads: int = 2, keys: int = 5, values: int = 4, precision: torch.dtype
) -> list[Tensor]:
    """Arguments as RWKV-7 makes them: `a` is minus a unit vector, and `b` that vector, each number of it times a rate."""
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    shape = (batch, time, heads, keys)
    unit = torch.nn.functional.normalize(numbers(*shape), dim=-1)
    decay = torch.exp(-(torch.tensor(-0.5).exp()) * numbers(*shape).mul(3).sigmoid())
    rate = numbers(*shape).mul(3).sigmoid()
    parts = [numbers(*shape), decay, numbers(*shape), numbers(batch, time, heads, values), -unit, unit * rate]
    return [part.to(precision) for part in (*parts, numbers(batch, heads, keys, values))]


def bound(parts: list[Tensor]) -> float:
    """How far rounding may put two ways of computing the outputs and the last state apart.

    An error made in the state before a token is multiplied by `diag(w) + b a'`, whose greatest singular value is taken. At
    each token, and for each token of its chunk, sums of at most `keys + 2 CHUNK` products are rounded, none of which is greater
    than what is then in the state, what is added to it, and what the delta rule moves.
    """
    r, w, k, v, a, b, state = (part.double() for part in parts)
    wide = recurrent(r, w, k, v, a, b, state)[1].new_zeros(())
    size, error = state.norm(dim=(-2, -1)), torch.zeros_like(state[:, :, 0, 0])
    roundings = min(CHUNK, r.shape[1]) * (r.shape[-1] + 2 * CHUNK) * torch.finfo(parts[0].dtype).eps
    for time in range(r.shape[1]):
        moves = torch.diag_embed(w[:, time]) + b[:, time, :, :, None] * a[:, time, :, None, :]
        moved = b[:, time].norm(dim=-1) * a[:, time].norm(dim=-1) * size
        added = k[:, time].norm(dim=-1) * v[:, time].norm(dim=-1)
        _, state = recurrent(*(part[:, time : time + 1] for part in (r, w, k, v, a, b)), state)
        wide = torch.maximum(wide, size + moved + added)
        error = torch.linalg.matrix_norm(moves, 2) * error + roundings * wide
        size = state.norm(dim=(-2, -1))
    return float((error * r.norm(dim=-1).amax(1).clamp(min=1.0)).max())


def masks(seed: int, batch: int, time: int) -> Tensor:
    return torch.rand(batch, time, generator=torch.Generator().manual_seed(seed)) < 0.6


@given(seed=st.integers(0, 2**31), time=TIMES, is_double=st.booleans(), is_masked=st.booleans())
@settings(max_examples=40, deadline=None)
def test_outputs_and_state_are_those_of_the_package(seed: int, time: int, is_double: bool, is_masked: bool) -> None:
    parts = drawn(seed, time=time, precision=torch.float64 if is_double else torch.float32)
    mask = masks(seed, 2, time) if is_masked else None
    wanted, found = recurrent(*parts, mask), chunked_recurrence(*parts, mask)
    for one, other in zip(wanted, found, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        torch.testing.assert_close(other, one, atol=bound(parts), rtol=0)
    if mask is not None:
        assert not found[0][~mask].any()
