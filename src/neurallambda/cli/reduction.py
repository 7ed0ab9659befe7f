"""A reduction as tables: memory before every step, each cell coloured by how certain its content is, and the stack."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurallambda.beta.trace import Symbol, TraceCell, TraceStep
from neurallambda.engines.beta import BetaEngine
from neurallambda.engines.protocol import Holes
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

SURE, LIKELY = 0.9, 0.6
"""Confidences from which on a symbol is sure, or likely."""

_TITLE = Text.assemble(
    ("memory and stack before each step", "bold"),
    ("  green is sure, yellow likely, red a guess; [A1] is the stack's pointer", "dim"),
)


def show_steps(engine: BetaEngine, program: str | Program, holes: Holes, *, free: bool) -> Outcome:
    """Reduce a program step by step and show each step on stderr."""
    console = Console(stderr=True)
    steps = engine.steps(program, holes=holes, free=free)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if step.number == 1:
            console.print(_TITLE, soft_wrap=True)
        console.print(_heading(step), soft_wrap=True)
        console.print(_stack(step), soft_wrap=True)
        console.print(_memory(step))


def _heading(step: TraceStep) -> Text:
    moves = [Text.assemble((name.replace("_", " "), "bold yellow"), _weight(weight)) for name, weight in step.moves]
    errors = [Text.assemble((name, "bold red"), _weight(weight)) for name, weight in step.errors]
    return Text.assemble(f"\nstep {step.number}  ", Text(", ").join([*moves, *errors]))


def _stack(step: TraceStep) -> Text:
    """The stack from the bottom. The pointer is where the brackets are; a mixture has several, with their weights."""
    parts = [Text("stack ")]
    for item in step.stack:
        name = _symbol(item.address)
        here = item.pointer > 0.005
        parts.append(Text.assemble("[", name, f" {item.demand}]", _weight(item.pointer)) if here else name)
    return Text(" ").join(parts)


def _memory(step: TraceStep) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for title in ("", "address", "tag", "column 1", "column 2", "IR1", "IR2"):
        table.add_column(Text(title, "dim"))
    table.add_row(*(Text(title, "dim") for title in ("", "address", "tag", "column 1", "column 2", "IR1", "IR2")))
    visited = {item.address.name for item in step.stack if item.pointer > 0.005}
    for cell in step.cells:
        table.add_row(*_row(cell, ">" if cell.address in visited else ""))
    return table


def _row(cell: TraceCell, mark: str) -> list[Text]:
    columns = [_symbol(column) if column else Text("") for column in (cell.tag, cell.first, cell.second)]
    return [Text(mark, "bold yellow"), Text(cell.address, "cyan"), *columns, _flag(cell.ir1), _flag(cell.ir2)]


def _symbol(symbol: Symbol) -> Text:
    """A symbol in the colour of its confidence, which is written down where it is not as good as 1."""
    return Text.assemble((symbol.name, _colour(symbol.confidence)), _weight(symbol.confidence))


def _flag(weight: float) -> Text:
    return Text(f"{weight:.2f}".removesuffix(".00"), _colour(abs(2 * weight - 1)))


def _colour(confidence: float) -> str:
    return "green" if confidence >= SURE else "yellow" if confidence >= LIKELY else "red"


def _weight(weight: float) -> str:
    """A weight as it stands after something: nothing where it is as good as 1."""
    return "" if weight > 0.995 else f" {weight:.2f}"
