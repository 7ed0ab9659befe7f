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


def test_a_row_of_cells_is_a_tape_with_the_state_of_each_cell() -> None:
    torch.manual_seed(0)
    multiply = task("binary-multiplication")
    found = inspect(MODELS["cells"](multiply, states=4, pause=1), multiply, "011*11")
    events = list(trace_inspection(found, name="x"))
    SCHEMA.validate(document(events))
    before, *after = states(events)
    assert found.cells is not None
    for step, state in enumerate([before, *after]):
        store = state.lanes[0]["stores"]["cells"]
        likeliest = found.cells.states[step - 1].argmax(-1).tolist() if step else [0] * len(found.cells.symbols)
        symbols = [f"{symbol}:".removeprefix("_:") for symbol in found.cells.symbols]
        expected = [f"{symbol}s{number}" for symbol, number in zip(symbols, likeliest, strict=True)]
        assert [item["text"] for item in store["items"]] == expected
        assert store["head"] == 0
    assert after[0].lanes[0]["rules"][0][0] == "shows *"


@pytest.mark.parametrize("hard", [True, False])
def test_names_and_entries_are_told_by_their_names(hard: bool) -> None:
    torch.manual_seed(1)
    lookup = task("conditional-lookup")
    model = MODELS["name-blind"](lookup, latches=1, dictionaries=1, stacks=1, choice_bias=4.0)
    found = inspect(model, lookup, "s1 s5 s2 s9 ? s1", hard=hard)
    events = list(trace_inspection(found, name="x"))
    SCHEMA.validate(document(events))
    for step, state in enumerate(list(states(events))[1:]):
        for head in found.heads:
            items = state.lanes[0]["stores"][head.name]["items"]
            texts = [item["text"] for item in items][:: -1 if head.name.startswith("stack") else 1]
            if hard:
                assert texts == [place for place in head.places(step) if place != "-"]
            assert state.lanes[0]["registers"][head.name][0][0] == head.instruction(
                step, int(head.actions[step].argmax())
            )
