"""The command `neurallambda automata`: strings from machines, and machines on strings.

Results go to standard output, messages to standard error. Exit codes: 0 done, or the answer is yes; 1 the answer is no,
or the work could not be done; 2 the input cannot be used.
"""

import subprocess
from pathlib import Path
from shutil import which
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from neurallambda.automata import FSM, PDA, Automaton, CellularAutomaton, TuringMachine, library
from neurallambda.automata.cells.table import cell_table
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.diagram import to_dot, to_svg, to_text
from neurallambda.automata.files.rule_file import AnyMachine
from neurallambda.automata.runs.table import aligned, table
from neurallambda.cli import strings
from neurallambda.cli.machines import any_machine, automaton, clean, say
from neurallambda.errors import ArgumentError


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


app.command("generate")(strings.generate)


@app.command()
@clean
def check(rules: Rules, string: String) -> int:
    """Say what becomes of a string: `accepted` (exit code 0), or another outcome (exit code 1)."""
    machine = automaton(rules)
    outcome = machine.decide(string)
    typer.echo(outcome)
    if outcome == "accepted" and isinstance(machine, PDA) and not machine.is_unambiguous:
        runs = machine.count_runs(string)
        if runs > 1:
            say(f"ambiguous: {runs} runs accept it")
    return 0 if outcome == "accepted" else 1


@app.command()
@clean
def compute(
    rules: Rules,
    string: String,
    shown: Shown = None,
    steps: Steps = None,
    tape: Annotated[int, typer.Option(min=0, help="Of a Turing machine: the tape to read, from 0.")] = 0,
) -> int:
    """Say what a machine writes: a cellular automaton, a Mealy or Moore machine, or a Turing machine on a tape."""
    machine = any_machine(rules)
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
@clean
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
    machine = any_machine(rules)
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
@clean
def show(
    rules: Rules,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A .svg or .dot file; text without.")] = None,
) -> int:
    """Show a machine: its rules as arrows between states, as text or as a drawing."""
    machine = any_machine(rules)
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
@clean
def count(
    rules: Rules,
    lengths: Annotated[str, typer.Option(help="Lengths without markers: 10, 1-40, 1-20,30.")] = "0-10",
) -> int:
    """Say how many strings of each length are accepted, and by how many runs where runs are counted."""
    machine = automaton(rules)
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
@clean
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
