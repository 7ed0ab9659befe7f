"""The part of a rule file that cellular automata have to themselves: rows with more slots, neighbours and outputs.

rules     [[symbol, seen, state, neighbour, ...], [to]]
outputs   [[seen, state], [output]]
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.cells.rule import CellRule, OutputRule
from neurallambda.automata.cells.validate import check_neighbours
from neurallambda.automata.files.fields import name_of, symbols_field, take
from neurallambda.automata.rules.machine import Document
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Slot
from neurallambda.automata.rules.vocabulary import INITIAL

KEYS = ("schema", "machine", "description", "symbols", "separator", "neighbours", "edge", "rules", "outputs")
"""The keys that mean something in the file of a cellular automaton."""


def cells_from_data(data: Mapping[str, Any], document: Document) -> CellularAutomaton:
    """The cellular automaton that parsed JSON describes.

    Args:
        data: the JSON, whose keys `machine`, `symbols` and `rules` are there.
        document: what the file says beyond the machine.

    Raises:
        MachineError: it is none; the message says where and why.
    """
    neighbours = _texts(take(data, "neighbours", list, default=["right"]), "neighbours")
    check_neighbours(neighbours)
    expected = ["symbol", "seen", "state", *neighbours]
    rules = []
    for place, left, right in _rows(take(data, "rules", list), "rules", expected, "to"):
        states = _texts(left[2:], f"{place}[0]", first=2)
        rules.append(CellRule(_slot(left, 0, place), _slot(left, 1, place), states[0], states[1:], right))
    outputs = []
    for place, left, right in _rows(take(data, "outputs", list, default=[]), "outputs", ["seen", "state"], "output"):
        outputs.append(OutputRule(_slot(left, 0, place), _texts(left[1:], f"{place}[0]", first=1)[0], right))
    return CellularAutomaton(
        symbols=symbols_field(data),
        rules=tuple(rules),
        outputs=tuple(outputs),
        neighbours=neighbours,
        edge=take(data, "edge", str, default=INITIAL),
        description=take(data, "description", str, type(None), default=None),
        separator=take(data, "separator", str, default=""),
        document=document,
    )


def cell_fields(machine: CellularAutomaton) -> dict[str, Any]:
    """What stands under the keys of a cellular automaton's file, but for its schema and kind."""
    return {
        "description": machine.description,
        "symbols": list(machine.symbols),
        "separator": machine.separator,
        "neighbours": list(machine.neighbours),
        "edge": machine.edge,
        "rules": [[list(rule.slots), [rule.target]] for rule in machine.rules],
        "outputs": [[list(rule.slots), [rule.output]] for rule in machine.outputs],
    }


def needed_cell_keys(machine: CellularAutomaton) -> list[str]:
    """The keys without which the file would mean another machine, in their order; `schema` is not among them."""
    needed = {
        "machine": True,
        "description": machine.description is not None,
        "symbols": True,
        "separator": machine.separator != "",
        "neighbours": machine.neighbours != ("right",),
        "edge": machine.edge != INITIAL,
        "rules": True,
        "outputs": bool(machine.outputs),
    }
    return [key for key, is_needed in needed.items() if is_needed]


def _rows(rows: Sequence[Any], key: str, slots: Sequence[str], does: str) -> list[tuple[str, list[Any], str]]:
    """Each row's place, left side and the one text of its right side."""
    found = []
    for index, row in enumerate(rows):
        place = f"{key}[{index}]"
        shape = f"[[{', '.join(slots)}], [{does}]]"
        if not isinstance(row, list) or len(row) != 2 or not all(isinstance(side, list) for side in row):
            raise MachineError(f"expected {shape}; got {name_of(row)}", place=place)
        left, right = row
        for side, (part, length) in enumerate(((left, len(slots)), (right, 1))):
            if len(part) != length:
                raise MachineError(
                    f"expected {shape}, so {length} parts here; got {len(part)}: {name_of(part)}",
                    place=f"{place}[{side}]",
                )
        found.append((place, left, _text(right[0], f"{place}[1][0]")))
    return found


def _slot(left: Sequence[Any], index: int, place: str) -> Slot:
    return None if left[index] is None else _text(left[index], f"{place}[0][{index}]")


def _texts(values: Sequence[Any], place: str, *, first: int = 0) -> tuple[str, ...]:
    return tuple(_text(value, f"{place}[{first + index}]") for index, value in enumerate(values))


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise MachineError(f'expected text, such as "a"; got {json.dumps(value, ensure_ascii=False):.60}', place=place)
    return value
