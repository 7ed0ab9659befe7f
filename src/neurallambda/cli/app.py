"""The commands. What one of them needs is imported when it runs: nothing that has no use for torch waits for it."""

import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurallambda import __version__
from neurallambda.cli import automata, images, llm, trained, training
from neurallambda.cli.options import (
    Capacity,
    Cells,
    CodebookOption,
    Device,
    EngineOption,
    File,
    Integers,
    MaxSteps,
    MaxWorlds,
    NormalizerOption,
    Seed,
    Source,
    StrategyOption,
    VecSize,
)

if TYPE_CHECKING:
    from neurallambda.cli.setup import Setup

CAPACITY, INTEGERS = 16_384, "-256:255"
"""The limits of `neurallambda.Limits`, known before that is imported."""

app = typer.Typer(
    name="neurallambda",
    help="Run Lisp programs as tensors, inside a neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(automata.app, name="automata")
app.add_typer(images.app, name="images")
app.add_typer(llm.app, name="llm")
for command in (
    training.train,
    trained.evaluate,
    training.sweep,
    training.report,
    trained.inspect,
    trained.export,
    training.models,
):
    app.command()(command)


def main() -> None:
    """Run the command that the arguments name."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that goes away, such as `head`, ends every command alike, as it ends other tools.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an encoding may lack a letter of somebody's name
    app(prog_name="neurallambda")


def _show_version(wanted: bool) -> bool:
    if wanted:
        from neurallambda.cli.messages import answer

        answer(f"neurallambda {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Run Lisp programs as tensors, inside a neural network."""


@app.command()
def run(
    source: Source = None,
    file: File = None,
    engine: EngineOption = "machine",
    max_steps: MaxSteps = None,
    capacity: Capacity = CAPACITY,
    device: Device = None,
    integers: Integers = INTEGERS,
    hole: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What ?NAME stands for: an integer, a boolean or a primitive; or several of them, each with its "
            "probability, as in c=true:0.3,false:0.7; for the engine worlds also a list of such, as in "
            '"xs=\'(1 0:0.5,1:0.5)". May be given several times.',
        ),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show each step, on stderr.")] = False,
    max_worlds: MaxWorlds = None,
    cells: Cells = None,
    codebook: CodebookOption = None,
    vec_size: VecSize = None,
    seed: Seed = None,
    strategy: StrategyOption = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Run many programs: each line holds one, as {"program": "..."}, and so does each line of the output, '
            "with its value or error. `-` is standard input.",
        ),
    ] = None,
) -> None:
    """Run a program and print its value.

    Exit code 0: a value. 1: an error of the program's own. 2: no program, or an option that cannot be used.
    """
    setup = _setup(
        engine=engine,
        max_steps=max_steps,
        capacity=capacity,
        device=device,
        integers=integers,
        holes=hole or (),
        trace=trace,
        max_worlds=max_worlds,
        cells=cells,
        codebook=codebook,
        vec_size=vec_size,
        seed=seed,
        strategy=strategy,
    )
    if jsonl is None:
        from neurallambda.cli.commands import run_program

        run_program(source, file, setup)
        return
    from neurallambda.cli.jsonl import run_lines
    from neurallambda.cli.messages import fail

    if source is not None or file is not None or hole or trace:
        fail("--jsonl: it goes with no other program, no --hole and no --trace")
    run_lines(jsonl, setup)


@app.command()
def trace(
    source: Source = None,
    file: File = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="<machine|stepper|beta|beta-stepper|reference|worlds|normalize>",
            help="What runs: an engine of `run`, or `normalize`: reduction as on paper, with free variables.",
        ),
    ] = "machine",
    hole: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What ?NAME stands for, as in `run`. May be given several times."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="<text|json|jsonl|html>",
            help="`text`: the term after each step. `json`, `jsonl`: the whole record. `html`: a page that shows it. Without "
            "it, what the name of --output ends in, or text.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write; stdout without it.")] = None,
    max_steps: Annotated[
        int, typer.Option(min=1, max=100_000, help="More steps than this are the error out-of-steps.")
    ] = 2_000,
    integers: Integers = INTEGERS,
    device: Device = None,
    gradient: Annotated[
        bool,
        typer.Option("--gradient", help="Say how the end depends on each cell of the code. The machine only."),
    ] = False,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Trace many programs: each line holds one, as {"program": "..."}; the output is lines of JSON, a header '
            "before the steps of each. `-` is standard input.",
        ),
    ] = None,
) -> None:
    """Show every step of a run: the term that the state stands for, or all that the engine holds.

    Exit code 0: a value. 1: an error of the program's own. 2: no program, or an option that cannot be used.
    """
    from neurallambda.cli.holes import fillings, read_holes
    from neurallambda.cli.messages import fail, reporting
    from neurallambda.cli.setup import check_holes, read_integers
    from neurallambda.cli.traces import trace_lines, trace_program
    from neurallambda.engines import ENGINES
    from neurallambda.engines.protocol import Engine, Limits

    with reporting():
        limits = Limits(integers=read_integers(integers), max_steps=max_steps)
        given = read_holes(hole or ())
        if engine in ENGINES:
            check_holes(given, Engine(engine))
        holes = fillings(given) or None
    arguments = {"engine": engine, "limits": limits, "device": device, "holes": holes, "gradient": gradient}
    if jsonl is None:
        trace_program(source, file, setup=arguments, form=form, output=output)
        return
    if source is not None or file is not None:
        fail("--jsonl: it goes with no other program")
    trace_lines(jsonl, setup=arguments, form=form, output=output)


@app.command()
def normalize(
    source: Source = None,
    file: File = None,
    engine: NormalizerOption = "reference",
    max_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="More steps than this are the error out-of-steps. Without it, 100,000, or 1,000 with --trace; with beta, 2,000.",
        ),
    ] = None,
    integers: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help=f"The least and the greatest integer. Beta only; {INTEGERS} without it."),
    ] = None,
    device: Device = None,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Show each step, on stderr: the term, or with beta and beta-stepper the cells."),
    ] = False,
    cells: Cells = None,
    codebook: CodebookOption = None,
    vec_size: VecSize = None,
    seed: Seed = None,
    strategy: StrategyOption = None,
) -> None:
    """Reduce a term as far as it goes, under binders too, and print what is left.

    Free variables are allowed.
    """
    if integers is not None and engine == "reference":
        from neurallambda.cli.messages import fail

        fail("--integers: only the engine beta has a range of integers, and the engine is reference")
    if max_steps is None and engine == "reference":
        max_steps = 1_000 if trace else 100_000  # its steps are small
    setup = _setup(
        engine=engine,
        max_steps=max_steps,
        capacity=CAPACITY,
        device=device,
        integers=integers or INTEGERS,
        trace=trace,
        cells=cells,
        codebook=codebook,
        vec_size=vec_size,
        seed=seed,
        strategy=strategy,
    )
    from neurallambda.cli.commands import normalize_program

    normalize_program(source, file, setup)


@app.command()
def infer(
    source: Source = None,
    file: File = None,
    hole: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What ?NAME stands for: a value, or several of them, each with its probability, as in a=1:0.3,2:0.7; "
            'or a list of such, as in "xs=\'(1 0:0.5,1:0.5)". May be given several times.',
        ),
    ] = None,
    integers: Annotated[
        str,
        typer.Option(
            metavar="LOW:HIGH", help="The least and the greatest integer; leaving them is the error overflow."
        ),
    ] = "-2147483648:2147483647",
    max_steps: Annotated[
        int, typer.Option(min=1, help="More instructions of a world than this are the error out-of-steps.")
    ] = 1_000_000,
    max_worlds: Annotated[
        int, typer.Option(min=1, help="More worlds than this at one place are the error out-of-memory.")
    ] = 1_000_000,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Let only so many worlds go on together, the heaviest; what is left out is told."),
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the same as lines of JSON.")] = False,
) -> None:
    """Print all ends of a program with uncertain data, each with its probability, exactly.

    Also the probability of what it observes, what its holes are given that, and the likeliest case. Exit code 0: it may end
    in a value. 1: it only may end in errors, or what it observes is impossible. 2: no program, or an option that cannot be used.
    """
    from neurallambda.cli.inference import infer_program

    infer_program(
        source,
        file,
        hole or (),
        integers=integers,
        max_steps=max_steps,
        max_worlds=max_worlds,
        keep=keep,
        as_json=jsonl,
    )


@app.command()
def repl(
    engine: EngineOption = "machine",
    max_steps: MaxSteps = None,
    capacity: Capacity = CAPACITY,
    device: Device = None,
    integers: Integers = INTEGERS,
) -> None:
    """Enter programs and see their values; definitions are remembered.

    `:help` lists its commands.
    """
    setup = _setup(engine=engine, max_steps=max_steps, capacity=capacity, device=device, integers=integers)
    from neurallambda.cli.commands import start_repl

    start_repl(setup)


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it listens on this machine; 0 takes any that is free.")
    ] = 8000,
    seconds: Annotated[float, typer.Option(min=0.1, help="A program that runs longer is stopped.")] = 20.0,
    memory: Annotated[int, typer.Option(min=64, help="How many MiB a program may use.")] = 2048,
    runs: Annotated[int, typer.Option(min=1, max=64, help="How many programs may run at the same time.")] = 2,
) -> None:
    """Open a playground: edit, run and watch programs in a browser on this machine.

    It listens on this machine alone, and writes no file.
    """
    from neurallambda.cli.serving import serve_playground

    serve_playground(port=port, seconds=seconds, memory=memory, runs=runs)


@app.command()
def tasks(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A task of the list; or `recognition`, `next-symbol`, `next-symbols`, `transduction` or `steps` with a machine, as in "
            "recognition:dyck2 or recognition:rules.json. Without it, all tasks are listed."
        ),
    ] = None,
    lengths: Annotated[
        str | None, typer.Option(metavar="LENGTHS", help="How long the inputs shall be: 5, or a range, 1-8.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="How many rows to draw; 3 without it.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same rows; 0 without it.")] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print each row as a line of JSON, with the numbers that a model is given.")
    ] = False,
) -> None:
    """List the tasks that models learn, or show some rows of one."""
    from neurallambda.cli.tasks import list_tasks, show_rows

    if name is None:
        list_tasks(has_options=jsonl or any(option is not None for option in (lengths, rows, seed)))
    else:
        show_rows(name, lengths=lengths, rows=3 if rows is None else rows, seed=seed or 0, as_json=jsonl)


def _setup(**options: Any) -> "Setup":
    from neurallambda.cli.messages import reporting
    from neurallambda.cli.setup import make_setup

    with reporting():
        return make_setup(**options)
