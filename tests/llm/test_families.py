"""Every family that a graft knows works with one: those on which the other tests do not run."""

from typing import Any

import pytest
import torch

from neurallambda.llm import FAMILIES, GraftConfig, disabled, graft, structure_of, ungraft
from tests.llm.tiny import MODELS, NEAR, OTHERS, checkpoint, grafted, plain, stepped, tokens

KNOWN = frozenset(FAMILIES)  # before a test makes another one known
OTHER_FAMILIES = pytest.mark.parametrize("family", OTHERS)


@pytest.fixture(scope="module", params=OTHERS)
def model(request: pytest.FixtureRequest) -> Any:
    return grafted(request.param)


def test_no_family_is_without_a_tiny_model() -> None:
    """Who adds one to the table adds one to `tests/llm/tiny.py`."""
    assert {*MODELS, *OTHERS} == KNOWN
    assert not MODELS.keys() & OTHERS.keys()


@OTHER_FAMILIES
@torch.no_grad()
def test_a_closed_gate_changes_no_bit(family: str) -> None:
    model = plain(family).requires_grad_(False)
    before = model(tokens()).logits
    graft(model, GraftConfig(heads=2, width=4, depth=16))
    assert torch.equal(model(tokens()).logits, before)
    assert torch.equal(model(tokens(), use_cache=False).logits, before)
    assert torch.equal(ungraft(model)(tokens()).logits, before)


@torch.no_grad()
def test_prompt_and_steps_give_the_logits_of_the_whole(model: Any) -> None:
    inputs = tokens()
    whole = model(inputs, use_cache=False).logits
    with disabled(model):
        assert (model(inputs, use_cache=False).logits - whole).abs().max() > 0.1
    assert (stepped(model, inputs, 4) - whole).abs().max() <= NEAR
    assert (stepped(model, inputs, 1) - whole).abs().max() <= NEAR
    assert (stepped(model, inputs, 4, forget=True) - whole).abs().max() > 100 * NEAR


@torch.no_grad()
def test_padding_on_the_left_is_nothing(model: Any) -> None:
    inputs, padding = tokens(rows=4, time=6), tokens(rows=4, time=3, seed=2)
    mask = torch.cat([torch.zeros_like(padding), torch.ones_like(inputs)], 1)
    alone = model(inputs, use_cache=True)
    beside = model(torch.cat([padding, inputs], 1), attention_mask=mask, use_cache=True)
    assert (alone.logits - beside.logits[:, 3:]).abs().max() <= NEAR
    for one, other in zip(alone.cache.layers[-1].state(), beside.cache.layers[-1].state(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_text_is_the_same_with_and_without_a_cache(model: Any) -> None:
    inputs = tokens(rows=4, time=5)
    options = {"attention_mask": torch.ones_like(inputs), "max_new_tokens": 6, "do_sample": False, "num_beams": 3}
    found = [model.generate(inputs, use_cache=cached, **options).tolist() for cached in (True, False)]
    assert found[0] == found[1]


@OTHER_FAMILIES
def test_checkpointing_gives_the_same_gradients(family: str) -> None:
    gradients = []
    for checkpointed in (False, True):
        model = graft(plain(family), GraftConfig(width=4, depth=16, gate=1.0, noise=0.0)).train()
        if checkpointed:
            checkpoint(model)
        model(tokens(), labels=tokens(), use_cache=False).loss.backward()
        structure = structure_of(model)
        assert structure.gradient_checkpointing is checkpointed
        gradients.append({name: one.grad for name, one in structure.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 0, name
        assert torch.allclose(gradient, gradients[1][name], atol=1e-6 + 1e-4 * float(gradient.abs().max())), name
