"""The state of a structure in caches: where they go, it goes, and one that lacks something of it is refused."""

from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, disabled, graft
from neurallambda.llm.caching import layer_class
from tests.llm.tiny import FAMILIES, NEAR, grafted, name_of_cache, plain, tokens, transformers


@torch.no_grad()
def test_a_cache_of_a_batch_can_be_repeated_and_chosen_from() -> None:
    model, inputs = grafted("llama"), tokens(rows=3)
    cache = model(inputs, use_cache=True).cache
    cache.batch_repeat_interleave(2)
    cache.batch_select_indices(torch.tensor([5, 0, 3]))
    following = tokens(rows=3, time=1, seed=5)
    expected = model(torch.cat([inputs[[2, 0, 1]], following], 1), use_cache=False).logits[:, -1:]
    assert (model(following, cache=cache).logits - expected).abs().max() <= NEAR
    cache.reset()
    assert (model(inputs, cache=cache).logits - model(inputs, use_cache=False).logits).abs().max() <= NEAR


@torch.no_grad()
def test_a_cache_that_grows_by_itself_has_its_blocks_first() -> None:
    model, inputs = grafted("llama"), tokens()
    cache = transformers.DynamicCache()
    whole = model(inputs, use_cache=False).logits
    assert (model(inputs, cache=cache).logits - whole).abs().max() <= NEAR
    assert [isinstance(layer, layer_class()) for layer in cache.layers] == [False, False, False, True]


@torch.no_grad()
def test_a_cache_without_the_structure_is_refused() -> None:
    model, inputs = grafted("llama"), tokens()
    with disabled(model):
        cache = model(inputs, use_cache=True).cache
    with pytest.raises(ArgumentError, match="has not seen what the rest of it has"):
        model(inputs, cache=cache)
    with pytest.raises(ArgumentError, match="cannot go back"):
        model(inputs, use_cache=True).cache.crop(-1)


@torch.no_grad()
def test_two_sequences_in_turns_do_not_disturb_each_other() -> None:
    model, one, other = grafted("llama"), tokens(seed=1), tokens(seed=2)
    caches = [model(inputs[:, :4], use_cache=True).cache for inputs in (one, other)]
    found = [
        [
            model(inputs[:, time : time + 1], cache=cache).logits
            for inputs, cache in zip((one, other), caches, strict=True)
        ]
        for time in range(4, 9)
    ]
    for index, inputs in enumerate((one, other)):
        steps = torch.cat([pair[index] for pair in found], 1)
        assert (steps - model(inputs, use_cache=False).logits[:, 4:]).abs().max() <= NEAR


@FAMILIES
@torch.no_grad()
def test_a_cache_that_was_used_without_the_structure_is_refused_afterwards(family: str) -> None:
    model, inputs = grafted(family), tokens()
    named = name_of_cache(model)
    cache = model(inputs[:, :4], use_cache=True).cache
    with disabled(model):
        model(inputs[:, 4:7], **{named: cache}, use_cache=True)
    with pytest.raises(ArgumentError, match="has not seen what the rest of it has"):
        model(inputs[:, 7:], **{named: cache}, use_cache=True)


@torch.no_grad()
def test_a_cache_that_could_not_be_cropped_is_refused_afterwards() -> None:
    model, inputs = grafted("llama"), tokens()
    cache = model(inputs[:, :6], use_cache=True).cache
    with pytest.raises(ArgumentError, match="cannot go back"):
        cache.crop(-2)
    with pytest.raises(ArgumentError, match="it could not be cropped"):
        model(inputs[:, 4:], cache=cache)
    cache.reset()  # begun again, it is as good as new
    again = model(inputs[:, :6], cache=cache).logits
    torch.testing.assert_close(again, model(inputs[:, :6]).logits)


@torch.no_grad()
def test_a_cache_of_another_graft_is_refused() -> None:
    model = grafted("llama")
    cache = model(tokens(), use_cache=True).cache
    other = graft(plain("llama"), GraftConfig(structure="queue", width=4, depth=16))
    with pytest.raises(ArgumentError, match="the state of another graft"):
        other(tokens(), cache=cache)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "qwen2", "smollm3", "qwen3_next"])
def test_a_static_cache_is_refused(family: str) -> None:
    """Attention of a compiled cache relies on a mask that the library leaves out where a layer, as ours, is not compiled."""
    model = grafted(family)
    with pytest.raises(ArgumentError, match="static"):
        model.generate(tokens(rows=1), max_new_tokens=3, cache_implementation="static")


@torch.no_grad()
def test_what_stands_behind_the_cache_among_positional_arguments_is_kept() -> None:
    model = plain("gpt2")
    inputs = tokens()
    mask = torch.ones_like(inputs)
    mask[0, :3] = 0
    wanted = model.transformer(inputs, None, mask).last_hidden_state
    graft(model, GraftConfig(width=4))
    assert torch.equal(model.transformer(inputs, None, mask).last_hidden_state[0, 3:], wanted[0, 3:])


@torch.no_grad()
def test_a_pass_that_is_interrupted_leaves_nothing_behind() -> None:
    model, inputs = grafted("llama"), tokens()
    wanted = model(inputs).logits
    splice: Any = vars(model)["_neurallambda_splice"]

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        handle = model.model.layers[1].register_forward_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            model(inputs)
        handle.remove()
    assert torch.equal(model(inputs).logits, wanted)
    assert not splice._passes
