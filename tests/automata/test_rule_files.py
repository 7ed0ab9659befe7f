"""Rule files: what is read is what is written, and every fault has one message with its place."""

import json
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from neurallambda.automata import MachineError, dumps, library, load, loads, save
from neurallambda.automata.files.rule_file import MOST_BYTES, from_data, to_data
from neurallambda.errors import SourceError
from tests.automata.machines import rule_files

GOOD: dict[str, Any] = {
    "machine": "PDA",
    "note": {"by": ["us", 1, None]},
    "symbols": ["^", "a", "b", "$", ""],
    "rules": [
        [["^", "INITIAL", None], ["Q1", ["push", "$"]]],
        [["a", "Q1", "ANY"], ["Q1", ["push", "a"]]],
        [["$", "Q1", "$"], ["ACCEPT", "pop"]],
    ],
    "zz": 1.5,
}


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    data: Any = deepcopy(GOOD)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def test_round_trip_keeps_everything_in_its_order() -> None:
    assert to_data(loads(json.dumps(GOOD))) == GOOD
    assert list(to_data(loads(json.dumps(GOOD)))) == list(GOOD)
    assert to_data(loads(dumps(loads(json.dumps(GOOD))))) == GOOD


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm"])
def test_round_trip_of_any_machine(kind: str) -> None:
    @settings(max_examples=50)
    @given(rule_files(kind))
    def check(data: dict[str, Any]) -> None:
        machine = from_data(data)
        assert loads(dumps(machine)) == machine
        assert to_data(machine)["rules"] == data["rules"]

    check()


def test_save_and_load(tmp_path: Path) -> None:
    for name in library.names():
        save(library.load(name), tmp_path / "machine.json")
        assert load(tmp_path / "machine.json") == library.load(name)


BAD = [
    (changed(("machine",), "dfa"), "machine", "unknown machine 'dfa'; known: fsm, pda, qa, tm"),
    (changed(("machine",), 3), "machine", "expected text, got 3"),
    (changed(("symbols",), "ab"), "symbols", 'expected a list, got "ab"'),
    (changed(("symbols",), ["a", 1]), "symbols[1]", "a symbol is text"),
    (changed(("symbols",), ["a", "ANY"]), "symbols[1]", "reserved word"),
    (changed(("rules",), {}), "rules", "expected a list"),
    (changed(("rules",), []), "rules", "no rule leaves INITIAL"),
    (changed(("rules", 0, 0, 1), "START"), "rules", "no rule leaves INITIAL, .* states with rules: START, Q1"),
    (changed(("rules", 1, 0, 0), "c"), "rules[1][0]", "reads 'c', which is not in symbols; declared"),
    (changed(("rules", 1), 7), "rules[1]", r"a rule is \[\[what it needs to see\]"),
    (
        changed(("rules", 1), [["a", "Q1"], ["Q1"]]),
        "rules[1][0]",
        "expected .*input, state, shown on stack.*, 3 parts; got 2",
    ),
    (changed(("rules", 1, 1), ["Q1", "pop", "pop"]), "rules[1][1]", "2 parts; got 3"),
    (
        changed(("rules", 1, 1, 1), "DEQL"),
        "rules[1][1][1]",
        '\'DEQL\' is no operation of a stack; it has "nullop", "pop"',
    ),
    (changed(("rules", 1, 1, 1), "push"), "rules[1][1][1]", '"push" is no operation'),
    (changed(("rules", 1, 1, 1), ["pop", "a"]), "rules[1][1][1]", "takes no symbol"),
    (changed(("rules", 1, 1, 1), ["push", "ANY"]), "rules[1][1][1]", "needs a symbol"),
    (changed(("rules", 1, 1, 1), ["push", 1]), "rules[1][1][1][1]", 'expected text, such as "a"; got 1'),
    (changed(("rules", 1, 1, 0), "ANY"), "rules[1][1][0]", "not one state"),
    (changed(("rules", 1, 0, 1), None), "rules[1][0][1]", "expected text"),
    (changed(("rules", 1, 0, 1), ""), "rules[1][0]", "a state without a name"),
    (changed(("rules", 1, 0, 2), ""), "rules[1][0]", "write null"),
    (changed(("acceptance",), {"states": ["NO"]}), "acceptance.states[0]", "'NO' is in no rule"),
    (changed(("acceptance",), {"state": []}), "acceptance", "unknown key 'state'"),
    (changed(("acceptance",), {"memory": "full"}), "acceptance.memory", '"any" or "empty"'),
    (changed(("schema",), 2), "schema", "schema 2 is not known"),
    (changed(("separator",), "a"), "symbols[1]", "contains the separator"),
    (changed(("framed",), "yes"), "framed", "expected true or false or null"),
    ({"machine": "fsm", "symbols": []}, "rules", "the key 'rules' is missing"),
    ([], "", "a rule file is a JSON object"),
    ({"machine": "tm", "symbols": [], "tapes": 99, "rules": []}, "tapes", "from 0 to 16"),
    ({"machine": "tm", "symbols": [], "tapes": 1, "stacks": 1, "rules": []}, "stacks", "tapes or stacks"),
    (
        {"machine": "tm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["ACCEPT", ["a", "UP"]]]]},
        "rules[0][1][1]",
        "'UP' is no operation of a tape",
    ),
    (
        {
            "machine": "fsm",
            "symbols": ["a"],
            "outputs": {"INITIAL": "x"},
            "rules": [[["a", "INITIAL"], ["ACCEPT", "y"]]],
        },
        "outputs",
        "both states and rules have outputs",
    ),
]


@pytest.mark.parametrize(("data", "place", "message"), BAD)
def test_each_fault_has_a_message_with_its_place(data: Any, place: str, message: str) -> None:
    with pytest.raises(MachineError, match=message) as caught:
        loads(json.dumps(data))
    assert caught.value.place == place
    assert str(caught.value).startswith(place)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: line 1, column 2"),
        ("", "not JSON: line 1, column 1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"machine": "fsm", "machine": "pda"}', "comes twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("1" * 5000, "not JSON that can be used"),
    ],
)
def test_text_that_is_not_json(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        loads(text)


def test_files_that_cannot_be_rule_files(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(MachineError, match=f"104,857,600 bytes; a rule file has at most {MOST_BYTES:,}"):
        load(large)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"{\xff}")
    with pytest.raises(MachineError, match="not UTF-8 text: byte 1 is 0xff"):
        load(binary)


def test_the_schema_agrees() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((files("neurallambda.automata.files") / "schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator.validate(GOOD)
    for name in library.names():
        validator.validate(to_data(library.load(name)))
    for data, place, message in BAD:
        if "parts; got" in message or "expected text" in message or place in ("machine", ""):
            assert not validator.is_valid(data), data
