"""The figure of the README: one program on its way through the machine, every mark of it read from a real run.

`python -m docs.figures.journey` writes `journey.svg` beside this file; a test checks that it is current.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from docs.figures.svg import Page
from neurallambda.cli.wording import phrases
from neurallambda.machine.alphabet import CODE_FIELDS, FRAMES, VALUES, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.machine import Machine
from neurallambda.machine.trace import TraceRecord, TraceStep, listing, trace
from neurallambda.traces.machine import as_cell

SOURCE = "((fn [x] '(x x x)) 42)"
INTEGERS = range(64)
FILE = Path(__file__).with_name("journey.svg")
STYLE = Path(__file__).with_name("journey.css").read_text()

WIDTH, MARGIN, ROW, GAP = 1040, 28, 17, 10
TENSORS = 432
"""Where the heat maps begin, from the left."""
WIDTHS = {Field.TAG: 4.2, Field.OPERATOR: 4.2, Field.LITERAL: 2.1} | dict.fromkeys(CODE_FIELDS, 8.3)
"""How wide an entry of each field is."""
ADDRESS_WIDTH = 4.4
"""How wide an entry of a pointer into memory is."""
TAG_CLASSES = ["value" if tag in VALUES else "frame" if tag in FRAMES else "code" for tag in Tag]
CLASSES = {Field.OPERATOR: "frame", Field.LITERAL: "value"}
"""The colour of each tag, and of the other fields; pointers have one of their own."""


@dataclass(frozen=True)
class Journey:
    """What there is to show of a run: the tensors, the code and the steps in words, and the value."""

    program: NeuralLambda
    cells: tuple[TraceRecord, ...]
    steps: tuple[TraceStep, ...]
    value: str


def travel(source: str) -> Journey:
    """Run a program, and keep what its run looked like."""
    machine = Machine(integers=INTEGERS)
    program = machine.encode(source)
    (outcome,) = machine.decode(machine.run(program))
    return Journey(program, listing(program), tuple(trace(machine, program)), outcome.text)


def draw(journey: Journey) -> str:
    """The figure as SVG."""
    code, run = len(journey.cells) * ROW, len(journey.steps) * ROW
    text, cells = 36, 112
    steps = cells + code + 80
    value = steps + run + 62
    page = Page(WIDTH, value + 28)
    page.box(0.5, 0.5, WIDTH - 1, page.height - 1, "card")
    page.text(MARGIN, text, ("1", "number"), ("text", "title"), (SOURCE, "mono large"))
    kinds = [("code,", "code"), ("values", "value"), ("and", "note"), ("frames", "frame"), ("at addresses", "note")]
    page.text(MARGIN, cells - 34, ("2", "number"), ("cells", "title"), *kinds)
    _draw_cells(page, journey.cells, cells)
    page.text(
        TENSORS,
        cells - 34,
        ("3", "number"),
        ("tensors", "title"),
        ("the same table, each entry a distribution", "note"),
    )
    _draw_tensors(page, journey.program, cells)
    page.text(
        MARGIN, steps - 34, ("4", "number"), ("run", "title"), ("each step fires a rule and writes a record", "note")
    )
    _draw_steps(page, journey, steps)
    _draw_pointers(page, journey, steps)
    page.text(MARGIN, value - 42, ("_ is awaited, → leads to the frame below, {} is visible", "note"))
    page.text(
        TENSORS,
        value - 42,
        ("each column an address: left of the line the code, right of it what the run wrote", "note"),
    )
    page.text(MARGIN, value, ("5", "number"), ("text", "title"), (journey.value, "mono large"))
    return page.render(
        title=f"{SOURCE} on its way through the machine",
        description=f"The text becomes cells at addresses, the cells become tensors, the machine takes "
        f"{len(journey.steps)} steps and writes a record at each, and the records are read as {journey.value}.",
        style=STYLE,
    )


def _draw_cells(page: Page, cells: tuple[TraceRecord, ...], top: float) -> None:
    """The code as a table."""
    columns = {"address": 0, "tag": 62, "operator": 132, "literal": 196, "first": 252, "second": 296, "third": 352}
    for name, x in columns.items():
        page.text(MARGIN + x, top - 8, (name, "note"))
    for row, cell in enumerate(cells):
        y = _base(top, row)
        page.text(MARGIN, y, (cell.address, "mono note"))
        page.text(MARGIN + columns["tag"], y, _tag(cell))
        for field, part in cell.parts.items():
            style = f"mono {CLASSES.get(field, 'pointer')}"
            page.text(MARGIN + columns[field.value], y, (part[0].name, style))


def _draw_tensors(page: Page, program: NeuralLambda, top: float) -> None:
    """The same code as tensors, row by row beside the table."""
    x = float(TENSORS)
    for field, width in WIDTHS.items():
        values: Tensor = getattr(program, field.value)[0]
        rows = [{at: float(row[at]) for at in row.nonzero().flatten().tolist()} for row in values]
        styles = TAG_CLASSES if field is Field.TAG else [CLASSES.get(field, "pointer")] * values.shape[-1]
        page.heat_map(x, top, rows, styles, (width, ROW))
        page.text(x, top - 8, (field.value, "note"))
        x += values.shape[-1] * width + GAP


def _draw_steps(page: Page, journey: Journey, top: float) -> None:
    """Every step: the rule that fired, and the record that it wrote."""
    names = {f"A{at}": function.parameter for at, function in journey.program.cells[0].functions.items()}
    rule, address, record = MARGIN + 26, MARGIN + 128, MARGIN + 166
    page.text(rule, top - 8, ("rule", "note"))
    page.text(address, top - 8, ("writes", "note"))
    for row, step in enumerate(journey.steps):
        y = _base(top, row)
        page.text(MARGIN + 16, y, (str(step.number), "mono note"), anchor="end")
        page.text(rule, y, (step.rules[0].name, "mono"))
        for phrase in phrases(as_cell(step.record), names):
            page.text(address, y, (step.record.address, "mono note"))
            page.text(record, y, _tag(step.record), (phrase.text, "mono"))
        for place, _ in step.values:
            page.text(address, y, ("the value is at", "mono"), (place, "mono value"))


def _draw_pointers(page: Page, journey: Journey, top: float) -> None:
    """Where the registers pointed before each step, and where the record that it wrote points."""
    code, addresses = len(journey.cells), len(journey.cells) + len(journey.steps)
    registers = {
        "control": [step.control for step in journey.steps],
        "environment": [[(at, weight) for _, at, weight in step.environment] for step in journey.steps],
        "continuation": [step.continuation for step in journey.steps],
    }
    records = {
        "environment": [[(at, weight) for _, at, weight in step.record.environment] for step in journey.steps],
        "link": [step.record.parts.get(Field.LINK, ()) for step in journey.steps],
        "value": [step.record.parts.get(Field.VALUE, ()) for step in journey.steps],
    }
    x = float(TENSORS)
    for title, style, maps in (
        ("where the registers point, before the step", "register", registers),
        ("where the new record points", "pointer", records),
    ):
        page.text(x, top - 34, (title, "note"))
        for name, rows in maps.items():
            page.heat_map(x, top, [_columns(row) for row in rows], [style] * addresses, (ADDRESS_WIDTH, ROW))
            page.line(x + code * ADDRESS_WIDTH, top, x + code * ADDRESS_WIDTH, top + len(rows) * ROW)
            page.text(x, top - 8, (name, "note"))
            x += addresses * ADDRESS_WIDTH + GAP


def _columns(pointer: Iterable[tuple[str, float]]) -> Mapping[int, float]:
    return {int(address.removeprefix("A")): weight for address, weight in pointer}


def _tag(record: TraceRecord) -> tuple[str, str]:
    name = record.tags[0].name
    return name.replace("_", " "), f"mono {TAG_CLASSES[Tag[name.upper()]]}"


def _base(top: float, row: int) -> float:
    """The base line of a row of text."""
    return top + row * ROW + ROW - 5


if __name__ == "__main__":
    FILE.write_text(draw(travel(SOURCE)))
