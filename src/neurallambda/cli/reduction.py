"""A reduction as tables: memory before every step, each cell coloured by how certain its content is, and the stack."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurallambda.traces.pictures import Json
from neurallambda.traces.replaying import replayed

SURE, LIKELY = 0.9, 0.6
"""Confidences from which on a symbol is sure, or likely."""

_TITLE = Text.assemble(
    ("memory and stack before each step", "bold"),
    ("  green is sure, yellow likely, red a guess; [A1] is the stack's pointer", "dim"),
)


def show_cells(events: Iterable[Json], console: Console) -> None:
    """Show each step of a reduction in cells, as its trace has it, and what stood there before it."""
    shown: tuple[Text, Table] | None = None
    for event, _, state in replayed(events):
        if not state.lanes:
            return
        lane = state.lanes[0]
        if shown is not None:
            if state.number == 1:
                console.print(_TITLE, soft_wrap=True)
            console.print(_heading(state.number, lane["rules"], event.get("ends", ())), soft_wrap=True)
            console.print(shown[0], soft_wrap=True)
            console.print(shown[1])
        items = lane["stores"]["stack"]["items"]
        cells = sorted(state.memory.values(), key=lambda cell: int(cell["address"][1:]))
        shown = _stack(items), _memory(cells, {item["address"] for item in items if _is_here(item, items)})


def _heading(number: int, rules: Sequence[Any], ends: Sequence[Json]) -> Text:
    moves = [Text.assemble((name.replace("_", " "), "bold yellow"), _weight(weight)) for name, weight in rules]
    errors = [Text.assemble((end["error"], "bold red"), _weight(end["weight"])) for end in ends if "error" in end]
    return Text.assemble(f"\nstep {number}  ", Text(", ").join([*moves, *errors]))


def _stack(items: Sequence[Json]) -> Text:
    """The stack from the bottom. The pointer is where the brackets are; a mixture has several, with their weights."""
    parts = [Text("stack ")]
    for item in items:
        if _is_here(item, items):
            parts.append(Text.assemble("[", (item["text"], "green"), "]", _weight(item.get("weight", 1.0))))
        else:
            parts.append(Text(item["address"], "green"))
    return Text(" ").join(parts)


def _is_here(item: Json, items: Sequence[Json]) -> bool:
    """Whether the pointer is at an item: it has a weight there, or is certain to be at the top."""
    return "weight" in item or (item is items[-1] and not any("weight" in one for one in items))


def _memory(cells: Sequence[Json], visited: set[str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    titles = ("", "address", "tag", "column 1", "column 2", "IR1", "IR2")
    for title in titles:
        table.add_column(Text(title, "dim"))
    table.add_row(*(Text(title, "dim") for title in titles))
    for cell in cells:
        table.add_row(*_row(cell, ">" if cell["address"] in visited else ""))
    return table


def _row(cell: Json, mark: str) -> list[Text]:
    parts: Mapping[str, Any] = {**cell.get("columns", {}), **cell.get("pointers", {})}
    columns = [
        _symbol(*part[0]) if part else Text("") for part in (cell["tag"], parts.get("first"), parts.get("second"))
    ]
    flags = [_flag(cell["numbers"][name]) for name in ("ir1", "ir2")]
    return [Text(mark, "bold yellow"), Text(cell["address"], "cyan"), *columns, *flags]


def _symbol(name: str, confidence: int | float) -> Text:
    """A symbol in the colour of its confidence, which is written down where it is not as good as 1."""
    return Text.assemble((name, _colour(confidence)), _weight(confidence))


def _flag(weight: int | float) -> Text:
    return Text(f"{weight:.2f}".removesuffix(".00"), _colour(abs(2 * weight - 1)))


def _colour(confidence: int | float) -> str:
    return "green" if confidence >= SURE else "yellow" if confidence >= LIKELY else "red"


def _weight(weight: int | float) -> str:
    """A weight as it stands after something: nothing where it is as good as 1."""
    return "" if weight > 0.995 else f" {weight:.2f}"
