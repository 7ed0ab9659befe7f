"""A run as a table: the cells of the code, then one row a step."""

from collections.abc import Generator, Iterable, Sequence
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.highlighter import RegexHighlighter
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from neurallambda.cli.wording import environment, label, phrases, weight_after
from neurallambda.engines.machine import MachineEngine
from neurallambda.engines.protocol import Holes, ended
from neurallambda.errors import ProgramError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.trace import Mixture, TraceRecord, TraceStep, address_name, listing

End = TypeVar("End")

NARROWEST, WIDEST = 80, 132
LABELS_FROM = 110
"""From so many columns on, the registers show what stands at their addresses."""
MOST = 4
"""How many rules or addresses of a mixture are shown."""

STYLES = Theme(
    {
        "trace.heading": "bold",
        "trace.note": "dim",
        "trace.rule": "bold yellow",
        "trace.tag": "magenta",
        "trace.value": "bold green",
        "trace.error": "bold red",
        "trace.address": "cyan",
        "trace.weight": "yellow",
        "trace.literal": "green",
        "trace.sign": "dim",
    }
)


def show_steps(engine: MachineEngine, program: str | Program, holes: Holes, *, free: bool) -> Outcome:
    """Run a program step by step and show each step on stderr."""
    try:
        encoded = engine.machine().encode(program, holes=holes)
    except ProgramError as error:
        return ended(error)
    return Tracer(Console(stderr=True)).show(encoded, engine.steps(program, holes=holes, free=free))


class _Colours(RegexHighlighter):
    """Tells addresses, weights, integers and signs apart."""

    base_style = "trace."
    highlights = [  # noqa: RUF012
        r"(?P<address>\bA\d+\b)",
        r"(?P<weight>(?<![\w.])[01]\.\d\d(?![\w.]))",
        r"(?P<literal>(?<![\w.-])-?\d+(?![\w.]))",
        r"(?P<sign>[{}()|=→…])",
    ]


class Tracer:
    """Shows runs on a console, each step as it is taken."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.console.push_theme(STYLES)
        self.console.width = max(NARROWEST, min(console.width, WIDEST))
        self.labelled = self.console.width >= LABELS_FROM
        self.colours = _Colours()
        self.names: dict[str, str] = {}
        self.labels: dict[str, str] = {}

    def show(self, program: NeuralLambda, steps: Generator[TraceStep, None, End]) -> End:
        """Show the code of a program and the steps of its run, and give what the run comes to."""
        self.names = {address_name(at): function.parameter for at, function in program.cells[0].functions.items()}
        cells = listing(program)
        self.labels = {cell.address: label(cell) for cell in cells}
        self.heading("code", "the first records of the memory")
        self.console.print(self.code(cells))
        self.heading("\nrun", "one more record a step; _ is awaited, → is the frame below, {} is visible")
        registers = ("control", "environment", "continuation") if self.labelled else ("control", "env", "cont")
        titles = ("step", "rule", *registers, "writes")
        self.row([Text(title, "trace.note") for title in titles])
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                self.line(Text())
                return end.value
            self.step(step)

    def step(self, step: TraceStep) -> None:
        """Show one step: the rules that fired, the registers before it, what it wrote, and what ended."""
        number = Text.assemble((str(step.number), "trace.heading"), (weight_after(step.running), "trace.weight"))
        ends = [Text(f"ends in {at}{weight_after(weight)}", "trace.value") for at, weight in step.values[:MOST]]
        ends += [Text(f"ends in {kind}{weight_after(weight)}", "trace.error") for kind, weight in step.errors[:MOST]]
        nothing = [] if ends else [Text("nothing", "trace.note")]
        writes = [self.record(step.record)] if step.record.tags else nothing
        self.row(
            [
                number,
                self.rules(step.rules),
                self.register(step.control),
                self.colours(environment(step.environment)),
                self.register(step.continuation),
                Group(*writes, *ends),
            ]
        )
        self.labels[step.record.address] = label(step.record)

    def rules(self, rules: Mixture) -> Text:
        """Each rule with its weight."""
        return _heaviest(
            [Text.assemble((f"{weight:.2f} ", "trace.weight"), (name, "trace.rule")) for name, weight in rules]
        )

    def register(self, addresses: Mixture) -> Text:
        """Where a register points, and what stands there."""
        labels = self.labels if self.labelled else {}
        lines = [f"{at} {labels.get(at, '')}".rstrip() + weight_after(weight) for at, weight in addresses]
        return _heaviest([self.colours(line) for line in lines])

    def code(self, cells: Iterable[TraceRecord]) -> Table:
        """The cells of the code."""
        table = Table.grid(padding=(0, 2, 0, 0))
        for cell in cells:
            tags, texts = self.wording(cell)
            table.add_row(Text(f"  {cell.address}", "trace.address"), _stacked(tags), _stacked(texts))
        return table

    def record(self, record: TraceRecord) -> Table:
        """A record that a step wrote."""
        lines = [Text(" ").join(filter(None, parts)) for parts in zip(*self.wording(record), strict=True)]
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(min_width=4)
        table.add_row(Text(record.address, "trace.address"), _stacked(lines))
        return table

    def wording(self, record: TraceRecord) -> tuple[list[Text], list[Text]]:
        """What a record may be, and what it then says."""
        found = phrases(record, self.names)
        tags = [Text.assemble((one.tag, "trace.tag"), (weight_after(one.weight), "trace.weight")) for one in found]
        return tags, [self.colours(one.text) for one in found]

    def row(self, cells: Iterable[RenderableType]) -> None:
        """Print a row of the table of steps; every row is a table of its own, so that it shows at once."""
        widths, gap = ((4, 18, 14, 13, 14), 2) if self.labelled else ((4, 17, 7, 7, 5), 1)
        table = Table.grid(padding=(0, gap, 0, 0))
        for column, width in enumerate(widths):
            table.add_column(width=width, justify="left" if column else "right")
        table.add_column(max_width=self.console.width - sum(widths) - gap * len(widths))
        table.add_row(*cells)
        self.console.print(table)

    def heading(self, title: str, note: str) -> None:
        """Print the title of a part."""
        self.line(Text.assemble((title, "trace.heading"), (f"  {note}", "trace.note")))

    def line(self, text: Text) -> None:
        """Print text that may wrap."""
        self.console.print(text)


def _stacked(lines: Sequence[Text]) -> Text:
    return Text("\n").join(lines)


def _heaviest(lines: Sequence[Text]) -> Text:
    """The first few of the lines, and a sign where there are more."""
    return _stacked([*lines[:MOST], *[Text("…", "trace.sign")] * (len(lines) > MOST)])
