"""A reduction as on paper: the term again and again, the next redex underlined, and the rule beside it."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from neurallambda.traces.pictures import Json
from neurallambda.traces.replaying import replayed


def show_reductions(events: Iterable[Json], console: Console) -> None:
    """Show the term before each reduction, and what is left at the end.

    Args:
        events: the trace of `normalize`.
        console: where to; it does not break lines.
    """
    end: list[Json] = []
    before: Json | None = None
    number = -1
    for _, _, state in replayed(_kept(events, end)):
        lane = state.lanes[0]
        if before is not None:
            if "text" not in before:
                break
            for line in shown(before["text"], before["redex"], lane["rules"][0][0], state.number - 1, console.width):
                console.print(line)
        before, number = lane["term"], state.number
    if before is None or (end and "truncated" in end[0]):
        _say(console, f"{number:>3}  …")
    elif "text" in before:
        _say(console, f"{number:>3}  {before['text']}\n")
    else:
        _say(console, f"{number:>3}  … {before['omitted']}")


def shown(term: str, redex: Sequence[int], rule: str, number: int, width: int) -> list[Text]:
    """The lines of a reduction: the term before it, and under the redex the rule.

    Where the term is too wide for a line, the redex stands between « and » instead.
    """
    before, inner, after = term[: redex[0]], term[redex[0] : redex[1]], term[redex[1] :]
    start = f"{number:>3}  "
    marked = Text.assemble(start, before, (inner, "bold yellow"), after)
    if cell_len(marked.plain) > width:
        whole = Text.assemble(start, before, "«", (inner, "bold yellow"), "»", after)
        return [whole, Text.assemble(" " * len(start), (rule, "cyan"))]
    under = " " * cell_len(start + before) + "^" * cell_len(inner)
    return [marked, Text.assemble((under, "yellow"), "  ", (rule, "cyan"))]


def _kept(events: Iterable[Json], end: list[Json]) -> Iterator[Json]:
    """The events; the last one is put aside too."""
    for event in events:
        if event["event"] == "end":
            end.append(event)
        yield event


def _say(console: Console, text: str) -> None:
    console.print(Text(text))
