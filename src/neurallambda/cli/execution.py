"""Running one program as the options say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console

from neurallambda.cli.holes import table
from neurallambda.cli.messages import remark
from neurallambda.cli.setup import Setup
from neurallambda.engines.protocol import Engine
from neurallambda.errors import ErrorKind
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program


def execute(program: str | Program, setup: Setup) -> Outcome:
    """Run one program.

    Raises:
        SourceError: where the text is not a program, or has a hole that is not filled.
    """
    with _memory() as failed:
        if setup.trace:
            show_steps(program, setup)
        if not setup.is_soft:
            return setup.make_engine().run(program, holes=setup.fillings())
        outcome, ends = setup.make_engine().run_soft(program, holes=setup.fillings())
        if ends:
            remark(table(ends))
        return outcome
    return failed[0]


def reduce(program: str | Program, setup: Setup) -> Outcome:
    """Reduce a program, which need not be closed.

    Raises:
        SourceError: where the text is not a program.
        ArgumentError: where an option does not fit the codebook.
    """
    with _memory() as failed:
        if setup.trace:
            show_steps(program, setup, free=True)
        return setup.make_engine().reduce(program, holes=setup.fillings())
    return failed[0]


def show_steps(program: str | Program, setup: Setup, *, free: bool = False) -> None:
    """Show the steps of a run on stderr, as its trace has them: of the machine and NeuralBeta all that they hold, of others
    the terms. `free` terms are reduced, by the reference as on paper.
    """
    from neurallambda.traces import trace

    on_paper = free and setup.engine is Engine.REFERENCE
    events = trace(
        program,
        engine="normalize" if on_paper else setup.engine,
        limits=replace(setup.limits, max_steps=setup.limits.steps(setup.engine)),
        device=setup.device,
        holes=setup.fillings(),
        free=free,
        options=setup.options,
    )
    console = Console(stderr=True, highlight=False)
    if setup.engine in (Engine.MACHINE, Engine.STEPPER):
        from neurallambda.cli.tracing import Tracer

        Tracer(console).show(events)
    elif setup.engine in (Engine.BETA, Engine.BETA_STEPPER):
        from neurallambda.cli.reduction import show_cells

        show_cells(events, console)
    else:
        console.soft_wrap = True
        if on_paper:
            from neurallambda.cli.paper import show_reductions

            show_reductions(events, console)
        else:
            from neurallambda.cli.traces import show_terms

            show_terms(events, console)


@contextmanager
def _memory() -> Iterator[list[Outcome]]:
    """Where the device has no memory left, that is how the program ended: it is in the list after the block."""
    failed: list[Outcome] = []
    try:
        yield failed
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):  # torch has no type for it on every device
            raise
        message = "the device has no memory left; allow less of it, or use --engine reference"
        failed.append(Outcome(error=ErrorKind.OUT_OF_MEMORY, message=message))
