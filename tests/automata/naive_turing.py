"""Turing machines with several tapes, or stacks and queues, interpreted from the JSON of their rule files, as plainly as can be.

Shares no code with the package. Tapes are dictionaries of cells, stacks and queues are lists, and every run is followed separately.
"""

from dataclasses import dataclass
from typing import Any

MOST_RUNS = 600
MOST_STEPS = 24


class Line(list[str]):
    """A queue with two ends, of which the left one is seen."""


@dataclass
class Verdict:
    """Whether a run accepts, whether all was seen, and whether some run comes back to where it was."""

    accepts: bool = False
    whole: bool = True
    loops: bool = False


def verdict(data: dict[str, Any], string: str) -> Verdict:
    """What becomes of a string."""
    tapes = data.get("tapes", 0 if data.get("stacks") or data.get("queues") else 1)
    accepting = data.get("acceptance", {}).get("states", ["ACCEPT"])
    needs_empty = data.get("acceptance", {}).get("memory") == "empty"
    found, todo, runs = Verdict(), [_first(tapes, data.get("stacks", 0), data.get("queues", 0), string)], 0
    while todo:
        state, position, memories, before = todo.pop()
        runs += 1
        if runs > MOST_RUNS:
            found.whole = False
            return found
        ends = bool(tapes) or position == len(string)
        if ends and state in accepting and not (needs_empty and any(memories)):
            found.accepts = True
            continue
        if state in ("ACCEPT", "REJECT"):
            continue
        here = (state, position, tuple(map(_frozen, memories)))
        if here in before:
            found.loops = True
            continue
        if len(before) >= MOST_STEPS:
            found.whole = False
            continue
        for left, right in data["rules"]:
            symbol, leaves, seen = ("", left[tapes], left[:tapes]) if tapes else (left[0], left[1], left[2:])
            if leaves not in (state, "ANY") or not all(map(_sees, seen, memories)):
                continue
            if symbol and (position == len(string) or symbol not in ("ANY", string[position])):
                continue
            after = [_done(memory, operation) for memory, operation in zip(memories, right[1:], strict=True)]
            todo.append((right[0], position + bool(symbol), after, before | {here}))
    return found


def _first(tapes: int, stacks: int, queues: int, string: str) -> tuple[str, int, list[Any], frozenset[Any]]:
    first = [(0, dict(enumerate(string)))] if tapes else []
    blank: list[Any] = [(0, {}) for _ in range(tapes - 1)]
    return "INITIAL", 0, [*first, *blank, *([] for _ in range(stacks)), *(Line() for _ in range(queues))], frozenset()


def _frozen(memory: Any) -> Any:
    """The memory as something to compare; tapes relative to their heads."""
    if isinstance(memory, list):
        return tuple(memory)
    head, cells = memory
    return tuple(sorted((place - head, symbol) for place, symbol in cells.items()))


def _sees(slot: str | None, memory: Any) -> bool:
    if isinstance(memory, list):
        shown = (memory[0] if isinstance(memory, Line) else memory[-1]) if memory else None
    else:
        shown = memory[1].get(memory[0])
    return slot in ("ANY", shown)


def _done(memory: Any, operation: Any) -> Any:
    if isinstance(memory, list):
        match operation:
            case "pop":
                return memory[:-1]
            case ["push", symbol]:
                return [*memory, symbol]
            case "DEQL":
                return Line(memory[1:])
            case "DEQR":
                return Line(memory[:-1])
            case ["ENQL", symbol]:
                return Line([symbol, *memory])
            case ["ENQR", symbol]:
                return Line([*memory, symbol])
            case _:
                return memory
    head, cells = memory
    written, move = operation
    if written != "KEEP":
        cells = {place: symbol for place, symbol in cells.items() if place != head}
        if written is not None:
            cells[head] = written
    return head + {"L": -1, "R": 1, "S": 0}[move], cells
