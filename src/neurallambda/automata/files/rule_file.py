"""Rule files: JSON to machine and back. What a file says beyond the machine is kept, so that writing gives it back.

`schema.json`, beside this file, describes the format for other tools.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.files.json_text import parse_json
from neurallambda.automata.files.rule_text import read_rule, write_rule
from neurallambda.automata.fsm import FSM
from neurallambda.automata.pda import PDA
from neurallambda.automata.queue_automaton import QueueAutomaton
from neurallambda.automata.rules.machine import Acceptance, Document
from neurallambda.automata.rules.memory import DEQUE, MOST_MEMORIES, STACK, TAPE, MemoryKind
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import ACCEPT
from neurallambda.automata.turing import TuringMachine

MOST_BYTES = 16 * 2**20
"""A larger file is refused before it is read."""

SCHEMA = 1
"""The version of the format."""

KINDS: dict[str, type[Automaton]] = {"fsm": FSM, "pda": PDA, "qa": QueueAutomaton, "tm": TuringMachine}
_COMMON = ("schema", "machine", "description", "symbols", "separator", "framed", "acceptance")
_OWN = {"fsm": ("outputs",), "pda": (), "qa": (), "tm": ("tapes", "stacks")}


@checked
def load(path: str | Path) -> Automaton:
    """The machine in a rule file.

    Args:
        path: the file.

    Raises:
        MachineError: the file cannot be used; the message says where and why.
        OSError: the file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise MachineError(f"{path} has {size:,} bytes; a rule file has at most {MOST_BYTES:,}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise MachineError(
            f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        ) from error
    return loads(text)


@checked
def loads(text: str) -> Automaton:
    """The machine in the text of a rule file.

    Args:
        text: JSON.

    Raises:
        MachineError: the text cannot be used; the message says where and why.

    Example:
        >>> machine = loads('{"machine": "fsm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["ACCEPT"]]]}')
        >>> machine.accepts("a"), machine.accepts("aa")
        (True, False)
    """
    return from_data(parse_json(text))


def from_data(data: object) -> Automaton:
    """The machine that parsed JSON describes."""
    if not isinstance(data, dict):
        raise MachineError(f"a rule file is a JSON object with machine, symbols and rules; got {_name(data)}")
    for key in ("machine", "symbols", "rules"):
        if key not in data:
            raise MachineError(f"the key {key!r} is missing; a rule file has machine, symbols and rules", place=key)
    spelling = _take(data, "machine", str)
    kind = spelling.lower()
    if kind not in KINDS:
        raise MachineError(f"unknown machine {spelling!r}; known: {', '.join(KINDS)}", place="machine")
    _check_schema(data)
    own = _own_fields(kind, data)
    memories = _memories(kind, own)
    known = {*_COMMON, *_OWN[kind], "rules"}
    unknown = tuple((key, json.dumps(value)) for key, value in data.items() if key not in known)
    return KINDS[kind](
        symbols=_symbols(data),
        rules=_rules(data, kind, memories),
        description=_take(data, "description", str, type(None), default=None),
        acceptance=_acceptance(data),
        framed=_take(data, "framed", bool, type(None), default=None),
        separator=_take(data, "separator", str, default=""),
        document=Document(spelling=spelling, keys=tuple(data), unknown=unknown),
        **own,
    )


def to_data(machine: Automaton) -> dict[str, Any]:
    """A machine as the data of a rule file: of the one it came from, if there was one, with its unknown keys."""
    fields: dict[str, Callable[[], Any]] = {
        "schema": lambda: SCHEMA,
        "machine": lambda: machine.document.spelling or machine.kind,
        "description": lambda: machine.description,
        "symbols": lambda: list(machine.symbols),
        "separator": lambda: machine.separator,
        "framed": lambda: machine.framed,
        "acceptance": lambda: _acceptance_data(machine.acceptance),
        "outputs": lambda: dict(getattr(machine, "outputs", ())),
        "tapes": lambda: getattr(machine, "tapes", 0),
        "stacks": lambda: getattr(machine, "stacks", 0),
        "rules": lambda: [write_rule(rule, machine) for rule in machine.rules],
    }
    needed = [*_needed_keys(machine), "rules"]
    unknown = dict(machine.document.unknown)
    keys = [*machine.document.keys, *(key for key in needed if key not in machine.document.keys)]
    return {key: json.loads(unknown[key]) if key in unknown else fields[key]() for key in keys}


@checked
def dumps(machine: Automaton) -> str:
    """A machine as the text of a rule file, one rule a line."""
    data = to_data(machine)
    lines = []
    for key, value in data.items():
        if key == "rules":
            rows = ",\n".join(f"    {json.dumps(rule, ensure_ascii=False)}" for rule in value)
            lines.append(f'  "rules": [\n{rows}\n  ]')
        else:
            lines.append(f"  {json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


@checked
def save(machine: Automaton, path: str | Path) -> None:
    """Write a machine to a rule file."""
    Path(path).write_text(dumps(machine), encoding="utf-8")


def _needed_keys(machine: Automaton) -> list[str]:
    """The keys without which the file would mean another machine."""
    from_file = machine.document.spelling is not None
    needed = {
        "schema": not from_file,
        "machine": True,
        "description": machine.description is not None,
        "symbols": True,
        "separator": machine.separator != "",
        "framed": machine.framed is not None,
        "acceptance": machine.acceptance != Acceptance(),
        "outputs": bool(getattr(machine, "outputs", ())),
        "tapes": getattr(machine, "tapes", 1) > 1,
        "stacks": getattr(machine, "stacks", 0) > 0,
    }
    return [key for key, is_needed in needed.items() if is_needed]


def _check_schema(data: Mapping[str, Any]) -> None:
    version = _take(data, "schema", int, default=SCHEMA)
    if version != SCHEMA:
        raise MachineError(f"schema {version} is not known here; this is version {SCHEMA}", place="schema")


def _own_fields(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "fsm":
        outputs = _take(data, "outputs", dict, default={})
        for state, output in outputs.items():
            if not isinstance(output, str):
                raise MachineError(f"an output is text, got {_name(output)}", place=f"outputs[{json.dumps(state)}]")
        return {"outputs": tuple(outputs.items())}
    if kind == "tm":
        stacks = _take(data, "stacks", int, default=0)
        return {"tapes": _take(data, "tapes", int, default=0 if stacks else 1), "stacks": stacks}
    return {}


def _memories(kind: str, own: Mapping[str, Any]) -> tuple[MemoryKind, ...]:
    match kind:
        case "pda":
            return (STACK,)
        case "qa":
            return (DEQUE,)
        case "tm":
            for key in ("tapes", "stacks"):
                if not 0 <= own[key] <= MOST_MEMORIES:
                    raise MachineError(f"a number from 0 to {MOST_MEMORIES}, got {own[key]}", place=key)
            return (TAPE,) * own["tapes"] + (STACK,) * own["stacks"]
        case _:
            return ()


def _symbols(data: Mapping[str, Any]) -> tuple[str, ...]:
    symbols = _take(data, "symbols", list)
    for index, symbol in enumerate(symbols):
        if not isinstance(symbol, str):
            raise MachineError(f'a symbol is text, such as "a"; got {_name(symbol)}', place=f"symbols[{index}]")
    return tuple(symbols)


def _rules(data: Mapping[str, Any], kind: str, memories: Sequence[MemoryKind]) -> tuple[Rule, ...]:
    rules = _take(data, "rules", list)
    return tuple(read_rule(rule, kind, memories, f"rules[{index}]") for index, rule in enumerate(rules))


def _acceptance(data: Mapping[str, Any]) -> Acceptance:
    given = _take(data, "acceptance", dict, default={})
    for key in given:
        if key not in ("states", "memory"):
            raise MachineError(f"unknown key {key!r}; acceptance has states and memory", place="acceptance")
    states = given.get("states", [ACCEPT])
    if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
        raise MachineError(
            f'a list of names of states, such as ["ACCEPT"]; got {_name(states)}', place="acceptance.states"
        )
    memory = given.get("memory", "any")
    if memory not in ("any", "empty"):
        raise MachineError(f'"any" or "empty", got {json.dumps(memory)}', place="acceptance.memory")
    return Acceptance(states=tuple(states), empty_memory=memory == "empty")


def _acceptance_data(acceptance: Acceptance) -> dict[str, Any]:
    data: dict[str, Any] = {"states": list(acceptance.states)}
    return {**data, "memory": "empty"} if acceptance.empty_memory else data


def _take(data: Mapping[str, Any], key: str, *types: type, default: Any = None) -> Any:
    value = data.get(key, default)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(_TYPES[one] for one in types)
        raise MachineError(f"expected {expected}, got {_name(value)}", place=key)
    return value


_TYPES: dict[type, str] = {
    str: "text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "true or false",
    type(None): "null",
}


def _name(value: object) -> str:
    """A JSON value for a message: what it is, and the value itself where it is short."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{_TYPES.get(type(value), 'a number')} that starts with {text[:40]}"
