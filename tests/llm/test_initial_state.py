"""A learned initial state is what a model begins with, however a text is given to it."""

from copy import deepcopy
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import graft, learn_initial_state
from neurallambda.llm.experiments.arms import ARMS
from tests.llm.tiny import plain, stepped, tokens


def _learned(std: float = 0.3) -> Any:
    """A model whose state is not zero."""
    model: Any = learn_initial_state(plain("rwkv7"))
    torch.nn.init.normal_(model.initial_state.state, std=std)
    return model


def test_a_state_that_has_not_learned_changes_no_bit():
    without = plain("rwkv7")
    assert torch.equal(learn_initial_state(plain("rwkv7"))(tokens()).logits, without(tokens()).logits)


def test_it_changes_what_the_model_says():
    assert not torch.allclose(_learned()(tokens()).logits, plain("rwkv7")(tokens()).logits, atol=1e-2)


def test_the_prompt_and_then_token_by_token_is_the_whole():
    model = _learned()
    with torch.no_grad():
        whole = model(tokens()).logits
        torch.testing.assert_close(stepped(model, tokens(), 4), whole, atol=1e-5, rtol=1e-4)


def test_padding_on_the_left_changes_nothing():
    model, inputs = _learned(), tokens()
    padded = torch.cat([inputs.new_zeros(2, 3), inputs], 1)
    mask = (torch.arange(padded.shape[1]) >= 3).long().expand(2, -1)
    with torch.no_grad():
        given = model(padded, attention_mask=mask).logits[:, 3:]
        torch.testing.assert_close(given, model(inputs).logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_what_it_writes_is_the_same_with_and_without_a_cache(beams: int):
    written = [
        _learned().generate(tokens(), max_new_tokens=6, num_beams=beams, do_sample=False, use_cache=cached)
        for cached in (True, False)
    ]
    assert torch.equal(*written)


def test_rows_do_not_see_each_other():
    model, inputs = _learned(), tokens(rows=3)
    with torch.no_grad():
        torch.testing.assert_close(model(inputs).logits[1:2], model(inputs[1:2]).logits, atol=1e-5, rtol=1e-4)


def test_only_the_state_learns_and_its_gradient_is_the_difference():
    model = _learned().train()
    state = model.initial_state.state
    assert [one.numel() for one in model.parameters() if one.requires_grad] == [state.numel()]
    model(tokens()).logits.square().sum().backward()
    place = int(state.grad.abs().argmax())
    with torch.no_grad():
        sums = []
        for step in (1e-2, -1e-2):
            moved = deepcopy(model)
            moved.initial_state.state.view(-1)[place] += step
            sums.append(moved(tokens()).logits.double().square().sum())
    torch.testing.assert_close((sums[0] - sums[1]) / 2e-2, state.grad.view(-1)[place].double(), rtol=0.03, atol=0.0)


def test_a_copy_begins_with_its_own_state():
    model = _learned()
    other = deepcopy(model)
    with torch.no_grad():
        before = model(tokens()).logits
        other.initial_state.state.zero_()
        assert torch.equal(model(tokens()).logits, before)
        assert torch.equal(other(tokens()).logits, plain("rwkv7")(tokens()).logits)


def test_embeddings_in_the_place_of_tokens():
    model, inputs = _learned(), tokens()
    embedded = model.get_input_embeddings()(inputs)
    with torch.no_grad():
        assert torch.equal(model(inputs_embeds=embedded).logits, model(inputs).logits)


def test_another_family_or_a_second_state_is_refused():
    with pytest.raises(ArgumentError, match="family 'llama', expected 'rwkv7'"):
        learn_initial_state(plain("llama"))
    with pytest.raises(ArgumentError, match="already"):
        learn_initial_state(_learned())
    with pytest.raises(ArgumentError, match="it has a graft"):
        learn_initial_state(graft(plain("rwkv7")))
    with pytest.raises(ArgumentError, match="begins with a learned state"):
        graft(_learned())


def test_the_arm_of_initial_states_learns_that_of_an_rwkv():
    arm = ARMS["initial"]
    model, groups = arm.prepare(plain("rwkv7"), None, 1e-2, parameters=1)
    assert [id(one) for group in groups for one in group["params"]] == [id(model.initial_state.state)]
