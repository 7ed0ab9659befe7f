"""Traces of the discrete steppers: the same records as those of the tensors, from plain Python; their terms are sound."""

import json
from importlib.resources import files

import jsonschema
import pytest
import torch

import neurallambda as nl
from neurallambda.errors import ArgumentError, ProgramError, SourceError
from neurallambda.lang.normalize import normalize
from neurallambda.lang.prelude import link
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Define, Program
from neurallambda.traces import document, states, trace
from neurallambda.traces.pictures import Json
from tests.programs import INTEGERS, PROGRAMS, Example
from tests.test_imports import TENSORS, run

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))
CLOSED = [one for one in PROGRAMS if not one.holes]
FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 2)"


def events_of(source: str, engine: str, **options: object) -> list[Json]:
    """A trace but for its engine's name and the probabilities of its ends, which only tensors have."""
    limits = nl.Limits(integers=INTEGERS, max_steps=40, cells=48)
    found = list(trace(source, engine=engine, limits=limits, **options))  # pyright: ignore[reportArgumentType]
    return [{name: part for name, part in event.items() if name not in ("engine", "distribution")} for event in found]


@pytest.mark.parametrize(("tensors", "stepper"), [("machine", "stepper"), ("beta", "beta-stepper")])
@pytest.mark.parametrize("example", CLOSED[::37], ids=lambda one: one.name)
def test_a_stepper_has_the_very_record_of_the_tensors(example: Example, tensors: str, stepper: str) -> None:
    assert events_of(example.source, stepper) == events_of(example.source, tensors)
    SCHEMA.validate(document(trace(example.source, engine=stepper)))


@pytest.mark.parametrize(("tensors", "stepper"), [("machine", "stepper"), ("beta", "beta-stepper")])
def test_certain_holes_are_filled(tensors: str, stepper: str) -> None:
    source, holes = "(if ?c (?op ?n 1) 0)", {"c": True, "op": "+", "n": 4}
    assert events_of(source, stepper, holes=holes) == events_of(source, tensors, holes=holes)
    with pytest.raises(SourceError, match=r"\?n is not filled"):
        list(trace(source, engine=stepper, holes={"c": True, "op": "+"}))
    with pytest.raises(ArgumentError, match=r"holes\['c'\]"):
        list(trace(source, engine=stepper, holes={**holes, "c": nl.Soft((True, False), torch.zeros(2))}))


def terms(source: str, engine: str) -> list[str]:
    """The terms of a run, each once."""
    events = list(trace(source, engine=engine, limits=nl.Limits(integers=range(-(2**40), 2**40), max_steps=300)))
    SCHEMA.validate(document(events))
    found = [state.lanes[0]["term"].get("text") for state in states(events) if 0 in state.lanes]
    return list(dict.fromkeys(text for text in found if text is not None))


def test_a_recursive_program_is_told_as_on_paper() -> None:
    assert terms(FACTORIAL, "beta-stepper")[:6] == [
        "(fact 2)",
        "((fn [n] (if (= n 0) 1 (* n (fact (- n 1))))) 2)",
        "(if (= 2 0) 1 (* 2 (fact (- 2 1))))",
        "(if false 1 (* 2 (fact (- 2 1))))",
        "(* 2 (fact (- 2 1)))",
        "(* 2 (if (= (- 2 1) 0) 1 (* (- 2 1) (fact (- (- 2 1) 1)))))",
    ]
    assert terms(FACTORIAL, "beta-stepper")[-1] == "2"


@pytest.mark.parametrize(
    "example", [*CLOSED[::16], *[one for one in CLOSED if "letrec" in one.source][::3]], ids=lambda one: one.name
)
def test_every_term_of_a_reduction_has_the_normal_form_of_the_program(example: Example) -> None:
    """Read beside the definitions of the program: names are those of its functions."""
    try:
        definitions = tuple(form for form in link(parse(example.source)).forms if isinstance(form, Define))
        expected = to_text(normalize(example.source, max_steps=3_000))
    except ProgramError:
        return
    for text in terms(example.source, "beta-stepper")[:30]:
        found = normalize(Program((*definitions, *parse(text).forms)), max_steps=3_000)
        assert to_text(found) == expected, text


def test_without_tensors() -> None:
    run(
        f"import sys\nfor name in {TENSORS}: sys.modules[name] = None\n"
        "from neurallambda.traces import trace\n"
        "for engine in ('stepper', 'beta-stepper', 'reference', 'normalize'):\n"
        f"    *_, end = trace({FACTORIAL!r}, engine=engine)\n"
        "    assert end['outcome'] == {'value': '2'}, (engine, end)\n"
    )
