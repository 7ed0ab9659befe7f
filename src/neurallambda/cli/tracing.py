"""A run as a table: the cells of the code, then one row a step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.highlighter import RegexHighlighter
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from neurallambda.cli.wording import LEAST, Mixture, environment, heavy, label, phrases, weight_after
from neurallambda.traces.pictures import Json
from neurallambda.traces.replaying import State, replayed

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

    def show(self, events: Iterable[Json]) -> None:
        """Show the code of a program and the steps of its run, as its trace has them."""
        for event, before, state in replayed(events):
            if event["event"] == "step":
                self.step(event, before, state)
            elif event["lanes"]:
                self.start(event["memory"])
            else:
                return  # the program has an error before its first step
        self.line(Text())

    def start(self, cells: Sequence[Json]) -> None:
        """Show the code of a program, and the titles of the columns to come."""
        self.names = parameters(cells)
        self.labels = {cell["address"]: label(cell) for cell in cells}
        self.heading("code", "the first records of the memory")
        self.console.print(self.code(cells))
        self.heading("\nrun", "one more record a step; _ is awaited, → is the frame below, {} is visible")
        registers = ("control", "environment", "continuation") if self.labelled else ("control", "env", "cont")
        titles = ("step", "rule", *registers, "writes")
        self.row([Text(title, "trace.note") for title in titles])

    def step(self, event: Json, before: Mapping[int, Json], state: State) -> None:
        """Show one step, a row for each lane: its rules, its registers before the step, what it wrote, and what ended."""
        ends: dict[int, list[Json]] = {}
        for end in event.get("ends", ()):
            ends.setdefault(end["lane"], []).append(end)
        facts = [lane for lane in event.get("lanes", ()) if lane.get("rules")]
        written = written_by([state.lanes[lane["id"]] for lane in facts], event.get("memory", ()))
        for lane in facts:
            number = lane["id"]
            was = before.get(number) or before[lane["parents"][0]]
            self.lane(event["number"], state.lanes[number], was, written.get(number, []), ends.get(number, []))
        self.labels |= {cell["address"]: label(cell) for cell in event.get("memory", ())}

    def lane(self, number: int, lane: Json, was: Json, written: Sequence[Json], ended: Sequence[Json]) -> None:
        """A row."""
        running = lane["weight"] + sum(end["weight"] for end in ended)
        head = Text.assemble((str(number), "trace.heading"), (weight_after(running), "trace.weight"))
        ends = [
            Text(
                f"ends in {end.get('value') or end['error']}{weight_after(end['weight'])}",
                "trace.value" if "value" in end else "trace.error",
            )
            for end in sorted(ended, key=lambda end: -end["weight"])[:MOST]
            if end["weight"] >= LEAST
        ]
        nothing = [] if ends or written else [Text("nothing", "trace.note")]
        self.row(
            [
                head,
                self.rules(heavy(lane["rules"])),
                self.register(heavy(was["registers"]["control"])),
                self.colours(environment(was["bindings"])),
                self.register(heavy(was["registers"]["continuation"])),
                Group(*(self.record(cell) for cell in written), *ends, *nothing),
            ]
        )

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

    def code(self, cells: Iterable[Json]) -> Table:
        """The cells of the code."""
        table = Table.grid(padding=(0, 2, 0, 0))
        for cell in cells:
            tags, texts = self.wording(cell)
            table.add_row(Text(f"  {cell['address']}", "trace.address"), _stacked(tags), _stacked(texts))
        return table

    def record(self, cell: Json) -> Table:
        """A cell that a step wrote."""
        lines = [Text(" ").join(filter(None, parts)) for parts in zip(*self.wording(cell), strict=True)]
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(min_width=4)
        table.add_row(Text(cell["address"], "trace.address"), _stacked(lines))
        return table

    def wording(self, cell: Json) -> tuple[list[Text], list[Text]]:
        """What a cell may be, and what it then says."""
        found = phrases(cell, self.names)
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


def parameters(cells: Iterable[Json]) -> dict[str, str]:
    """The name that each address of the code stands for."""
    found: dict[str, str] = {}
    for cell in cells:
        name = cell.get("columns", {}).get("parameter")
        if name:
            pointers = cell["pointers"]
            found[pointers.get("third", pointers["second"])[0][0]] = name[0][0]
    return found


def written_by(lanes: Sequence[Json], cells: Sequence[Json]) -> dict[int, list[Json]]:
    """Which lane wrote each cell: the one whose registers lead to it; where none does, the first."""
    found: dict[int, list[Json]] = {}
    for cell in cells:
        address = cell["address"]
        of = next((lane["id"] for lane in lanes if address in _mentioned(lane)), lanes[0]["id"] if lanes else 0)
        found.setdefault(of, []).append(cell)
    return found


def _mentioned(lane: Json) -> Iterator[str]:
    for register in lane["registers"].values():
        yield from (name for name, _ in register)
    yield from (one["address"] for one in lane["bindings"])


def _stacked(lines: Sequence[Text]) -> Text:
    return Text("\n").join(lines)


def _heaviest(lines: Sequence[Text]) -> Text:
    """The first few of the lines, and a sign where there are more."""
    return _stacked([*lines[:MOST], *[Text("…", "trace.sign")] * (len(lines) > MOST)])
