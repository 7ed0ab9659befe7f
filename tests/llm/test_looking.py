"""What a graft sees of its model before it learns: how large hidden states are, and what is written where a token is seen."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft, structure_of, ungraft
from neurallambda.llm.families import parts_of
from neurallambda.llm.looking import states_after, texts_of_all
from neurallambda.llm.start import fitted_read
from neurallambda.llm.structure import GraftedStructure
from tests.llm import tiny

WIDE = GraftConfig(width=32, depth=8, read_start="fitted")
"""As wide as the hidden states of the tiny models, so that nothing of what is seen is lost."""


def written(model: Any, structure: GraftedStructure, texts: Tensor) -> float:
    """The share of tokens that the read of what was put at them says, more than any other."""
    read, _ = structure.config.layers_to_transform
    seen = states_after(model, parts_of(model).blocks[read], texts)
    values = structure.value(functional.rms_norm(seen, (structure.dim,)))
    says = values @ structure.read.T @ model.get_output_embeddings().weight.T
    return float((says.argmax(-1) == texts)[:, 1:].float().mean())


@tiny.FAMILIES
@torch.no_grad()
def test_fitted_reads_change_no_bit_of_any_model(family: str) -> None:
    model, texts = tiny.plain(family).requires_grad_(False), tiny.tokens()
    before = model(texts, use_cache=False).logits
    graft(model, WIDE)
    assert torch.equal(model(texts, use_cache=False).logits, before)
    assert not torch.equal(structure_of(model).read, start_of(ungraft(model), "transposed").read)


@torch.no_grad()
def test_fitted_reads_say_the_token_at_which_a_value_was_put() -> None:
    """Where tokens are written otherwise than they are seen, a transposed read says another one."""
    model: Any = tiny.plain("llama")
    for block in model.model.layers:  # what is seen is the embedding
        block.self_attn.o_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
    turned, _ = torch.linalg.qr(torch.randn(32, 32))
    model.lm_head.weight.copy_(
        model.model.embed_tokens.weight.normal_() @ turned
    )  # and what is written is that, turned
    texts = texts_of_all(model, 10**3)
    assert written(model, start_of(model, "fitted"), texts) >= 0.95
    assert written(model, start_of(model, "transposed"), texts) <= 0.2


def start_of(model: Any, start: Any) -> GraftedStructure:
    """The structure of a graft that begins so; the model is then without it."""
    torch.manual_seed(0)
    structure = structure_of(graft(model, replace(WIDE, read_start=start)))
    ungraft(model)
    return structure


@pytest.mark.parametrize("heads", [1, 3])
def test_a_fitted_read_is_the_least_squares_one_of_the_usual_size(heads: int) -> None:
    torch.manual_seed(0)
    values, hidden = torch.randn(500, heads, 4), torch.randn(500, 16)
    read = fitted_read(values, hidden)
    assert read.shape == (16, heads * 4)
    parts = [values[:, head] @ read[:, head * 4 : head * 4 + 4].T for head in range(heads)]
    assert [float(part.square().mean()) for part in parts] == pytest.approx([1 / heads] * heads, rel=1e-4)
    known = torch.randn(16, 4)
    exact = values[:, 0] @ known.T
    alike = torch.cosine_similarity(values[:, 0] @ fitted_read(values[:, :1], exact).T, exact)
    assert alike.min() > 0.98
    assert bool(fitted_read(torch.zeros(3, 1, 4), torch.ones(3, 16)).isfinite().all())


@torch.no_grad()
def test_a_model_is_looked_at_and_left_as_it_was() -> None:
    model, texts = tiny.plain("llama").train(), tiny.tokens()
    block, seen = parts_of(model).blocks[0], list[Tensor]()
    found = states_after(model, block, texts)
    assert all(module.training and not module._forward_hooks for module in model.modules())
    hook = block.register_forward_hook(
        lambda _, given, after: seen.append(after if isinstance(after, Tensor) else after[0])
    )
    model.eval()(texts, use_cache=False)
    hook.remove()
    assert torch.equal(found, seen[0])


def test_all_of_a_vocabulary_is_looked_at_however_small() -> None:
    model = tiny.plain("llama")
    size = model.get_input_embeddings().weight.shape[0]
    assert texts_of_all(model, size).unique().numel() == size // 8 * 8
    assert texts_of_all(model, 1).shape == (1, 8)
    assert int(texts_of_all(model, 10**4).max()) == size - 1


def test_reads_are_fitted_only_where_they_can_be() -> None:
    model: Any = tiny.plain("llama")
    model.get_output_embeddings = lambda: None
    with pytest.raises(ArgumentError, match="read_start: the model has no head that writes tokens"):
        graft(model, WIDE)
    with torch.device("meta"):
        graft(tiny.plain("llama"), WIDE)


def test_calls_begin_by_their_words_also_where_reads_are_fitted() -> None:
    fitted, transposed = (
        structure_of(graft(tiny.plain("llama"), replace(tiny.CALLS, read_start=start)))
        for start in ("fitted", "transposed")
    )
    assert torch.equal(fitted.read, transposed.read)
    assert torch.equal(fitted.value.weight, transposed.value.weight)
    assert fitted.config.value_tokens
