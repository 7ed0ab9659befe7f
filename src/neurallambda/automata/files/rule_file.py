"""Rule files: JSON to machine and back. What a file says beyond the machine is kept, so that writing gives it back.

`schema.json`, beside this file, describes the format for other tools.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.files import cell_file
from neurallambda.automata.files.fields import name_of, symbols_field, take
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
AnyMachine = Automaton | CellularAutomaton
MachineT = TypeVar("MachineT", bound=AnyMachine)

_COMMON = ("schema", "machine", "description", "symbols", "separator", "framed", "acceptance")
_OWN = {"fsm": ("outputs",), "pda": (), "qa": (), "tm": ("tapes", "stacks", "queues")}


@overload
def load(path: str | Path) -> Automaton: ...
@overload
def load(path: str | Path, kind: type[MachineT]) -> MachineT: ...
@checked
def load(path: str | Path, kind: type[AnyMachine] = Automaton) -> AnyMachine:
    """The machine in a rule file.

    Args:
        path: the file.
        kind: the class that the machine is expected to have. `CellularAutomaton` is no `Automaton` and must be asked for.

    Raises:
        MachineError: the file cannot be used, or holds another kind of machine; the message says where and why.
        OSError: the file cannot be read.
    """
    return _expected(any_machine_in(path), kind)


@overload
def loads(text: str) -> Automaton: ...
@overload
def loads(text: str, kind: type[MachineT]) -> MachineT: ...
@checked
def loads(text: str, kind: type[AnyMachine] = Automaton) -> AnyMachine:
    """The machine in the text of a rule file.

    Args:
        text: JSON.
        kind: the class that the machine is expected to have, as for `load`.

    Raises:
        MachineError: the text cannot be used, or holds another kind of machine; the message says where and why.

    Example:
        >>> machine = loads('{"machine": "fsm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["ACCEPT"]]]}')
        >>> machine.accepts("a"), machine.accepts("aa")
        (True, False)
    """
    return _expected(any_machine_of(text), kind)


def any_machine_in(path: str | Path) -> AnyMachine:
    """The machine in a rule file, of whatever kind; errors are those of `load`."""
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
    return any_machine_of(text)


def any_machine_of(text: str) -> AnyMachine:
    """The machine in the text of a rule file, of whatever kind; errors are those of `loads`."""
    return any_from_data(parse_json(text))


def from_data(data: object) -> Automaton:
    """The machine that parsed JSON describes."""
    machine = _expected(any_from_data(data), Automaton)
    assert isinstance(machine, Automaton)
    return machine


def _expected(machine: AnyMachine, kind: type[AnyMachine]) -> AnyMachine:
    """The machine, if it is of the expected kind."""
    if not isinstance(machine, kind):
        raise MachineError(
            f"got a machine of kind {machine.kind!r}, a {type(machine).__name__}, where a machine of the class "
            f"{kind.__name__} is expected" + (_ASK if isinstance(machine, CellularAutomaton) else ""),
            place="machine",
        )
    return machine


_ASK = "; it writes and does not accept, so it has to be asked for: load(..., CellularAutomaton)"


def any_from_data(data: object) -> AnyMachine:
    """The machine that parsed JSON describes, of whatever kind."""
    if not isinstance(data, dict):
        raise MachineError(f"a rule file is a JSON object with machine, symbols and rules; got {name_of(data)}")
    for key in ("machine", "symbols", "rules"):
        if key not in data:
            raise MachineError(f"the key {key!r} is missing; a rule file has machine, symbols and rules", place=key)
    spelling = take(data, "machine", str)
    kind = spelling.lower()
    if kind not in (*KINDS, CellularAutomaton.kind):
        known = ", ".join((*KINDS, CellularAutomaton.kind))
        raise MachineError(f"unknown machine {spelling!r}; known: {known}", place="machine")
    _check_schema(data)
    known = cell_file.KEYS if kind == CellularAutomaton.kind else (*_COMMON, *_OWN[kind], "rules")
    unknown = tuple((key, json.dumps(value)) for key, value in data.items() if key not in known)
    document = Document(spelling=spelling, keys=tuple(data), unknown=unknown)
    if kind == CellularAutomaton.kind:
        return cell_file.cells_from_data(data, document)
    own = _own_fields(kind, data)
    memories = _memories(kind, own)
    return KINDS[kind](
        symbols=symbols_field(data),
        rules=_rules(data, kind, memories),
        description=take(data, "description", str, type(None), default=None),
        acceptance=_acceptance(data),
        framed=take(data, "framed", bool, type(None), default=None),
        separator=take(data, "separator", str, default=""),
        document=document,
        **own,
    )


def to_data(machine: AnyMachine) -> dict[str, Any]:
    """A machine as the data of a rule file: of the one it came from, if there was one, with its unknown keys."""
    if isinstance(machine, CellularAutomaton):
        needed, fields = cell_file.needed_cell_keys(machine), cell_file.cell_fields(machine)
    else:
        needed, fields = [*_needed_keys(machine), "rules"], _fields(machine)
    fields["schema"] = SCHEMA
    fields["machine"] = machine.document.spelling or machine.kind
    if machine.document.spelling is None:
        needed = ["schema", *needed]
    unknown = dict(machine.document.unknown)
    keys = [*machine.document.keys, *(key for key in needed if key not in machine.document.keys)]
    return {key: json.loads(unknown[key]) if key in unknown else fields[key] for key in keys}


def _fields(machine: Automaton) -> dict[str, Any]:
    """What stands under the keys of a file, but for its schema and kind."""
    return {
        "description": machine.description,
        "symbols": list(machine.symbols),
        "separator": machine.separator,
        "framed": machine.framed,
        "acceptance": _acceptance_data(machine.acceptance),
        "outputs": dict(getattr(machine, "outputs", ())),
        "tapes": getattr(machine, "tapes", 0),
        "stacks": getattr(machine, "stacks", 0),
        "queues": getattr(machine, "queues", 0),
        "rules": [write_rule(rule, machine) for rule in machine.rules],
    }


@checked
def dumps(machine: AnyMachine) -> str:
    """A machine as the text of a rule file, one rule a line."""
    data = to_data(machine)
    lines = []
    for key, value in data.items():
        if key == "rules" or (key == "outputs" and isinstance(machine, CellularAutomaton)):
            rows = ",\n".join(f"    {json.dumps(rule, ensure_ascii=False)}" for rule in value)
            lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


@checked
def save(machine: AnyMachine, path: str | Path) -> None:
    """Write a machine to a rule file."""
    Path(path).write_text(dumps(machine), encoding="utf-8")


def _needed_keys(machine: Automaton) -> list[str]:
    """The keys without which the file would mean another machine."""
    needed = {
        "machine": True,
        "description": machine.description is not None,
        "symbols": True,
        "separator": machine.separator != "",
        "framed": machine.framed is not None,
        "acceptance": machine.acceptance != Acceptance(),
        "outputs": bool(getattr(machine, "outputs", ())),
        "tapes": getattr(machine, "tapes", 1) > 1,
        "stacks": getattr(machine, "stacks", 0) > 0,
        "queues": getattr(machine, "queues", 0) > 0,
    }
    return [key for key, is_needed in needed.items() if is_needed]


def _check_schema(data: Mapping[str, Any]) -> None:
    version = take(data, "schema", int, default=SCHEMA)
    if version != SCHEMA:
        raise MachineError(f"schema {version} is not known here; this is version {SCHEMA}", place="schema")


def _own_fields(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "fsm":
        outputs = take(data, "outputs", dict, default={})
        for state, output in outputs.items():
            if not isinstance(output, str):
                raise MachineError(f"an output is text, got {name_of(output)}", place=f"outputs[{json.dumps(state)}]")
        return {"outputs": tuple(outputs.items())}
    if kind == "tm":
        stacks, queues = take(data, "stacks", int, default=0), take(data, "queues", int, default=0)
        tapes = take(data, "tapes", int, default=0 if stacks or queues else 1)
        return {"tapes": tapes, "stacks": stacks, "queues": queues}
    return {}


def _memories(kind: str, own: Mapping[str, Any]) -> tuple[MemoryKind, ...]:
    match kind:
        case "pda":
            return (STACK,)
        case "qa":
            return (DEQUE,)
        case "tm":
            for key in ("tapes", "stacks", "queues"):
                if not 0 <= own[key] <= MOST_MEMORIES:
                    raise MachineError(f"a number from 0 to {MOST_MEMORIES}, got {own[key]}", place=key)
            return (TAPE,) * own["tapes"] + (STACK,) * own["stacks"] + (DEQUE,) * own["queues"]
        case _:
            return ()


def _rules(data: Mapping[str, Any], kind: str, memories: Sequence[MemoryKind]) -> tuple[Rule, ...]:
    rules = take(data, "rules", list)
    return tuple(read_rule(rule, kind, memories, f"rules[{index}]") for index, rule in enumerate(rules))


def _acceptance(data: Mapping[str, Any]) -> Acceptance:
    given = take(data, "acceptance", dict, default={})
    for key in given:
        if key not in ("states", "memory"):
            raise MachineError(f"unknown key {key!r}; acceptance has states and memory", place="acceptance")
    states = given.get("states", [ACCEPT])
    if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
        raise MachineError(
            f'a list of names of states, such as ["ACCEPT"]; got {name_of(states)}', place="acceptance.states"
        )
    memory = given.get("memory", "any")
    if memory not in ("any", "empty"):
        raise MachineError(f'"any" or "empty", got {json.dumps(memory)}', place="acceptance.memory")
    return Acceptance(states=tuple(states), empty_memory=memory == "empty")


def _acceptance_data(acceptance: Acceptance) -> dict[str, Any]:
    data: dict[str, Any] = {"states": list(acceptance.states)}
    return {**data, "memory": "empty"} if acceptance.empty_memory else data
