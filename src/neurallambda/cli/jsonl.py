"""`neurallambda run --jsonl`: many programs, one a line."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurallambda.cli.json_text import read_json, write_json
from neurallambda.cli.messages import answer, fail, is_terminal, reporting
from neurallambda.cli.reading import MAX_BYTES, STDIN, Input, standard_input
from neurallambda.cli.setup import Setup
from neurallambda.engines import ENGINES
from neurallambda.errors import SourceError
from neurallambda.lang.outcome import Outcome
from neurallambda.programs import WINDOW

WINDOW_BYTES = 8 * 2**20
"""How much of the input is looked at together, besides at most `WINDOW` lines of it."""

SYNTAX = "syntax"
"""The error of a line that holds no program."""

OUTCOME_KEYS = ("value", "error", "message", "steps", "line", "column")


@dataclass(frozen=True)
class Line:
    """One line of the input: its keys, and the program or why there is none."""

    keys: Mapping[str, Any]
    program: str | SourceError


def run_lines(path: Path, setup: Setup) -> None:
    """Run the program of each line and print a line for each, in order.

    The exit code is that of bad input where any line holds no program. What programs end in, errors included, is data.
    """
    with reporting(path), path_or_stdin(path) as file, _progress(path) as advance, _one_thread(setup):
        refused = 0
        for window in windows(file):
            lines = [read_line(text) for text in window]
            outcomes = _outcomes(lines, setup)
            answer("\n".join(written(line, outcome) for line, outcome in zip(lines, outcomes, strict=True)))
            refused += sum(isinstance(outcome, SourceError) for outcome in outcomes)
            advance(sum(map(len, window)))
    if refused:
        fail(f'{refused:,} of the lines hold no program; their error is "{SYNTAX}"')


def read_line(text: bytes) -> Line:
    """What a line of the input holds.

    >>> read_line(b'{"id": 7, "program": "(+ 1 2)"}')
    Line(keys={'id': 7, 'program': '(+ 1 2)'}, program='(+ 1 2)')
    """
    try:
        if len(text) > MAX_BYTES:
            raise ValueError(f"it is longer than {MAX_BYTES // 2**20} MiB")
        keys = read_json(text.decode("utf-8-sig"))
        write_json(keys)  # what could not be written again is refused now
    except (ValueError, RecursionError) as error:
        return Line({"program": None}, SourceError(f"the line is not JSON: {error}"))
    match keys:
        case {"program": str(program)}:
            return Line(keys, program)
        case {"program": other}:
            return Line(keys, SourceError(f'"program" must be text; got {write_json(other):.40}'))
        case dict():
            return Line(keys, SourceError('the line has no key "program"; expected {"program": "..."}'))
        case _:
            return Line({"program": None}, SourceError('the line is no object; expected {"program": "..."}'))


def written(line: Line, outcome: Outcome | SourceError) -> str:
    """The line of the output for a line of the input: its keys, and how the program ended."""
    keys = {key: value for key, value in line.keys.items() if key not in OUTCOME_KEYS}
    match outcome:
        case SourceError():
            keys |= {"error": SYNTAX, "message": str(outcome)}
        case Outcome(error=None):
            keys |= {"value": outcome.text, "steps": outcome.steps}
        case Outcome():
            keys |= {"error": str(outcome.error), "message": outcome.message, "steps": outcome.steps}
            if outcome.line:
                keys |= {"line": outcome.line, "column": outcome.column}
    return write_json(keys)


def _outcomes(lines: list[Line], setup: Setup) -> list[Outcome | SourceError]:
    programs = (line.program for line in lines if isinstance(line.program, str))
    ends = setup.make_engine().run_all(programs)
    return [next(ends) if isinstance(line.program, str) else line.program for line in lines]


def windows(file: Input) -> Iterator[list[bytes]]:
    """The lines that are not blank, a window at a time."""
    window: list[bytes] = []
    size = 0
    while line := file.readline(MAX_BYTES + 1):
        rest = line
        while len(rest) > MAX_BYTES and not rest.endswith(b"\n"):  # the rest of a line that is too long
            rest = file.readline(MAX_BYTES + 1)
        if line.strip():
            window.append(line)
            size += len(line)
        if len(window) == WINDOW or size > WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


@contextmanager
def path_or_stdin(path: Path) -> Iterator[Input]:
    """The input, as bytes."""
    if str(path) == STDIN:
        yield standard_input()
        return
    with path.open("rb") as file:
        yield file


@contextmanager
def _one_thread(setup: Setup) -> Iterator[None]:
    """Keep torch to one thread, unless the user has said how many.

    Small programs are small tensors: several threads spend their time waiting for one another, and several times as
    much of it where other programs want the cores too.
    """
    if not ENGINES[setup.engine].has_tensors or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal that the results do not go to; it is told the bytes that are done."""
    if not is_terminal(sys.stderr) or is_terminal(sys.stdout):
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=path.stat().st_size if path.is_file() else None)
        yield lambda done: progress.advance(task, done)
