"""The command `neurallambda automata`: strings from machines, and machines on strings.

Results go to standard output, messages to standard error. Exit codes: 0 done, or the answer is yes; 1 the answer is no,
or the work could not be done; 2 the input cannot be used.
"""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from shutil import which
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.progress import track
from typer.core import TyperGroup

from neurallambda.automata import FSM, PDA, Automaton, CellularAutomaton, MachineError, TuringMachine, library
from neurallambda.automata.cells.table import cell_table
from neurallambda.automata.data.generate import DataWarning, Recipe, TooFewError, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.records import records
from neurallambda.automata.data.sentences import sentences
from neurallambda.automata.diagram import to_dot, to_svg, to_text
from neurallambda.automata.extras import MissingExtraError, extra
from neurallambda.automata.files.rule_file import AnyMachine, any_machine_in, any_machine_of
from neurallambda.automata.languages.productions import EndlessDerivationsError
from neurallambda.automata.runs.table import aligned, table
from neurallambda.errors import ArgumentError, ProgramError


class _Commands(TyperGroup):
    """The commands. Options alone are those of `generate`, as the first tool of this kind had no other."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        bare = bool(args) and args[0].startswith("-") and args[0] not in ("-", "--help")
        return super().parse_args(ctx, ["generate", *args] if bare else args)


app = typer.Typer(
    cls=_Commands,
    help="Exact machines: strings from them, and runs on strings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_Parameters = ParamSpec("_Parameters")
_FORMATS = ("jsonl", "parquet", "sentences")
_FORMS = {".parquet": "parquet", ".json": "sentences"}
Rules = Annotated[
    str, typer.Argument(metavar="RULES", help="A rule file, - for standard input, or a name from `list`.")
]
String = Annotated[
    str, typer.Argument(metavar="STRING", help="The string; the markers of a framed machine may be left out.")
]
Shown = Annotated[
    str | None,
    typer.Argument(metavar="SHOWN", help="Of a cellular automaton: the string that all cells see, a symbol a step."),
]
Steps = Annotated[
    int | None,
    typer.Option(min=0, help="Of a cellular automaton: how many steps; as many as both strings have symbols without."),
]


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _clean(command: Callable[_Parameters, int | None]) -> Callable[_Parameters, None]:
    """Turn what goes wrong into a message and an exit code, and what a command returns into its exit code."""

    @wraps(command)
    def wrapper(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
            sys.stdout.flush()
        except TooFewError as error:
            _say(f"error: {error}")
            code = 1
        except (MachineError, ArgumentError) as error:
            _say(f"error: {error}")
            code = 2
        except (ProgramError, EndlessDerivationsError, MissingExtraError) as error:
            _say(f"error: {error}")
            code = 1
        except BrokenPipeError:
            sys.stdout = None  # the reader has gone: nothing is left to flush at exit
            code = 0
        except OSError as error:
            _say(f"error: {error.filename or 'file'}: {error.strerror or error}")
            code = 2
        raise typer.Exit(code)

    return wrapper


def _any_machine(rules: str) -> AnyMachine:
    if rules == "-":
        return any_machine_of(sys.stdin.read())
    if Path(rules).exists():
        return any_machine_in(rules)
    for kind in (Automaton, CellularAutomaton):
        if rules in library.names(kind):
            return library.load(rules, kind)
    raise ArgumentError(
        f"there is no file {rules!r}, and no machine of that name in the library, which has "
        f"{', '.join([*library.names(), *library.names(CellularAutomaton)])}"
    )


def _machine(rules: str) -> Automaton:
    machine = _any_machine(rules)
    if isinstance(machine, CellularAutomaton):
        raise ArgumentError("a cellular automaton writes and accepts nothing: see compute, trace and show")
    return machine


@app.command("generate")
@_clean
def generate_command(
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
    machine = _machine(chosen)
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
    rows = records(machine, generate(machine, recipe), traces=traces)
    uneven = [str(n) for n in recipe.lengths if not machine.language().is_uniform(n)] if negatives < 1 else []
    if uneven:
        _say(
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
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
        yield


def _write_sentences(machine: Automaton, size: int, longest: int, deepen: int, seed: int, output: Path | None) -> int:
    found = sentences(machine, size=size, longest=longest, fruitless=deepen, seed=seed)
    count = len(found["sentences"])
    if count < size:
        _say(f"{size} sentences of at most {longest} symbols were asked for; {count} exist")
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


@app.command()
@_clean
def check(rules: Rules, string: String) -> int:
    """Say what becomes of a string: `accepted` (exit code 0), or another outcome (exit code 1)."""
    machine = _machine(rules)
    outcome = machine.decide(string)
    typer.echo(outcome)
    if outcome == "accepted" and isinstance(machine, PDA) and not machine.is_unambiguous:
        runs = machine.count_runs(string)
        if runs > 1:
            _say(f"ambiguous: {runs} runs accept it")
    return 0 if outcome == "accepted" else 1


@app.command()
@_clean
def compute(
    rules: Rules,
    string: String,
    shown: Shown = None,
    steps: Steps = None,
    tape: Annotated[int, typer.Option(min=0, help="Of a Turing machine: the tape to read, from 0.")] = 0,
) -> int:
    """Say what a machine writes: a cellular automaton, a Mealy or Moore machine, or a Turing machine on a tape."""
    machine = _any_machine(rules)
    if isinstance(machine, CellularAutomaton):
        typer.echo(machine.compute(string, shown or "", steps=steps))
        return 0
    _refuse_for_others(shown, steps)
    if isinstance(machine, TuringMachine):
        typer.echo(machine.compute(string, tape=tape))
    elif isinstance(machine, FSM):
        typer.echo(machine.text(machine.transduce(string)))
    else:
        raise ArgumentError(f"a machine of kind {machine.kind} writes nothing: see check and trace")
    return 0


def _refuse_for_others(shown: str | None, steps: int | None) -> None:
    if shown is not None or steps is not None:
        raise ArgumentError("a second string and --steps are for cellular automata; this machine reads one string")


@app.command()
@_clean
def trace(
    rules: Rules,
    string: String,
    shown: Shown = None,
    every: Annotated[bool, typer.Option("--all", help="Every accepting run, not only the shortest.")] = False,
    steps: Steps = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the record of the run: a .json or .jsonl file, or a page that shows it, .html.",
        ),
    ] = None,
) -> int:
    """Show a run as a table: the shortest that accepts, or else one that reads the most.

    Of a cellular automaton: the states of the cells after each step, and what is written.
    """
    machine = _any_machine(rules)
    if output is not None:
        return _write_trace(machine, rules, string, shown, steps, output, every=every)
    if isinstance(machine, CellularAutomaton):
        if every:
            raise ArgumentError("--all: a cellular automaton has one run")
        typer.echo(cell_table(machine.run(string, shown or "", steps=steps)))
        return 0
    _refuse_for_others(shown, steps)
    found = machine.run(string)
    if every and found.accepted:
        for number, rows in enumerate(machine.runs(string)):
            typer.echo(("\n" if number else "") + table(found.with_steps(rows)))
    else:
        typer.echo(table(found))
    return 0 if found.accepted else 1


def _write_trace(
    machine: AnyMachine, rules: str, string: str, shown: str | None, steps: int | None, output: Path, *, every: bool
) -> int:
    """Write the record of one run; gives the exit code."""
    from neurallambda.cli.traces import form_of, write_trace
    from neurallambda.traces.automata import trace_cells, trace_run

    form, name = form_of(None, output), Path(rules).stem
    if every:
        raise ArgumentError("--all: a record has one run; leave --output away to see all of them")
    if isinstance(machine, CellularAutomaton):
        write_trace(trace_cells(machine, machine.run(string, shown or "", steps=steps), name=name), form, output)
        return 0
    _refuse_for_others(shown, steps)
    found = machine.run(string)
    write_trace(trace_run(found, name=name), form, output)
    return 0 if found.accepted else 1


@app.command()
@_clean
def show(
    rules: Rules,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A .svg or .dot file; text without.")] = None,
) -> int:
    """Show a machine: its rules as arrows between states, as text or as a drawing."""
    machine = _any_machine(rules)
    if output is None:
        typer.echo(f"{aligned(_facts(machine))}\n\n{to_text(machine)}")
    elif output.suffix in (".svg", ".dot"):
        output.write_text(to_dot(machine) if output.suffix == ".dot" else _svg(machine), encoding="utf-8")
    else:
        raise ArgumentError(f"a drawing is written to a .svg or .dot file, got {output.name!r}")
    return 0


def _facts(machine: AnyMachine) -> list[list[str]]:
    facts = [["kind", machine.kind], ["description", machine.description or ""]]
    if isinstance(machine, CellularAutomaton):
        written = dict.fromkeys(f"{rule.output} in {rule.state} seeing {rule.seen or '_'}" for rule in machine.outputs)
        return [
            *facts,
            ["symbols", " ".join(machine.symbols)],
            ["states", " ".join(machine.states)],
            ["neighbours", " ".join(machine.neighbours) or "none"],
            ["edge", machine.edge],
            ["writes", ", ".join(written) or "nothing"],
        ]
    return [
        *facts,
        ["symbols", " ".join(machine.alphabet)],
        ["memory", ", ".join(kind.name for kind in machine.memories) or "none"],
        ["framed", "strings run from ^ to $" if machine.is_framed else "no"],
        ["deterministic", "yes" if machine.is_deterministic else "no"],
    ]


def _svg(machine: AnyMachine) -> str:
    """Graphviz's drawing, where its program `dot` is installed, and our own otherwise."""
    dot = which("dot")
    if dot is None:
        return to_svg(machine)
    return subprocess.run([dot, "-Tsvg"], input=to_dot(machine), capture_output=True, text=True, check=True).stdout


@app.command()
@_clean
def count(
    rules: Rules,
    lengths: Annotated[str, typer.Option(help="Lengths without markers: 10, 1-40, 1-20,30.")] = "0-10",
) -> int:
    """Say how many strings of each length are accepted, and by how many runs where runs are counted."""
    machine = _machine(rules)
    rows = [["length", "strings", "runs", "ambiguous"]]
    for n in Lengths.parse(lengths):
        census = machine.census(n)
        strings = str(census.strings) if census.strings is not None else "unknown"
        if census.estimate is not None and census.strings is None:
            strings = f"about {census.estimate:.3g}"
        ambiguous = {True: "yes", False: "no", None: ""}[census.ambiguous]
        rows.append([str(n), strings, "" if census.runs is None else str(census.runs), ambiguous])
    typer.echo(aligned(rows))
    return 0


@app.command("list")
@_clean
def list_command() -> int:
    """Name the machines of the library and say what each accepts or computes."""
    rows = [["name", "kind", "what it does"]]
    for kind in (Automaton, CellularAutomaton):
        for name in library.names(kind):
            machine = library.load(name, kind)
            rows.append([name, machine.kind, machine.description or ""])
    typer.echo(aligned(rows))
    return 0


if __name__ == "__main__":
    app()
