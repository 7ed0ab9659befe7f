"""Running one program as the options say."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from neurallambda.cli.holes import table
from neurallambda.cli.messages import remark
from neurallambda.cli.setup import Setup
from neurallambda.engines.protocol import Engine
from neurallambda.errors import ErrorKind
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

SHOWN_BY = {Engine.MACHINE: "neurallambda.cli.tracing", Engine.BETA: "neurallambda.cli.reduction"}
"""Which module shows the steps of an engine."""


def execute(program: str | Program, setup: Setup) -> Outcome:
    """Run one program.

    Raises:
        SourceError: where the text is not a program, or has a hole that is not filled.
    """
    with _memory() as failed:
        if setup.trace:
            return _shown(program, setup)
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
        return (
            _shown(program, setup, free=True)
            if setup.trace
            else setup.make_engine().reduce(program, holes=setup.fillings())
        )
    return failed[0]


def _shown(program: str | Program, setup: Setup, *, free: bool = False) -> Outcome:
    """The end of a program whose steps are shown on the way, on stderr."""
    return import_module(SHOWN_BY[setup.engine]).show_steps(setup.make_engine(), program, setup.fillings(), free=free)


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
