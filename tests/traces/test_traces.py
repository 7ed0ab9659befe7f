"""Traces: what they say is what the engine had, and the term of every state is worth what the program is."""

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
import torch
from hypothesis import given, settings

import neurallambda as nl
from neurallambda.automata import CellularAutomaton
from neurallambda.automata.library import load
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, SourceError
from neurallambda.lang.chances import Chances
from neurallambda.lang.enumeration import possibilities
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.prelude import link
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Define, Program
from neurallambda.traces import document, state_at, states, trace
from neurallambda.traces.automata import trace_cells, trace_run
from neurallambda.traces.machine import MachineTracer
from neurallambda.traces.pictures import Json
from neurallambda.traces.recording import Recorder, record
from neurallambda.traces.reference import ReferenceTracer
from tests.programs import INTEGERS, PROGRAMS, Example
from tests.typed_programs import programs

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))
FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 3)"
CLOSED = [one for one in PROGRAMS if not one.holes]


def texts(events: list[Json], lane: int = 0) -> list[str | None]:
    return [state.lanes[lane]["term"].get("text") for state in states(events) if lane in state.lanes]


def marked(state: Json) -> str:
    """The text of a lane, its redex between « and »."""
    term = state["term"]
    start, end = term["redex"]
    return f"{term['text'][:start]}«{term['text'][start:end]}»{term['text'][end:]}"


def test_a_run_as_terms() -> None:
    events = list(trace("(defn double [x] (+ x x)) '(1 (double 2))", engine="reference"))
    found = [marked(state.lanes[0]) for state in states(events) if "redex" in state.lanes.get(0, {}).get("term", {})]
    assert list(dict.fromkeys(found)) == [
        "«'(1 (double 2))»",
        "'(1 «(double 2)»)",
        "'(1 «(+ 2 2)»)",
        "'(1 «4»)",
        "«'(1 4)»",
    ]
    assert texts(events)[-1] == "'(1 4)"
    assert events[-1]["outcome"] == {"value": "'(1 4)"}


@pytest.mark.parametrize(
    ("engine", "example"),
    [("reference", one) for one in CLOSED] + [("machine", one) for one in CLOSED[::7]],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_every_term_is_worth_what_the_program_is(engine: str, example: Example) -> None:
    """Each state, read back as a term and evaluated beside the program's definitions, ends as the program does."""
    program = parse(example.source)
    definitions = definitions_of(program)
    events = list(trace(example.source, engine=engine, limits=nl.Limits(integers=INTEGERS, max_steps=3_000)))
    check(definitions, events, evaluate(program, integers=INTEGERS), INTEGERS)
    SCHEMA.validate(document(events))


@given(programs())
@settings(max_examples=20, deadline=None)
def test_terms_of_random_programs(program: Program) -> None:
    definitions = definitions_of(program)
    limits = nl.Limits(integers=range(-(2**30), 2**30), max_steps=100)
    expected = evaluate(program, integers=limits.integers, max_steps=100)
    check(definitions, list(trace(program, engine="reference", limits=limits)), expected, limits.integers)


def definitions_of(program: Program) -> tuple[Define, ...]:
    """A program's own, and those of the prelude that it uses; none where it is not closed."""
    try:
        return tuple(form for form in link(program).forms if isinstance(form, Define))
    except ProgramError:
        return ()


def check(definitions: tuple[Define, ...], events: list[Json], expected: Outcome, integers: range) -> None:
    """Terms mention functions of a `letrec` by name, which have no meaning outside of it: such programs are left out."""
    if "letrec" in events[0]["source"] or expected.error is ErrorKind.UNBOUND:
        return
    for text in dict.fromkeys(texts(events)):
        if text is not None:
            found = evaluate(Program((*definitions, *parse(text).forms)), integers=integers, max_steps=5_000)
            assert (found.error, found.term) == (expected.error, expected.term), text


@pytest.mark.parametrize("example", CLOSED[::9], ids=lambda one: one.name)
def test_the_machine_is_in_the_states_of_the_reference_evaluator(example: Example) -> None:
    limits = nl.Limits(integers=INTEGERS, max_steps=3_000)
    machine, reference = (list(trace(example.source, engine=one, limits=limits)) for one in ("machine", "reference"))
    assert texts(machine) == texts(reference)
    assert machine[-1]["outcome"] == reference[-1]["outcome"]
    assert machine[-1]["steps"] == reference[-1]["steps"]


def test_what_is_replayed_is_what_the_machine_had() -> None:
    machine = nl.Machine(integers=range(10))
    choice = nl.Soft((True, False), torch.tensor([1.0, 0.0]))
    encoded = machine.encode("(+ (if ?c (+ 1 2) 4) (if ?c 1 0))", holes={"c": choice})
    seen = list(MachineTracer(machine, encoded, 100).seen())
    events = list(record("machine", iter(seen)))
    memory: dict[str, Json] = {}
    for was, state in zip(seen, states(events), strict=True):
        memory |= {cell["address"]: cell for cell in was.memory}
        assert state.memory == memory
        on = {lane.id: lane for lane in was.lanes if lane.id not in was.closed}
        assert state.lanes.keys() == on.keys()
        for number, lane in on.items():
            assert lane.term is not None
            replayed = state.lanes[number]
            assert replayed["term"]["text"] == lane.term.text
            assert replayed["weight"] == pytest.approx(lane.weight, rel=1e-5)
            assert [item["text"] for item in replayed["stores"]["continuation"]["items"]] == [
                item.text for item in lane.stores["continuation"].items
            ]
            assert [name for name, _ in replayed["registers"]["control"]] == [
                name for name, _ in lane.registers["control"]
            ]


def test_alternatives_are_lanes_that_split_and_end() -> None:
    choice = nl.Soft((True, False), torch.tensor([0.3, 0.7]).log())
    events = list(trace("(if ?c (+ 1 2) 9)", holes={"c": choice}))
    split = next(event for event in events if len(event.get("lanes", ())) > 1)
    assert {tuple(lane["parents"]) for lane in split["lanes"]} == {(0,)}
    assert sorted(lane["weight"] for lane in split["lanes"]) == pytest.approx([0.3, 0.7], rel=1e-4)
    ends = [end for event in events for end in event.get("ends", ())]
    assert {(end["value"], round(end["weight"], 4)) for end in ends} == {("9", 0.7), ("3", 0.3)}
    assert sum(one["weight"] for one in events[-1]["distribution"]) == pytest.approx(1)
    SCHEMA.validate(document(events))


def test_soft_values_are_told_in_place() -> None:
    events = list(trace("(+ ?a 1)", holes={"a": nl.Soft((1, 2), torch.zeros(2))}))
    soft = [
        state.lanes[0]["term"]["soft"] for state in states(events) if state.lanes.get(0, {}).get("term", {}).get("soft")
    ]
    assert soft[0] == [{"span": [3, 4], "values": [["1", 0.5], ["2", 0.5]]}]


@pytest.mark.parametrize("engine", ["machine", "beta", "reference", "worlds", "normalize"])
def test_every_engine_fits_the_schema(engine: str) -> None:
    events = list(trace("((fn [x] '(x x)) 4)", engine=engine, limits=nl.Limits(integers=range(10), cells=16)))
    SCHEMA.validate(document(events))
    for event in events:
        SCHEMA.validate(event)
    assert events[-1]["outcome"] == {"value": "'(4 4)"}
    assert texts(events)[0] == "((fn [x] '(x x)) 4)"
    assert texts(events)[-1] == "'(4 4)"


@pytest.mark.parametrize(
    ("source", "kind"),
    [("(car 5)", "not-a-pair"), ("(1 2)", "not-a-function"), ("(f 1)", "unbound"), ("(+ 1 x)", "unbound")],
)
@pytest.mark.parametrize("engine", ["machine", "reference", "beta"])
def test_errors_end_a_trace_with_their_place(source: str, kind: str, engine: str) -> None:
    events = list(trace(source, engine=engine, limits=nl.Limits(integers=range(10), cells=16)))
    assert events[-1]["outcome"]["error"] == kind
    assert events[-1]["outcome"]["line"] == 1
    SCHEMA.validate(document(events))


def test_a_name_is_not_taken_for_the_awaited_value() -> None:
    (*_, state) = states(list(trace("(let [_ (car 1)] _)", engine="reference"))[:3])
    assert [item["text"] for item in state.lanes[0]["stores"]["continuation"]["items"]] == ["(let [· _] ·)", "(car _)"]


def test_a_trace_that_is_cut_says_so() -> None:
    events = list(trace("(defn f [n] (f n)) (f 1)", engine="reference", limits=nl.Limits(max_steps=5)))
    assert events[-1]["steps"] == 5
    assert "5 steps" in events[-1]["truncated"]


def test_the_size_goes_by_what_changes() -> None:
    """Twice the steps, twice the size, though memory and the continuation are twice as large at the end."""
    source = "(defn down [n] (if (= n 0) 0 (+ 1 (down (- n 1))))) (down {})"
    few, many = (len(json.dumps(list(trace(source.format(n), limits=nl.Limits(max_steps=5_000))))) for n in (20, 40))
    assert many < 2.3 * few


def test_the_gradient_says_which_cells_the_end_depends_on() -> None:
    source = "(if (< ?a 3) (+ 1 1) 7)"
    events = list(trace(source, holes={"a": nl.Soft((1, 5), torch.zeros(2))}, gradient=True))
    gradient = events[-1]["gradient"]
    SCHEMA.validate(document(events))
    logits = torch.zeros(2, requires_grad=True)
    machine = nl.Machine()
    encoded = machine.encode(source, holes={"a": nl.Soft((1, 5), logits)})
    literal = encoded.literal.detach().clone().requires_grad_()
    machine.run(replace(encoded, literal=literal)).probability(int(gradient["of"]))[0].log().backward()
    assert literal.grad is not None
    hole = next(at for at, cell in enumerate(encoded.cells[0].cells) if cell.hole)
    told = next(cell for cell in gradient["cells"] if cell["address"] == f"A{hole}")
    best = literal.grad[0, hole].abs().max()
    assert abs(told["parts"]["literal"][0][1]) == pytest.approx(float(best), rel=1e-4)
    assert list(trace("(fn [x] x)", gradient=True))[-1].get("gradient") is None


def test_machines_and_cells() -> None:
    run = load("anbncn").run("abc")
    events = list(trace_run(run, name="anbncn"))
    SCHEMA.validate(document(events))
    shown = [[item["text"] for item in state.lanes[0]["stores"]["deque"]["items"]] for state in states(events)]
    assert shown == [list(step.configuration.memories[0]) for step in run.steps]
    assert events[-1]["outcome"] == {"verdict": "accepted"}
    cells = load("binary_multiplication", CellularAutomaton)
    of_cells = list(trace_cells(cells, cells.run("011", "11")))
    SCHEMA.validate(document(of_cells))
    assert of_cells[-1]["outcome"] == {"value": "0 1 0 0 1"}


def test_what_cannot_be_traced_is_refused() -> None:
    with pytest.raises(ArgumentError, match="engine: got 'lisp', expected one of machine"):
        trace("1", engine="lisp")
    with pytest.raises(ArgumentError, match="only the machine has one"):
        trace("1", engine="reference", gradient=True)
    with pytest.raises(SourceError, match=r"the hole \?a is not filled"):
        list(trace("?a"))
    with pytest.raises(ArgumentError, match="expected a step from 0 to 1"):
        state_at(list(trace("1", engine="reference")), 7)
    with pytest.raises(ArgumentError, match="expected a header"):
        list(states([{"event": "step"}]))


def test_a_large_value_is_left_out() -> None:
    source = "(defn grow [n xs] (if (= n 0) xs (grow (- n 1) (cons xs xs)))) (grow 16 '(1))"
    tracer = ReferenceTracer(lower(parse(source)), {})
    events = list(record("reference", tracer.seen(2_000)))
    assert any("omitted" in lane.get("term", {}) for event in events for lane in event.get("lanes", ()))
    assert Recorder("reference").facts == {"engine": "reference"}


@pytest.mark.parametrize(
    "source",
    [
        "(+ ?a ?a)",
        "(let [x (+ ?a ?b)] (* x x))",
        "(observe (< (+ ?a ?b) 4)) '(?a ?b)",
        "(if (flip 1 3) (sample ?a) (+ ?b 1))",
        "(defn f [n] (if (= n 0) 0 (+ (sample ?a) (f (- n 1))))) (f 3)",
        "(car (if (= ?a 1) '(2) 3))",
        "(defn g [x] (+ x ?a)) '((g 1) (g ?b))",
    ],
)
def test_lanes_of_uncertain_programs_are_all_cases(source: str) -> None:
    holes = {"a": Chances((1, 2), (1, 3)), "b": Chances((2, 3), (1, 1))}
    expected: dict[str, float] = {}
    for case in possibilities(source, holes=holes):
        if not case.is_ruled_out:
            end = str(case.outcome.error or case.outcome.text)
            expected[end] = expected.get(end, 0) + float(case.probability)
    total = sum(expected.values())
    events = list(trace(source, engine="worlds", holes=holes))
    SCHEMA.validate(document(events))
    found = {one.get("value", one.get("error")): one["weight"] for one in events[-1]["distribution"]}
    assert found == pytest.approx({end: weight / total for end, weight in expected.items()}, rel=1e-5)
    for state in states(events):
        assert sum(lane["weight"] for lane in state.lanes.values()) <= 1 + 1e-6


def test_worlds_that_are_equal_are_one_lane() -> None:
    holes = {"a": Chances((1, 2), (1, 1)), "b": Chances((1, 2), (1, 1))}
    events = list(trace("(let [x (+ ?a ?b)] (* x x))", engine="worlds", holes=holes))
    most = max(len(state.lanes) for state in states(events))
    assert most == 3  # 2, 3 and 4: one and two are the same as two and one
    merged = [lane["id"] for event in events for lane in event.get("lanes", ()) if len(lane.get("parents", ())) > 1]
    weights = {number: lane["weight"] for state in states(events) for number, lane in state.lanes.items()}
    assert [weights[number] for number in merged] == [0.5]


def test_uncertain_runs_end_within_limits_and_say_what_is_impossible() -> None:
    certain = list(trace("(observe (= 1 2)) 3", engine="worlds"))
    assert certain[-1]["outcome"]["error"] == "impossible"
    endless = trace("(defn f [n] (f (sample ?a))) (f 0)", engine="worlds", holes={"a": Chances((1, 2), (1, 1))})
    (*_, last) = endless
    assert last["outcome"]["error"] in ("out-of-memory", "out-of-steps")
    assert "truncated" in last
    many = list(trace("?xs", engine="worlds", holes={"xs": [Chances((1, 2), (1, 1))] * 13}))
    assert many[-1]["outcome"]["error"] == "out-of-memory"
