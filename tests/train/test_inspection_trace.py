"""The trace of what a network does says what its inspection says."""

import json
from importlib.resources import files

import jsonschema
import pytest
import torch

from neurallambda.tasks import task
from neurallambda.traces import document, states
from neurallambda.train import MODELS
from neurallambda.train.inspection import inspect
from neurallambda.train.inspection_trace import trace_inspection

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize(("name", "model"), [("reverse-string", "controller"), ("parity-check", "table")])
def test_a_trace_says_what_the_inspection_says(name: str, model: str, hard: bool) -> None:
    torch.manual_seed(0)
    of = task(name)
    found = inspect(MODELS[model](of), of, "0110", hard=hard)
    events = list(trace_inspection(found, name=name))
    SCHEMA.validate(document(events))
    _, *after = states(events)
    assert len(after) == len(found.tokens)
    assert events[0]["input"] == list(found.tokens)
    for step, state in enumerate(after):
        lane = state.lanes[0]
        assert lane["registers"]["state"][0][0] == f"s{int(found.states[step].argmax())}"
        for head in found.heads:
            best = head.labels[int(head.actions[step].argmax())]
            assert lane["registers"][head.name][0][0].split()[0] == best.split()[0]
            there = int((head.contents[step][:, -1] >= 0.005).sum())
            assert len(lane["stores"][head.name]["items"]) == there
    assert events[-1]["outcome"]["value"].split() == [answer for answer in found.answers if answer]


def test_the_top_of_a_stack_comes_last() -> None:
    torch.manual_seed(1)
    reverse = task("reverse-string")
    found = inspect(MODELS["controller"](reverse), reverse, "010")
    stack = next(head for head in found.heads if head.name.startswith("stack"))
    *_, last = states(list(trace_inspection(found, name="x"))[:4])
    items = [item["text"] for item in last.lanes[0]["stores"][stack.name]["items"]]
    letters = ["abcdefgh"[int(cell[:-1].argmax())] for cell in stack.contents[2] if float(cell[-1]) >= 0.005]
    assert items == letters[::-1]
