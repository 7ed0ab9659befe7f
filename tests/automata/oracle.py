"""Machines interpreted straight from the JSON of their rule files, as slowly and plainly as can be.

Shares no code with the package. Every path is followed separately, up to bounds; `Verdict.whole` says whether the bounds
cut anything off.
"""

from dataclasses import dataclass
from typing import Any

MOST_PATHS = 3000
MOST_SILENT = 12


@dataclass
class Verdict:
    """What was found: how many runs accept, whether all was seen, and whether some run goes in circles."""

    runs: int = 0
    whole: bool = True
    loops: bool = False


def verdict(data: dict[str, Any], string: str) -> Verdict:
    """Follow all runs of the machine on a string without markers."""
    kind = data["machine"]
    accepting = data.get("acceptance", {}).get("states", ["ACCEPT"])
    needs_empty = data.get("acceptance", {}).get("memory") == "empty"
    text = f"^{string}$" if data.get("framed") else string
    rules = [rule for i, rule in enumerate(data["rules"]) if rule not in data["rules"][:i]]
    found = Verdict()
    if kind == "tm":
        _tape(rules, accepting, text, found)
    else:
        _stream(kind, rules, accepting, needs_empty, text, found)
    return found


def _stream(kind: str, rules: list[Any], accepting: list[str], needs_empty: bool, text: str, found: Verdict) -> None:
    todo: list[tuple[str, int, tuple[str, ...], tuple[Any, ...]]] = [("INITIAL", 0, (), ())]
    paths = 0
    while todo:
        state, position, memory, silent = todo.pop()
        paths += 1
        if paths > MOST_PATHS:
            found.whole = False
            return
        if position == len(text) and (state in accepting or ("ANY" in accepting and state != "REJECT")):
            found.runs += not (needs_empty and memory)
        if state in ("ACCEPT", "REJECT"):
            continue
        if (state, memory) in silent:
            found.loops = True
            continue
        if len(silent) >= MOST_SILENT:
            found.whole = False
            continue
        for left, right in rules:
            if left[1] not in (state, "ANY"):
                continue
            if kind != "fsm" and not _sees(left[2], memory, kind):
                continue
            after = memory if kind == "fsm" else _act(right[1], memory)
            if left[0] == "":
                todo.append((right[0], position, after, (*silent, (state, memory))))
            elif position < len(text) and left[0] in ("ANY", text[position]):
                todo.append((right[0], position + 1, after, ()))


def _sees(slot: str | None, memory: tuple[str, ...], kind: str) -> bool:
    if slot == "ANY":
        return True
    if not memory:
        return slot is None
    return slot == (memory[-1] if kind == "pda" else memory[0])


def _act(operation: Any, memory: tuple[str, ...]) -> tuple[str, ...]:
    match operation:
        case ["push" | "ENQR", x]:
            return (*memory, x)
        case ["ENQL", x]:
            return (x, *memory)
        case "pop" | "DEQR":
            return memory[:-1]
        case "DEQL":
            return memory[1:]
        case _:
            return memory


def _tape(rules: list[Any], accepting: list[str], text: str, found: Verdict) -> None:
    """A machine with one tape, kept as a dictionary of cells."""
    todo: list[tuple[str, int, dict[int, str], tuple[Any, ...]]] = [("INITIAL", 0, dict(enumerate(text)), ())]
    paths = 0
    while todo:
        state, head, cells, before = todo.pop()
        paths += 1
        if paths > MOST_PATHS:
            found.whole = False
            return
        if state in accepting:
            found.runs += 1
            continue
        if state in ("ACCEPT", "REJECT"):
            continue
        here = (state, head, tuple(sorted(cells.items())))
        if here in before:
            found.loops = True
            continue
        if len(before) > 2 * MOST_SILENT:
            found.whole = False
            continue
        for (slot, leaves), (target, (write, move)) in rules:
            if leaves not in (state, "ANY") or not (slot == "ANY" or slot == cells.get(head)):
                continue
            after = dict(cells)
            if write is None:
                after.pop(head, None)
            elif write != "KEEP":
                after[head] = write
            todo.append((target, head + {"L": -1, "R": 1, "S": 0}[move], after, (*before, here)))
