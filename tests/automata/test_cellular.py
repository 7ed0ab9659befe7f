"""Cellular automata: what they compute, against Python; files, faults, tables and drawings."""

import json
from importlib.resources import files
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.automata import (
    FSM,
    Automaton,
    CellRule,
    CellularAutomaton,
    Limits,
    MachineError,
    OutputRule,
    dumps,
    library,
    load,
    loads,
    save,
)
from neurallambda.automata.cells.lookup import clash
from neurallambda.automata.cells.table import cell_table
from neurallambda.automata.diagram import to_dot, to_svg, to_text
from neurallambda.automata.files.rule_file import any_from_data, from_data, to_data
from neurallambda.errors import ArgumentError, ProgramError

NAMES = library.names(CellularAutomaton)


def digits(number: int, width: int) -> str:
    """The lowest first."""
    return f"{number:0{width}b}"[::-1]


def test_multiplication_of_all_short_numbers() -> None:
    multiply = library.load("binary_multiplication", CellularAutomaton)
    for one, other in product(range(16), repeat=2):
        assert multiply.compute(digits(one, 4), digits(other, 5)) == digits(one * other, 9)
    assert multiply.compute("", "101") == "000"
    assert multiply.compute("101", "") == "000"
    assert multiply.compute("", "") == ""


@pytest.mark.parametrize("width", [30, 200])
def test_multiplication_of_long_numbers(width: int) -> None:
    multiply, random = library.load("binary_multiplication", CellularAutomaton), Random(width)
    for _ in range(3):
        one, other = random.getrandbits(width), random.getrandbits(width + 7)
        assert multiply.compute(digits(one, width), digits(other, width + 7)) == digits(one * other, 2 * width + 7)


def test_rule_110_is_that_of_its_definition() -> None:
    rule, random = library.load("rule_110", CellularAutomaton), Random(0)
    start = [random.randrange(2) for _ in range(40)]
    run = rule.run("".join(map(str, start)), steps=30, width=40)
    for step in run.steps[1:]:
        assert step.states == tuple(map(str, start))
        beyond = [0, *start, 0]
        start = [110 >> (4 * a + 2 * b + c) & 1 for a, b, c in zip(beyond, beyond[1:], beyond[2:], strict=False)]


def plain(
    machine: CellularAutomaton, cells: str, shown: str, steps: int, width: int
) -> tuple[list[list[str]], list[str | None]]:
    """The definition, word by word: every rule is looked at, in every cell, in a row of `width` cells."""
    states, rows, written = ["INITIAL"] * width, [], []
    for time in range(steps):
        seen = shown[time] if time < len(shown) else None
        after = []
        for place in range(width):
            symbol = cells[place] if place < len(cells) else None
            near = {"left": states[place - 1] if place else machine.edge, "right": ([*states, machine.edge])[place + 1]}
            wanted = (symbol, seen, states[place], *(near[side] for side in machine.neighbours))
            fitting = {
                rule.target
                for rule in machine.rules
                if all(slot in ("ANY", value) for slot, value in zip(rule.slots, wanted, strict=True))
            }
            assert len(fitting) <= 1
            after.append(fitting.pop() if fitting else states[place])
        states = after
        rows.append(states)
        outputs = {
            rule.output for rule in machine.outputs if rule.seen in ("ANY", seen) and rule.state in ("ANY", states[0])
        }
        written.append(outputs.pop() if outputs else None)
    return rows, written


SYMBOLS = st.one_of(st.sampled_from(["a", "b", "ANY"]), st.none())
STATES = st.sampled_from(["INITIAL", "P", "Q"])
SLOTS = st.one_of(STATES, STATES, st.just("ANY"))


@st.composite
def cellular_files(draw: st.DrawFn) -> dict[str, Any]:
    neighbours = draw(st.sampled_from([[], ["right"], ["left"], ["left", "right"], ["right", "left"]]))
    left = st.tuples(SYMBOLS, SYMBOLS, SLOTS, *(SLOTS for _ in neighbours)).map(list)
    rules: list[Any] = [[["a", "ANY", "INITIAL", *("ANY" for _ in neighbours)], [draw(STATES)]]]
    outputs: list[Any] = []
    for row in draw(st.lists(st.tuples(left, STATES.map(lambda to: [to])).map(list), max_size=12)):
        if clash(_cell_rules([*rules, row]), [right[0] for _, right in [*rules, row]]) is None:
            rules.append(row)
    for seen, state, output in draw(
        st.lists(st.tuples(SYMBOLS, st.sampled_from(["INITIAL", "ANY"]), st.sampled_from("xy")), max_size=4)
    ):
        row = [[seen, state], [output]]
        rules_of_outputs = [OutputRule(left[0], left[1], right[0]) for left, right in [*outputs, row]]
        if clash(rules_of_outputs, [rule.output for rule in rules_of_outputs]) is None:
            outputs.append(row)
    return {
        "machine": "ca",
        "symbols": ["a", "b"],
        "neighbours": neighbours,
        "edge": "INITIAL",
        "rules": rules,
        "outputs": outputs,
    }


def _cell_rules(rows: list[Any]) -> list[CellRule]:
    return [CellRule(left[0], left[1], left[2], tuple(left[3:]), right[0]) for left, right in rows]


def test_a_row_without_end_has_none_where_its_string_ends() -> None:
    """The cells behind the string change, and what they become reaches it, in as many steps as there are cells."""
    rules = [[["ANY", "ANY", "INITIAL", "INITIAL"], ["Q"]], [["a", "ANY", "Q", "INITIAL"], ["INITIAL"]]]
    machine = loads(
        json.dumps({"machine": "ca", "symbols": ["a", "b"], "neighbours": ["right"], "rules": rules, "outputs": []}),
        CellularAutomaton,
    )
    assert [step.states for step in machine.run("aaa", steps=2).steps[1:]] == [("Q", "Q", "Q")] * 2


@given(cellular_files(), st.text("ab", max_size=5), st.text("ab", max_size=5), st.integers(0, 7), st.integers(1, 3))
def test_runs_are_those_of_the_definition(data: dict[str, Any], cells: str, shown: str, steps: int, room: int) -> None:
    machine = loads(json.dumps(data), CellularAutomaton)
    width = max(1, len(cells)) + room
    rows, written = plain(machine, cells, shown, steps, width)
    run = machine.run(cells, shown, steps=steps, width=width)
    assert [list(step.states) for step in run.steps[1:]] == rows
    assert list(run.outputs) == written
    assert list(machine.transduce(cells, shown, steps=steps, width=width)) == written
    endless = plain(machine, cells, shown, steps, len(cells) + steps + 1)
    assert list(machine.transduce(cells, shown, steps=steps)) == endless[1]
    again = machine.run(cells, shown, steps=steps)
    assert [list(step.states) for step in again.steps[1:]] == [row[: len(cells)] for row in endless[0]]
    assert list(again.outputs) == endless[1]


@given(cellular_files())
def test_round_trip(data: dict[str, Any]) -> None:
    machine = any_from_data(data)
    assert to_data(machine) == data
    assert loads(dumps(machine), CellularAutomaton) == machine


def test_library_files_are_in_the_form_that_we_write(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((files("neurallambda.automata.files") / "schema.json").read_text())
    for name in NAMES:
        machine = library.load(name, CellularAutomaton)
        assert machine.description
        save(machine, tmp_path / "rules.json")
        assert load(tmp_path / "rules.json", CellularAutomaton) == machine
        assert dumps(machine) == (files(library) / "cells" / f"{name}.json").read_text()
        jsonschema.Draft202012Validator(schema).validate(to_data(machine))


GOOD: dict[str, Any] = {
    "machine": "ca",
    "symbols": ["0", "1"],
    "rules": [[["1", "ANY", "INITIAL", "ANY"], ["ON"]], [[None, None, "ON", "INITIAL"], ["INITIAL"]]],
    "outputs": [[["ANY", "ON"], ["1"]]],
    "note": 1,
}
BAD = [
    ({"neighbours": ["up"]}, "neighbours[0]", '"up" is no side'),
    ({"neighbours": ["left", "left"]}, "neighbours", "named twice"),
    ({"neighbours": "left"}, "neighbours", "expected a list"),
    ({"symbols": ["0", ""]}, "symbols", "a symbol without letters"),
    ({"symbols": ["0", "ANY"]}, "symbols[1]", "reserved word"),
    ({"symbols": ["0"]}, "rules[0][0]", "a cell with '1', which is not in symbols"),
    ({"edge": "WALL"}, "edge", "'WALL' is in no rule"),
    ({"edge": None}, "edge", "expected text"),
    ({"rules": []}, "rules", "no rule leaves INITIAL"),
    ({"rules": [[["1", "ANY", "ON"], ["ON"]]]}, "rules[0][0]", "so 4 parts here; got 3"),
    ({"rules": [[["1", "ANY", "ON", "ON"], ["ON", "OFF"]]]}, "rules[0][1]", "so 1 parts here; got 2"),
    ({"rules": [["1"]]}, "rules[0]", r"expected \[\[symbol, seen, state, right\], \[to\]\]"),
    ({"rules": [[["1", 2, "ON", "ON"], ["ON"]]]}, "rules[0][0][1]", "expected text"),
    ({"rules": [[["1", "0", "ON", None], ["ON"]]]}, "rules[0][0][3]", "expected text"),
    ({"rules": [[["1", "0", "", "ON"], ["ON"]]]}, "rules[0][0]", "a state without a name"),
    ({"rules": [[["1", "0", "ON", "ON"], ["ANY"]]]}, "rules[0][1][0]", "not one state"),
    ({"rules": [[["1", "2", "ON", "ON"], ["ON"]]]}, "rules[0][0]", "sees '2', which is not in symbols"),
    (
        {"rules": [*GOOD["rules"], [["ANY", "0", "INITIAL", "ON"], ["INITIAL"]]]},
        "rules[2]",
        r"fits what rules\[0\] fits too, and says 'INITIAL' where that says 'ON'",
    ),
    ({"outputs": [[["ANY", "OFF"], ["1"]]]}, "outputs[0][0]", "'OFF' is in no rule"),
    ({"outputs": [[["ANY", "ON"], ["1"]], [["0", "ANY"], ["2"]]]}, "outputs[1]", r"fits what outputs\[0\] fits"),
    ({"outputs": {"ON": "1"}}, "outputs", "expected a list"),
    ({"schema": 9}, "schema", "schema 9 is not known"),
    ({"description": 3}, "description", "expected text or null"),
]


@pytest.mark.parametrize(("change", "place", "message"), BAD)
def test_each_fault_has_a_message_with_its_place(change: dict[str, Any], place: str, message: str) -> None:
    assert to_data(loads(json.dumps(GOOD), CellularAutomaton)) == GOOD
    with pytest.raises(MachineError, match=message) as caught:
        loads(json.dumps(GOOD | change), CellularAutomaton)
    assert caught.value.place == place


def test_kinds_must_be_asked_for() -> None:
    with pytest.raises(MachineError, match="asked for"):
        loads(json.dumps(GOOD))
    with pytest.raises(MachineError, match="asked for"):
        from_data(GOOD)
    with pytest.raises(MachineError, match="'pda', a PDA, where a machine of the class FSM is expected"):
        loads(dumps(library.load("anbn")), FSM)
    assert isinstance(loads(dumps(library.load("parity")), FSM), FSM)
    with pytest.raises(ArgumentError, match=r"no machine 'anbn' in the library; there are binary_multiplication"):
        library.load("anbn", CellularAutomaton)
    assert library.names(Automaton) == library.names()


def test_rules_built_here_are_checked_too() -> None:
    with pytest.raises(MachineError, match="the states of 0 neighbours; the cells of this machine look at 1"):
        CellularAutomaton(symbols=("a",), rules=(CellRule("a", "ANY", "INITIAL", (), "ON"),))


def test_bad_runs_are_refused() -> None:
    multiply = library.load("binary_multiplication", CellularAutomaton)
    with pytest.raises(ArgumentError, match="got '2' at place 1, expected symbols of the machine: 0 1"):
        multiply.run("12", "1")
    with pytest.raises(ArgumentError, match="width: got 1, expected room for the 3 symbols"):
        multiply.run("111", "1", width=1)
    with pytest.raises(ArgumentError, match="steps: got -1"):
        multiply.transduce("1", "1", steps=-1)
    with pytest.raises(ArgumentError, match="shown: got 3"):
        multiply.compute("1", 3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="no outputs, so it writes nothing"):
        library.load("rule_110", CellularAutomaton).compute("1")
    for limits in (Limits(steps=3), Limits(cells=3), Limits(storage=3)):
        with pytest.raises(ProgramError, match="more than the limits allow"):
            multiply.run("11", "11", limits=limits)


def test_separators() -> None:
    machine = CellularAutomaton(
        symbols=("up", "down"),
        rules=(CellRule("up", "down", "INITIAL", (), "ON"),),
        outputs=(OutputRule("ANY", "ON", "on"),),
        neighbours=(),
        separator=" ",
    )
    assert machine.compute("up down", "up down") == "on on on"
    assert machine.transduce(["up"], ["up", "down"]) == (None, "on", "on")


def test_table_and_drawings() -> None:
    multiply = library.load("binary_multiplication", CellularAutomaton)
    assert cell_table(multiply.run("01", "1")).splitlines() == [
        "step  seen  0        1        written",
        "0           INITIAL  INITIAL",
        "1     1     INITIAL  SUM      0",
        "2     _     SUM      INITIAL  1",
        "3     _     INITIAL  INITIAL  0",
    ]
    assert "(INITIAL) --[ 1 1 right INITIAL ]--> (SUM)" in to_text(multiply)
    assert to_dot(multiply).startswith("digraph")
    assert ElementTree.fromstring(to_svg(multiply)).tag.endswith("svg")
