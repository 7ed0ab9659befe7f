"""What is done to the structures of a transformer, and to the queue of a learned table, is shown as it is."""

from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.nn import StructureLayer, TransformerModel, WindowAutomaton
from neurallambda.tasks import task
from neurallambda.train import MODELS
from neurallambda.train.evaluation import predict
from neurallambda.train.inspection import inspect, row
from neurallambda.train.inspection_trace import trace_inspection

REVERSE, SUMS = task("reverse-string"), task("sliding-window-sum")


def transformer(seed: int, **options: Any) -> TransformerModel:
    """One of random weights, whose structures do something."""
    torch.manual_seed(seed)
    model = TransformerModel(REVERSE.inputs, REVERSE.outputs, dim=16, layers=2, heads=2, **options)
    for layer in model.transformer.between.values():
        assert isinstance(layer, StructureLayer)
        torch.nn.init.normal_(layer.to_logits.weight)
        torch.nn.init.normal_(layer.gate)
    return model.eval()


@pytest.mark.parametrize("kind", ["stack", "queue"])
@pytest.mark.parametrize("seed", range(3))
def test_tokens_are_where_the_actions_bring_them(kind: str, seed: int) -> None:
    model = transformer(seed, structure=kind, structure_heads=3, positions="rotary")
    found = inspect(model, REVERSE, "0110100")
    assert [head.name for head in found.heads] == [f"{kind} {number}" for number in (1, 2, 3)]
    done = set[str]()
    for head in found.heads:
        held: list[str] = []
        for step, token in enumerate(found.tokens):
            action = head.labels[int(head.actions[step].argmax())]
            done.add(action)
            if action in ("push", "put"):
                held.insert(0 if kind == "stack" else len(held), token)
            elif action in ("pop", "get") and held:
                held.pop(0)
            assert head.places(step) == held
    assert len(done) > 1
    predicted = predict(model, REVERSE, row(REVERSE, [0, 1, 1, 0, 1, 0, 0]), hard=True)[0, 0]
    assert found.answers[7:] == tuple(REVERSE.answers[one] for one in predicted[7:].tolist())


def test_layers_are_told_apart_and_drawn_and_traced(tmp_path: Path) -> None:
    model = transformer(0, structure="stack", structure_heads=1, structure_after=(1, 2))
    found = inspect(model, REVERSE, "011")
    assert [head.name for head in found.heads] == ["stack 1 after block 1", "stack 1 after block 2"]
    assert found.text().splitlines()[0].split()[:3] == ["step", "token", "stack"]
    found.draw(tmp_path / "drawn.svg")
    assert "stack 1 after block 2" in (tmp_path / "drawn.svg").read_text()
    events = list(trace_inspection(found, name="untrained"))
    assert [event["event"] for event in events] == ["header", *["step"] * 6, "end"]
    assert "state" not in events[1]["lanes"][0]["registers"]


def test_what_is_left_soft_is_a_mixture() -> None:
    model = transformer(1, structure="stack", structure_heads=2)
    soft = inspect(model, REVERSE, "0110", hard=False)
    for head in soft.heads:
        assert torch.allclose(head.actions.sum(-1), torch.ones(8))
        assert bool(((head.contents[..., -1] > 0.01) & (head.contents[..., -1] < 0.99)).any())
        assert torch.allclose(head.contents[..., :-1].sum(-1), head.contents[..., -1], atol=1e-6)


def test_a_transformer_without_structures_is_refused() -> None:
    with pytest.raises(ArgumentError, match="this transformer has no structures"):
        inspect(transformer(0), REVERSE, "01")


def test_a_window_shows_the_last_tokens_and_the_one_that_it_looks_at() -> None:
    torch.manual_seed(0)
    model = MODELS["window"](SUMS, states=12, places=4).eval()
    assert isinstance(model, WindowAutomaton)
    with torch.no_grad():
        model.places.copy_(torch.tensor([0.0, 0.0, 5.0, 0.0]))
    string = "3141592"
    found = inspect(model, SUMS, string)
    (head,) = found.heads
    assert head.name == "queue 1"
    assert sorted(head.labels) == ["look 1 back", "look 2 back", "look 3 back", "look 4 back"]
    for step in range(7):
        assert head.held(step) == string[max(0, step - 3) : step + 1]
        assert head.instruction(step, 0) == f"look 3 back {string[step - 3] if step > 2 else '-'}"
    assert torch.equal(head.actions[:, 0], torch.ones(7))
    assert found.states.shape == (7, 12)
    predicted = predict(model, SUMS, row(SUMS, [int(one) for one in string]), hard=True)[0, 0]
    assert found.answers == tuple(SUMS.answers[one] for one in predicted.tolist())
    soft = inspect(model, SUMS, string, hard=False).heads[0]
    assert torch.allclose(soft.actions.sum(-1), torch.ones(7))
    assert 0.9 < float(soft.actions[0, 0]) < 1
    assert float(soft.values[0, -1]) == 0
    assert 0 < float(soft.values[1, -1]) < 0.1
