"""Traces of uncertain programs: lanes are all cases, whatever stands for the holes, and two are one only where they go on alike."""

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import HealthCheck, given, settings

import neurallambda as nl
from neurallambda.lang import Chances, possibilities
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Define, Program
from neurallambda.traces import document, states, trace
from neurallambda.traces.pictures import Json
from tests.worlds.test_models import ADD
from tests.worlds.uncertain_programs import CHANCES, INTEGERS, uncertain_programs

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))
ONE = Chances((1, 2), (1, 3))
BIT = Chances((0, 1), (1, 1))


def ends(events: list[Json]) -> dict[str, float]:
    """The ends that a trace tells."""
    return {one.get("value", one.get("error")): one["weight"] for one in events[-1].get("distribution", ())}


def all_cases(source: str | Program, holes: dict[str, Any], most: int = 2_000) -> dict[str, float]:
    """The ends by going through every case."""
    found: dict[str, float] = {}
    for case in possibilities(source, holes=holes, integers=INTEGERS, max_steps=2_000, most=most):
        if not case.is_ruled_out:
            end = str(case.outcome.error or case.outcome.text)
            found[end] = found.get(end, 0) + float(case.probability)
    return {end: weight / sum(found.values()) for end, weight in found.items()}


@given(uncertain_programs())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
)
def test_random_programs(program: Program) -> None:
    try:
        expected = all_cases(program, CHANCES)
    except nl.ArgumentError:
        return  # too many cases
    events = list(trace(program, engine="worlds", holes=CHANCES))
    if "truncated" in events[-1]:
        return
    assert ends(events) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for state in states(events):
        assert sum(lane["weight"] for lane in state.lanes.values()) <= 1 + 1e-5


@pytest.mark.parametrize(
    "source",
    [
        "(let [x ?a] (letrec [g (fn [n] (if (= n 0) x (g (- n 1))))] (g 1)))",
        "(defn f [x] (letrec [g (fn [n] (if (= n 0) x (g (- n 1))))] g)) ((f ?a) 1)",
        "(let [f (fn [x] (fn [y] x))] ((f ?a) 1))",
        "(length ?xs)",
        "(car (reverse ?xs))",
        "(sum ?xs)",
        "?xs",
        "(sample ?xs)",
        "(observe (< 2 (sum ?xs))) (car ?xs)",
        "(let [x (car ?xs)] (fn [y] (+ y x)))",
        "(fn [y] (+ y (car ?xs)))",
        "((car ?xs) 2)",
        "(= (car ?xs) (car (cdr ?xs)))",
        "(if (= (car ?xs) 1) '(?xs) (car 1))",
        "(let [c (cons (car ?xs))] (c '(?a)))",
    ],
)
def test_lists_are_drawn_item_by_item(source: str) -> None:
    holes = {"a": ONE, "xs": [ONE, 3, BIT]}
    events = list(trace(source, engine="worlds", holes=holes))
    SCHEMA.validate(document(events))
    assert ends(events) == pytest.approx(all_cases(source, holes), rel=1e-5)


def test_what_is_only_passed_on_is_not_drawn() -> None:
    events = list(trace("(car (reverse ?xs))", engine="worlds", holes={"xs": [BIT] * 20}))
    assert max(len(state.lanes) for state in states(events)) == 1
    assert ends(events) == {"0": 0.5, "1": 0.5}


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        (nl.Soft((0, 1), torch.zeros(1, 3, 2), torch.tensor([2])), [BIT, BIT]),
        (nl.Soft((0, 1), torch.zeros(1, 2, 2)), [BIT, BIT]),
        ([nl.Soft((0, 1), torch.zeros(2)), nl.Soft((0, 1), torch.zeros(1, 2))], [BIT, BIT]),
        (torch.tensor([[4, 5]]), [4, 5]),
        (nl.Rows([[4, BIT]]), [4, BIT]),
        ([], []),
        ((True, ["+", BIT]), [True, ["+", BIT]]),
    ],
)
def test_holes_are_all_that_infer_takes(given_: Any, told: list[Any]) -> None:
    (header, *_) = events = list(trace("?xs", engine="worlds", holes={"xs": given_}))
    SCHEMA.validate(document(events))
    assert ends(events) == pytest.approx(all_cases("?xs", {"xs": told}))
    found = nl.Worlds().compile("?xs").infer(xs=given_).distribution()[0]
    assert sorted(ends(events).values()) == pytest.approx(sorted(float(chance) for _, chance in found))
    again = list(trace("?xs", engine="worlds", holes={"xs": told}))
    assert header["holes"] == again[0]["holes"]


def test_engines_take_logits_over_all_integers() -> None:
    limits = nl.Limits(integers=range(-2, 2))
    logits = torch.tensor([0.0, -torch.inf, 0.0, -torch.inf])
    for engine in ("machine", "worlds"):
        events = list(trace("(+ ?n 1)", engine=engine, limits=limits, holes={"n": logits}))
        assert ends(events) == pytest.approx({"-1": 0.5, "1": 0.5})
        assert events[0]["holes"] == {"n": [["-2", 0.5], ["-1", 0], ["0", 0.5], ["1", 0]]}


def test_a_trace_is_of_one_row() -> None:
    for engine in ("worlds", "machine"):
        with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got"):
            trace("?a", engine=engine, holes={"a": nl.Soft((1, 2), torch.zeros(3, 2))})
    with pytest.raises(nl.ArgumentError, match="got 2 rows, and a trace is of one program"):
        trace("?a", engine="worlds", holes={"a": torch.tensor([1, 2])})


def test_integers_that_are_not_declared() -> None:
    limits = nl.Limits(integers=range(10))
    events = list(trace("?a", engine="worlds", limits=limits, holes={"a": Chances((1, 50), (1, 1))}))
    assert ends(events) == {"1": 0.5, "overflow": 0.5}
    events = list(trace("(length ?xs)", engine="worlds", limits=limits, holes={"xs": [1, 50]}))
    assert ends(events) == {"overflow": 1}
    with pytest.raises(nl.ArgumentError, match="got 50 in a list, expected integers from 0 to 9"):
        list(trace("?xs", engine="worlds", limits=limits, holes={"xs": [Chances((1, 50), (1, 1))]}))


@pytest.mark.parametrize(
    "source", ["(sum ?xs)", "(if (< (car ?xs) 2) (reverse ?xs) ?a)", "(defn f [x] (* x 2)) (map f ?xs)"]
)
def test_terms_are_programs_whose_holes_are_the_parts(source: str) -> None:
    """What every lane may come to, by its term and by what is known in it, is together what the program comes to."""
    holes = {"a": ONE, "xs": [ONE, BIT]}
    parts = {"a": ONE, "xs/0": ONE, "xs/1": BIT}
    definitions = tuple(form for form in parse(source).forms if isinstance(form, Define))
    events = list(trace(source, engine="worlds", holes=holes))
    ended: dict[str, float] = {}
    for event, state in zip(events[:-1], states(events), strict=True):
        for end in event.get("ends", ()):
            ended[end["value"]] = ended.get(end["value"], 0) + end["weight"]
        found = dict(ended)
        for lane in state.lanes.values():
            known = {name[1:]: int(value[0][0]) for name, value in lane["registers"].items()}
            text = re.sub(r"\?xs(?!/)", "'(?xs/0 ?xs/1)", lane["term"]["text"])
            program = Program((*definitions, *parse(text).forms))
            for end, weight in all_cases(program, {**parts, **known}).items():
                found[end] = found.get(end, 0) + lane["weight"] * weight
        assert found == pytest.approx(all_cases(source, holes), rel=1e-4)


def test_a_part_never_has_the_name_of_a_hole() -> None:
    holes = {"xs": [BIT], "xs/0": ONE}
    events = list(trace("(+ (car ?xs) (* 10 ?xs/0))", engine="worlds", holes=holes))
    assert ends(events) == pytest.approx(all_cases("(+ (car ?xs) (* 10 ?xs/0))", holes))
    assert any("?xs//0" in lane.get("term", {}).get("text", "") for event in events for lane in event.get("lanes", ()))


def test_digits_that_add_up_are_traced() -> None:
    holes = {name: nl.Soft(range(10), torch.zeros(1, 4, 10)) for name in ("xs", "ys")}
    found = nl.Worlds().compile(ADD).infer({**holes, "target": torch.tensor([[1, 2, 3, 4, 0]])})
    events = list(trace(ADD, engine="worlds", holes={**holes, "target": [1, 2, 3, 4, 0]}))
    impossible = sum(end["weight"] for event in events for end in event.get("ends", ()) if "error" in end)
    assert 1 - impossible == pytest.approx(float(found.log_evidence.exp()), rel=1e-4)
    assert ends(events) == {"true": 1}
