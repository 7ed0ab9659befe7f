"""What a grafted structure does, token by token, against what plain structures do."""

from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm import GraftConfig, graft, is_grafted, structure_of
from neurallambda.llm.inspection import inspect, trace_graft
from neurallambda.traces import document, states
from tests.llm.test_teaching import small_model, tokenizer

PROMPT = "dog cat ball |"


def driven(kind: Any, **more: Any) -> Any:
    """A model whose structure puts every word until the bar, and then takes: by hand, from the embeddings."""
    spelled = tokenizer()
    model = small_model(len(spelled))
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_()
    graft(model, GraftConfig(structure=kind, width=8, depth=16, phase_prior=50.0, gate=0.5, **more))
    structure = structure_of(model)
    seen: list[torch.Tensor] = []
    hook = structure.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(spelled(PROMPT, return_tensors="pt").input_ids)
    hook.remove()
    bar = torch.nn.functional.rms_norm(seen[0][0, -1], (structure.dim,)).detach()
    with torch.no_grad():
        structure.switch.weight.zero_()
        structure.switch.weight[0] = bar  # set where the hidden state is that of the bar
        structure.switch.bias.copy_(torch.tensor([-0.9 * float(bar @ bar), -9.0, 0.0]))
    return model, spelled


@pytest.mark.parametrize("kind", ["stack", "queue"])
def test_what_is_held_is_named_by_where_it_was_put(kind: str) -> None:
    model, spelled = driven(kind)
    found = inspect(model, spelled, PROMPT, tokens=2)
    assert found.tokens[: found.prompt] == ("<s>", *PROMPT.split())
    assert len(found.tokens) == len(found.answers) == len(found.plain) == found.prompt + 2
    assert found.latch is not None
    assert found.latch.round().tolist()[:5] == [0, 0, 0, 0, 1]
    (head,) = found.heads
    assert [head.labels[one] for one in head.actions.argmax(-1)[:5].tolist()][:4] == [head.labels[0]] * 4
    held = [" ".join(text for text, _ in one) for one in head.held]
    order = ["<s>", "dog", "cat", "ball"]
    for step in range(4):
        shown = order[: step + 1]
        assert held[step] == " ".join(shown[::-1] if kind == "stack" else shown)
    assert held[4] == ("cat dog <s>" if kind == "stack" else "dog cat ball")
    assert all(weight > 0.999 for one in head.held for _, weight in one)
    assert found.answers[found.prompt - 1 : -1] == found.tokens[found.prompt :]  # what is written is what is likeliest
    assert found.text().splitlines()[0].split() == ["token", "latch", f"{kind}", "1", "holds", "next", "without"]


def test_soft_contents_have_weights_and_heads_are_their_own() -> None:
    model, spelled = driven("stack", heads=2, is_hard=False, initial_values=2)
    found = inspect(model, spelled, PROMPT, tokens=1)
    assert [head.name for head in found.heads] == ["stack 1", "stack 2"]
    for head in found.heads:
        assert [text for text, _ in head.held[0]] == ["<s>", "initial 2", "initial 1"]  # put, all but surely
        assert all(0 < weight <= 1 for one in head.held for _, weight in one)


def test_a_trace_has_what_the_inspection_has() -> None:
    model, spelled = driven("stack")
    found = inspect(model, spelled, PROMPT, tokens=2)
    events = list(trace_graft(found, name="by hand"))
    whole = list(states(iter(events)))
    assert len(whole) == len(found.tokens) + 1
    lane = whole[5].lanes[0]
    assert [item["text"] for item in lane["stores"]["stack 1"]["items"]] == ["<s>", "dog", "cat"]
    assert lane["registers"]["latch"][0][0] == "on"
    assert lane["rules"] == [["reads |", 1]]
    assert document(iter(events))["end"]["outcome"]["value"] == found.written


def test_a_latch_alone_has_no_heads() -> None:
    model, spelled = driven("none")
    found = inspect(model, spelled, PROMPT, tokens=1)
    assert found.heads == ()
    assert found.latch is not None
    assert "latch" in found.text()


def test_what_cannot_be_inspected_is_said() -> None:
    spelled = tokenizer()
    model = small_model(len(spelled))
    with pytest.raises(ArgumentError, match="it has no graft"):
        inspect(model, spelled, PROMPT)
    assert not is_grafted(model)
    with pytest.raises(ArgumentError, match="tokens"):
        inspect(driven("stack")[0], spelled, PROMPT, tokens=0)
