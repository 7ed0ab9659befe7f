"""One rule as it stands in a rule file: `[left, right]`, what it needs to see and what it does.

fsm          [[input, state], [to]]  or  [[input, state], [to, output]]
pda, qa      [[input, state, shown], [to, operation]]
tm, tapes    [[shown, ..., state], [to, [write, move], ...]]
tm, stacks   [[input, state, shown, ...], [to, operation, ...]]  or with an output behind the operations; queues alike
"""

import json
from collections.abc import Sequence
from typing import Any

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.memory import MemoryKind
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.validate import operations_of
from neurallambda.automata.rules.vocabulary import EPSILON


def read_rule(data: Any, kind: str, memories: Sequence[MemoryKind], place: str) -> Rule:
    """The rule that parsed JSON describes.

    Args:
        data: the JSON.
        kind: the kind of machine.
        memories: its memories.
        place: where in the file the rule stands.

    Raises:
        MachineError: it has not the shape of a rule of this kind of machine.
    """
    if not isinstance(data, list) or len(data) != 2 or not all(isinstance(side, list) for side in data):
        raise MachineError(f"a rule is [[what it needs to see], [what it does]]; got {_short(data)}", place=place)
    left, right = data
    reads_tape = bool(memories) and memories[0].name == "tape"
    _check_length(left, len(memories) + (1 if reads_tape else 2), _left_shape(memories), f"{place}[0]")
    if kind == "fsm" and len(right) == 2:
        return Rule(
            *_input_and_state(left, place), (), _text(right[0], f"{place}[1][0]"), (), _text(right[1], f"{place}[1][1]")
        )
    output = None
    if kind == "tm" and not reads_tape and len(right) == len(memories) + 2:
        *right, written = right
        output = _text(written, f"{place}[1][{len(right)}]")
    _check_length(right, len(memories) + 1, _right_shape(kind, memories), f"{place}[1]")
    if reads_tape:
        symbol, state, slots, first = EPSILON, _text(left[-1], f"{place}[0][{len(left) - 1}]"), left[:-1], 0
    else:
        (symbol, state), slots, first = _input_and_state(left, place), left[2:], 2
    memory = tuple(None if slot is None else _text(slot, f"{place}[0][{first + i}]") for i, slot in enumerate(slots))
    operations = tuple(
        _operation(one, kind_of_memory, f"{place}[1][{i + 1}]")
        for i, (one, kind_of_memory) in enumerate(zip(right[1:], memories, strict=True))
    )
    return Rule(symbol, state, memory, _text(right[0], f"{place}[1][0]"), operations, output)


def write_rule(rule: Rule, machine: Machine) -> list[Any]:
    """A rule of `machine` as the JSON of a rule file."""
    left = [*rule.memory, rule.state] if machine.reads_from_tape else [rule.input, rule.state, *rule.memory]
    right: list[Any] = [rule.target]
    for operation, kind in zip(rule.operations, machine.memories, strict=True):
        if kind.name == "tape":
            right.append([operation.symbol, operation.verb])
        else:
            right.append([*operation] if operation.verb in kind.loaded else operation.verb)
    if rule.output is not None:
        right.append(rule.output)
    return [left, right]


def _input_and_state(left: Sequence[Any], place: str) -> tuple[str, str]:
    return _text(left[0], f"{place}[0][0]"), _text(left[1], f"{place}[0][1]")


def _operation(data: Any, kind: MemoryKind, place: str) -> Operation:
    if kind.name == "tape":
        if isinstance(data, list) and len(data) == 2 and isinstance(data[1], str):
            return Operation(data[1], None if data[0] is None else _text(data[0], f"{place}[0]"))
    elif isinstance(data, str):
        if data not in kind.loaded:
            return Operation(data)
    elif isinstance(data, list) and len(data) == 2 and isinstance(data[0], str):
        return Operation(data[0], _text(data[1], f"{place}[1]"))
    raise MachineError(f"{_short(data)} is no operation of a {kind.name}; it has {operations_of(kind)}", place=place)


def _check_length(side: Sequence[Any], length: int, shape: str, place: str) -> None:
    if len(side) != length:
        raise MachineError(f"expected {shape}, {length} parts; got {len(side)}: {_short(side)}", place=place)


def _left_shape(memories: Sequence[MemoryKind]) -> str:
    shown = [
        f"shown on {kind.name} {i}" if len(memories) > 1 else f"shown on {kind.name}"
        for i, kind in enumerate(memories, 1)
    ]
    is_tape = bool(memories) and memories[0].name == "tape"
    return f"[{', '.join([*shown, 'state'] if is_tape else ['input', 'state', *shown])}]"


def _right_shape(kind: str, memories: Sequence[MemoryKind]) -> str:
    if kind == "fsm":
        return "[to] or [to, output]"
    return f"[{', '.join(['to', *('operation' for _ in memories)])}]"


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise MachineError(f'expected text, such as "a"; got {_short(value)}', place=place)
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
