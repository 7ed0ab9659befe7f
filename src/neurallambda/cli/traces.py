"""The command `neurallambda trace`: every step of a run, as text, as JSON, or as a page."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from neurallambda.cli.jsonl import path_or_stdin, read_line, windows
from neurallambda.cli.messages import ExitCode, fail, reporting
from neurallambda.cli.reading import read_program
from neurallambda.errors import ArgumentError, SourceError
from neurallambda.traces import document, trace
from neurallambda.traces.pictures import Json
from neurallambda.traces.replaying import replayed

FORMATS = ("text", "json", "jsonl", "html")
BY_SUFFIX = {".html": "html", ".json": "json", ".jsonl": "jsonl", ".txt": "text"}
MOST = 5
"""How many ends are shown as text."""


def form_of(form: str | None, output: Path | None) -> str:
    """The format that is asked for, by its name or by that of the file.

    Raises:
        ArgumentError: if there is none, or a page would go to the terminal.
    """
    found = form or (BY_SUFFIX.get(output.suffix.lower()) if output else "text")
    if found is None:
        raise ArgumentError(
            f"{output}: the name does not tell the format; expected one that ends in {', '.join(BY_SUFFIX)}"
        )
    if found not in FORMATS:
        raise ArgumentError(f"--format: got {found!r}, expected {', '.join(FORMATS)}")
    if found == "html" and output is None:
        raise ArgumentError("--format html: a page needs a file to go to, as in -o trace.html")
    return found


def write_trace(events: Iterable[Json], form: str, output: Path | None) -> Json:
    """Write one trace; gives the last event.

    Raises:
        ArgumentError, SourceError: where the program cannot be traced.
        OSError: where the file cannot be written.
    """
    if form == "text":
        with _opened(output) as stream:
            return show(
                events,
                Console(
                    file=stream, highlight=False, markup=False, soft_wrap=True, width=None if output is None else 10_000
                ),
            )
    last: Json = {}
    if form == "jsonl":
        with _opened(output) as stream:
            for last in events:
                stream.write(json.dumps(last, ensure_ascii=False, separators=(",", ":")) + "\n")
        return last
    whole = document(events)
    if form == "html":
        from neurallambda.viewer import page

        text = page(whole)
    else:
        text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"
    with _opened(output) as stream:
        stream.write(text)
    return whole["end"]


def trace_program(
    source: str | None,
    file: Path | None,
    *,
    setup: Mapping[str, Any],
    form: str | None,
    output: Path | None,
) -> None:
    """Trace one program. `setup` are the arguments of `trace`."""
    with reporting(file):
        chosen = form_of(form, output)
        last = write_trace(trace(read_program(source, file), **setup), chosen, output)
    if "error" in last.get("outcome", {}):
        raise typer.Exit(ExitCode.PROGRAM_ERROR)


def trace_lines(path: Path, *, setup: Mapping[str, Any], form: str | None, output: Path | None) -> None:
    """Trace the program of each line of a file, one after another, as lines of JSON.

    A line without a program becomes one event that says so, and the exit code that of bad input.
    """
    refused = 0
    with reporting(path):
        if form not in (None, "jsonl"):
            raise ArgumentError(f"--format: got {form!r} with --jsonl, whose traces are lines of JSON")
        with path_or_stdin(path) as file, _opened(output) as stream:
            for line in (read_line(text) for window in windows(file) for text in window):
                for event in _events_of(line.program, setup):
                    refused += event["event"] == "refused"
                    stream.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    if refused:
        fail(f'{refused:,} of the lines hold no program that can be traced; their event is "refused"')


def _events_of(program: str | SourceError, setup: Mapping[str, Any]) -> Iterator[Json]:
    try:
        if isinstance(program, SourceError):
            raise program
        yield from trace(program, **setup)
    except SourceError as error:
        yield {"event": "refused", "message": str(error)}


def show(events: Iterable[Json], console: Console) -> Json:
    """Show the term after each step, the part that comes next underlined, and what each step did."""
    last: Json = {}
    for event, lines in told(events):
        last = event
        for line in lines:
            console.print(line)
    return last


def show_terms(events: Iterable[Json], console: Console) -> None:
    """Show the term after each step."""
    for event, lines in told(events):
        for line in lines if event["event"] != "end" else ():
            console.print(line)


def told(events: Iterable[Json]) -> Iterator[tuple[Json, list[Text]]]:
    """Each event with the lines that tell it to people."""
    last: Json = {}

    def kept() -> Iterator[Json]:
        nonlocal last
        for event in events:
            last = event
            yield event

    for _, _, state in replayed(kept()):
        closed = last.get("closed", ())
        lanes = {number: lane for number, lane in state.lanes.items() if number not in closed}
        several = len(lanes) > 1
        lines = [_line(state.number, lane, number if several else None) for number, lane in lanes.items()]
        for end in last.get("ends", ()):
            lines.append(Text.assemble("     ends in ", (_end(end), "bold green" if "value" in end else "bold red")))
        yield last, lines
    outcome, distribution = last.get("outcome", {}), last.get("distribution", [])
    if len(distribution) > 1:
        yield last, [Text(f"{one['weight']:9.6f}  {_end(one)}") for one in distribution[:MOST]]
    elif outcome:
        place = f"line {outcome['line']}, column {outcome['column']}: " if "line" in outcome else ""
        said = f": {place}{outcome['message']}" if "message" in outcome else ""
        yield last, [Text(f"=> {_end(outcome)}{said}")]


def slopes(end: Json, cells: Mapping[str, Json]) -> Iterator[Text]:
    """What a gradient says, a line for each cell of the code that the end depends on, the largest first.

    Args:
        end: the last event of a trace with a gradient.
        cells: the cells of the code by their addresses.
    """
    gradient = end.get("gradient")
    if gradient is None:
        yield Text("the end has no probability of its own to take the gradient of")
        return
    yield Text(f"how log P({gradient['of']}) changes with each cell of the code")
    for cell in sorted(gradient["cells"], key=lambda one: -one["size"]):
        tag = cells[cell["address"]]["tag"][0][0] if cells[cell["address"]].get("tag") else "nothing"
        parts = [f"{part} {name} {slope:+.3g}" for part, told in cell["parts"].items() for name, slope in told[:2]]
        yield Text(f"{cell['address']:>4} {tag:<10} {cell['size']:>8.3g}  {', '.join(parts)}")


def _line(number: int, lane: Json, name: int | None) -> Text:
    rules = ", ".join(rule if weight > 0.995 else f"{rule} {weight:.2f}" for rule, weight in lane["rules"])
    head = f"{number:>4} " + (f"[{name}] {lane['weight']:.2f} " if name is not None else "")
    line = Text.assemble((head, "bold"), (f"{rules:<18} ", "cyan"))
    term = lane.get("term")
    if term is None:
        stores = "  ".join(
            f"{name}: {' '.join(item['text'] for item in store['items'])}" for name, store in lane["stores"].items()
        )
        state = " ".join(f"{value[0][0]}" for value in lane["registers"].values())
        return line.append(f"{state}  {stores}".rstrip())
    if "text" not in term:
        return line.append(f"… {term['omitted']}", "dim")
    text = term["text"]
    start, end = term.get("redex", (0, 0))
    line.append(text[:start]).append(text[start:end], "bold yellow underline").append(text[end:])
    known = ", ".join(f"{part} = {value[0][0]}" for part, value in lane["registers"].items() if part.startswith("?"))
    return line.append(f"   {known}", "dim") if known else line


def _end(end: Json) -> str:
    return next(str(end[name]) for name in ("value", "error", "verdict") if name in end)


def _opened(output: Path | None) -> Any:
    return nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8")
