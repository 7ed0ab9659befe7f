"""The command `neurallambda automata generate`: strings from a machine, as lines, a table or sentences."""

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from neurallambda.automata import Automaton
from neurallambda.automata.data.generate import DataWarning, Recipe
from neurallambda.automata.data.generate import generate as draw
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.records import records
from neurallambda.automata.data.sentences import sentences
from neurallambda.automata.extras import extra
from neurallambda.cli.machines import automaton, clean, say
from neurallambda.errors import ArgumentError

_FORMATS = ("jsonl", "parquet", "sentences")
_FORMS = {".parquet": "parquet", ".json": "sentences"}


@clean
def generate(
    rules: Annotated[
        str | None, typer.Argument(metavar="RULES", help="A rule file, - for standard input, or a name from `list`.")
    ] = None,
    input_file: Annotated[str | None, typer.Option("-i", "--input", help="The same as RULES.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write; standard output without.")
    ] = None,
    size: Annotated[int, typer.Option("-n", "--size", "--number", min=0, help="How many strings.")] = 20,
    lengths: Annotated[
        str | None, typer.Option(help="Lengths without markers: 10, 1-40, 1-20,30, or weighted, 1-20:1,21-40:3.")
    ] = None,
    longest: Annotated[
        int,
        typer.Option("-l", "--longest", "--max_length", min=0, help="The longest, where no --lengths are given."),
    ] = 20,
    negatives: Annotated[float, typer.Option(min=0, max=1, help="The share that is not accepted.")] = 0.0,
    near_misses: Annotated[
        float, typer.Option(min=0, max=1, help="The share of those that is one or two edits from an accepted string.")
    ] = 0.5,
    negative_lengths: Annotated[
        str | None,
        typer.Option(help="Lengths of those, written like --lengths; those of the accepted strings without."),
    ] = None,
    distinct: Annotated[bool, typer.Option("--distinct", help="Never the same string twice.")] = False,
    traces: Annotated[
        bool, typer.Option("--traces", help="Add the states and memories of a run on each string.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same strings.")] = 0,
    deepen: Annotated[
        int,
        typer.Option(
            "-d",
            "--deepen",
            "--max_deepening",
            min=0,
            help="Sentences of queue automata: fruitless lengths to go on for.",
        ),
    ] = 20,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="jsonl, parquet or sentences. Without: by the output's name, sentences for .json, parquet for .parquet.",
        ),
    ] = None,
) -> int:
    """Draw strings from a machine: accepted ones, and a share of others, with labels.

    With --format sentences: distinct accepted ones with their markers, sorted, and the rules; -l then counts markers.
    """
    chosen = rules or input_file
    if chosen is None or (rules and input_file):
        raise ArgumentError("give the rules once: as RULES or with -i")
    form = form or _FORMS.get(output.suffix if output else "", "jsonl")
    if form not in _FORMATS:
        raise ArgumentError(f"unknown format {form!r}; known: {', '.join(_FORMATS)}")
    if form == "parquet" and output is None:
        raise ArgumentError("parquet is not text: say where to write it with -o")
    machine = automaton(chosen)
    if form == "sentences":
        if negatives or traces or lengths or negative_lengths:
            raise ArgumentError(
                "sentences are accepted strings of at most --longest symbols: they take no --negatives, --traces or "
                "lengths; write another form with --format jsonl"
            )
        return _write_sentences(machine, size, longest, deepen, seed, output)
    recipe = Recipe(
        size=size,
        lengths=Lengths.parse(lengths or f"{min(1, longest)}-{longest}"),
        negatives=negatives,
        near_misses=near_misses,
        negative_lengths=Lengths.parse(negative_lengths) if negative_lengths else None,
        distinct=distinct,
        seed=seed,
    )
    rows = records(machine, draw(machine, recipe), traces=traces)
    uneven = [str(n) for n in recipe.lengths if not machine.language().is_uniform(n)] if negatives < 1 else []
    if uneven:
        say(
            f"lengths {', '.join(uneven)}: too many strings to count; drawn from a bounded search by weight, nearly uniform"
        )
    with _warnings_said():
        if form == "parquet":
            assert output is not None
            _write_parquet(_progress(rows, size), output)
        else:
            with _opened(output) as write:
                for record in _progress(rows, size):
                    write(json.dumps(record, ensure_ascii=False) + "\n")
    return 0


@contextmanager
def _warnings_said() -> Iterator[None]:
    """What is amiss with a data set is a message like any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
        yield


def _write_sentences(machine: Automaton, size: int, longest: int, deepen: int, seed: int, output: Path | None) -> int:
    found = sentences(machine, size=size, longest=longest, fruitless=deepen, seed=seed)
    count = len(found["sentences"])
    if count < size:
        say(f"{size} sentences of at most {longest} symbols were asked for; {count} exist")
    with _opened(output) as write:
        write(json.dumps(found, ensure_ascii=False) + "\n")
    return 0 if count or not size else 1


def _write_parquet(rows: Iterable[dict[str, Any]], output: Path) -> None:
    arrow, parquet = extra("pyarrow", "writing parquet"), extra("pyarrow.parquet", "writing parquet")
    parquet.write_table(arrow.Table.from_pylist(list(rows)), str(output))


def _progress(rows: Iterable[dict[str, Any]], size: int) -> Iterable[dict[str, Any]]:
    """A progress bar on standard error, if a person is looking at it and not at the rows themselves."""
    console = Console(stderr=True)
    if not console.is_terminal or sys.stdout.isatty():
        return rows
    return track(rows, total=size, console=console, description="strings", transient=True)


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[str], object]]:
    if output is None:
        yield sys.stdout.write
    else:
        with output.open("w", encoding="utf-8") as file:
            yield file.write
