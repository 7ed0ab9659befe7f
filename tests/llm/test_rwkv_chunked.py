"""The recurrence of RWKV-7 in chunks, against that of rwkv7-hf, token by token."""

from threading import Barrier, Thread
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm import graft
from neurallambda.llm.rwkv import chunked
from neurallambda.llm.rwkv.chunked import CHUNK, fast_class, fast_rwkv7
from tests.llm.tiny import OPEN, grafted, plain, tokens

rwkv7 = pytest.importorskip("rwkv7_hf")
chunked_recurrence: Any = chunked.chunked_recurrence
recurrent: Any = pytest.importorskip("rwkv7_hf.ops_rwkv7").rwkv7_recurrent
modeling: Any = pytest.importorskip("rwkv7_hf.modeling_rwkv7")

TIMES = st.one_of(st.integers(1, 5), st.integers(CHUNK - 1, CHUNK + 1), st.integers(1, 3 * CHUNK + 2))


def drawn(seed: int, *, time: int, precision: torch.dtype, keys: int = 5, values: int = 4) -> list[Tensor]:
    """Arguments as RWKV-7 makes them: `a` is minus a unit vector, and `b` that vector, each number of it times a rate."""
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    shape = (2, time, 2, keys)
    unit = functional.normalize(numbers(*shape), dim=-1)
    decay = torch.exp(-(torch.tensor(-0.5).exp()) * numbers(*shape).mul(3).sigmoid())
    rate = numbers(*shape).mul(3).sigmoid()
    parts = [numbers(*shape), decay, numbers(*shape), numbers(2, time, 2, values), -unit, unit * rate]
    return [part.to(precision) for part in (*parts, numbers(2, 2, keys, values))]


def bound(parts: list[Tensor]) -> float:
    """How far rounding may put two ways of computing the outputs and the last state apart.

    An error made in the state before a token is multiplied by `diag(w) + b a'`, whose greatest singular value is taken. At
    each token, and for each token of its chunk, sums of at most `keys + 2 CHUNK` products are rounded, none of which is greater
    than what is then in the state, what is added to it, and what the delta rule moves.
    """
    r, w, k, v, a, b, state = (part.detach().double() for part in parts)
    wide, size = torch.zeros(()), state.norm(dim=(-2, -1))
    error = torch.zeros_like(size)
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


def masks(seed: int, time: int) -> Tensor:
    return torch.rand(2, time, generator=torch.Generator().manual_seed(seed)) < 0.6


@given(seed=st.integers(0, 2**31), time=TIMES, is_double=st.booleans(), is_masked=st.booleans())
@settings(max_examples=30, deadline=None)
def test_outputs_and_state_are_those_of_the_package(seed: int, time: int, is_double: bool, is_masked: bool) -> None:
    parts = drawn(seed, time=time, precision=torch.float64 if is_double else torch.float32)
    mask = masks(seed, time) if is_masked else None
    wanted, found = recurrent(*parts, mask), chunked_recurrence(*parts, mask)
    for one, other in zip(wanted, found, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(other, one, atol=bound(parts), rtol=0)
    if mask is not None:
        assert not found[0][~mask].any()


def test_in_float32_it_is_as_near_to_the_truth_as_the_package() -> None:
    """Heads of the real size, over eight chunks: neither is told to be better, and both are within rounding."""
    parts = drawn(3, time=128, keys=64, values=64, precision=torch.float64)
    truth, single = recurrent(*parts), [part.float() for part in parts]
    wrong = [
        max(float((one - other).abs().max()) for one, other in zip(function(*single), truth, strict=True))
        for function in (chunked_recurrence, recurrent)
    ]
    assert wrong[0] <= 4 * wrong[1]


@given(seed=st.integers(0, 2**31), time=TIMES, is_masked=st.booleans())
@settings(max_examples=15, deadline=None)
def test_gradients_are_those_of_the_package(seed: int, time: int, is_masked: bool) -> None:
    """In float64: as far as a gradient is a sum of products of the numbers that the bound is for, it holds for it squared."""
    parts = [part.requires_grad_() for part in drawn(seed, time=time, precision=torch.float64)]
    mask = masks(seed, time) if is_masked else None
    weights = [torch.randn_like(one) for one in recurrent(*parts, mask)]
    found = [
        torch.autograd.grad(function(*parts, mask), parts, weights) for function in (recurrent, chunked_recurrence)
    ]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=bound(parts) * max(1.0, float(one.abs().max())), rtol=0)


def test_a_text_in_two_parts_is_the_text() -> None:
    parts = drawn(5, time=37, precision=torch.float64)
    whole, last = chunked_recurrence(*parts)
    first, state = chunked_recurrence(*(part[:, :20] for part in parts[:-1]), parts[-1])
    second, end = chunked_recurrence(*(part[:, 20:] for part in parts[:-1]), state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, atol=bound(parts), rtol=0)
    torch.testing.assert_close(end, last, atol=bound(parts), rtol=0)


def test_masked_tokens_may_hold_anything() -> None:
    parts = drawn(7, time=20, precision=torch.float64)
    mask = masks(7, 20)
    spoiled = [part.masked_fill(~mask[:, :, None, None], torch.nan) for part in parts[:-1]]
    for one, other in zip(chunked_recurrence(*spoiled, parts[-1], mask), recurrent(*parts, mask), strict=True):
        torch.testing.assert_close(one, other, atol=bound(parts), rtol=0)


def test_autocast_leaves_it_in_the_precision_of_the_state() -> None:
    parts = drawn(9, time=20, precision=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = chunked_recurrence(*parts)
    for one, other in zip(found, chunked_recurrence(*parts), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("wrong", [1e-3, 0.0, -0.5, float("nan")])
def test_decays_that_cannot_be_divided_by_are_refused(wrong: float) -> None:
    parts = drawn(1, time=5, precision=torch.float32)
    parts[1][1, 3, 1, 2] = wrong
    with pytest.raises(ArgumentError, match="decay: got"):
        chunked_recurrence(*parts)


@pytest.mark.parametrize("padding", [0, 4])
def test_a_model_says_the_same_in_chunks(padding: int) -> None:
    model = plain("rwkv7")
    inputs = tokens(3, 40)
    mask = torch.ones_like(inputs)
    mask[0, :padding] = 0
    wanted = model(inputs, attention_mask=mask).logits
    with fast_rwkv7():
        found = model(inputs, attention_mask=mask).logits
    real = mask.bool()
    torch.testing.assert_close(found[real], wanted[real], atol=1e-5, rtol=1e-4)


def test_what_was_is_put_back_also_after_an_error_and_from_several_threads() -> None:
    names = ("rwkv7_recurrent", "_linear_reference")
    before = [getattr(modeling, name) for name in names]
    meet = Barrier(2)

    def inside(order: int) -> None:
        with fast_rwkv7():
            meet.wait()  # both are in
            if order:
                meet.wait()  # the other one is out
        if not order:
            assert modeling.rwkv7_recurrent is chunked_recurrence
            meet.wait()

    threads = [Thread(target=inside, args=(order,)) for order in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert [getattr(modeling, name) for name in names] == before
    with pytest.raises(ZeroDivisionError), fast_rwkv7(), fast_rwkv7():
        _ = 1 / 0
    assert [getattr(modeling, name) for name in names] == before


def test_an_unknown_version_is_refused_and_computes_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rwkv7, "__version__", "9.9")
    with pytest.raises(ArgumentError, match=r"its version is 9\.9.*0\.9\.0"), fast_rwkv7():
        pass
    fast_class.cache_clear()
    assert fast_class() is rwkv7.RWKV7ForCausalLM
    fast_class.cache_clear()
    assert modeling.rwkv7_recurrent is recurrent
    assert chunked.is_known() is False


@pytest.mark.parametrize("is_grafted", [False, True])
@pytest.mark.parametrize("beams", [1, 2])
def test_each_token_that_is_written_is_read_once(is_grafted: bool, beams: int) -> None:
    """And what is written is what the package's own class writes."""
    package = grafted("rwkv7") if is_grafted else plain("rwkv7")
    model = fast_class()(package.config).eval()
    if is_grafted:
        graft(model, OPEN)
    model.load_state_dict(package.state_dict())
    read: list[int] = []
    model.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    options: dict[str, Any] = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False, "num_beams": beams}
    inputs = tokens(2, 7)
    written = model.generate(inputs, attention_mask=torch.ones_like(inputs), **options)
    assert read == [7, 1, 1, 1, 1, 1]
    assert torch.equal(written, package.generate(inputs, attention_mask=torch.ones_like(inputs), **options))
