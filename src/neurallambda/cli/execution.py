"""Running one program as the options say."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurallambda.cli.setup import Setup
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.programs import Engine

if TYPE_CHECKING:
    from neurallambda.beta import NeuralBeta


def execute(program: str | Program, setup: Setup) -> Outcome:
    """Run one program.

    Raises:
        SourceError: where the text is not a program, or has a hole that is not filled.
    """
    if setup.engine is Engine.MACHINE:
        return _by_machine(program, setup)
    if setup.engine is Engine.BETA:
        closed = parse(program) if isinstance(program, str) else program
        try:
            check(closed, setup.holes)
        except ProgramError as error:
            return Outcome(error=error.kind, message=error.message)
        return reduce(closed, setup)
    limits = setup.limits
    return evaluate(program, holes=setup.holes, integers=limits.integers, max_steps=limits.steps(setup.engine))


def check(program: Program, holes: Collection[str]) -> None:
    """Refuse a program with names that are not defined, or with holes that are not filled."""
    from neurallambda.beta.assemble import check_closed

    check_closed(program, holes)


def reduce(program: str | Program, setup: Setup) -> Outcome:
    """Reduce a program, which need not be closed, by NeuralBeta.

    Raises:
        SourceError: where the text is not a program.
        ArgumentError: where an option does not fit the codebook.
    """
    beta = make_beta(setup)
    max_steps = setup.limits.steps(setup.engine)
    with _memory() as failed:
        if not setup.trace:
            outcome = beta.normalize(program, holes=setup.holes, max_steps=max_steps)
            assert isinstance(outcome, Outcome)
            return outcome
        from neurallambda.cli.reduction import show_reduction

        try:
            encoded = beta.encode(program, holes=setup.holes)
        except ProgramError as error:
            return Outcome(error=error.kind, message=error.message)
        return beta.decode(show_reduction(beta, encoded, max_steps))[0]
    return failed[0]


def make_beta(setup: Setup) -> "NeuralBeta":
    """The NeuralBeta that the options ask for."""
    import torch

    from neurallambda.beta import STRATEGIES, NeuralBeta

    limits, chosen = setup.limits, setup.beta
    return NeuralBeta(
        cells=limits.cells,
        integers=limits.integers,
        codebook=chosen.codebook or "onehot",
        vec_size=chosen.vec_size,
        strategy=STRATEGIES[chosen.strategy or "normal"],
        generator=torch.Generator().manual_seed(chosen.seed or 0),
        device=setup.device,
    )


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


def _by_machine(program: str | Program, setup: Setup) -> Outcome:
    from neurallambda.machine.machine import Machine

    limits = setup.limits
    machine = Machine(integers=limits.integers, capacity=limits.capacity, device=setup.device)
    try:
        encoded = machine.encode(program, holes=setup.holes)
    except ProgramError as error:
        return Outcome(error=error.kind, message=error.message)
    with _memory() as failed:
        if setup.trace:
            from neurallambda.cli.tracing import show_trace

            result = show_trace(machine, encoded, limits.steps(setup.engine))
        else:
            result = machine.run(encoded, max_steps=limits.steps(setup.engine))
        return machine.decode(result)[0]
    return failed[0]
