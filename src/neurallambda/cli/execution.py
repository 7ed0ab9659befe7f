"""Running one program as the options say."""

from neurallambda.cli.setup import Setup
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program
from neurallambda.programs import Engine


def execute(program: str | Program, setup: Setup) -> Outcome:
    """Run one program.

    Raises:
        SourceError: where the text is not a program, or has a hole that is not filled.
    """
    if setup.engine is Engine.MACHINE:
        return _by_machine(program, setup)
    limits = setup.limits
    return evaluate(program, holes=setup.holes, integers=limits.integers, max_steps=limits.max_steps)


def _by_machine(program: str | Program, setup: Setup) -> Outcome:
    from neurallambda.machine.machine import Machine

    limits = setup.limits
    machine = Machine(integers=limits.integers, capacity=limits.capacity, device=setup.device)
    try:
        encoded = machine.encode(program, holes=setup.holes)
    except ProgramError as error:
        return Outcome(error=error.kind, message=error.message)
    try:
        if setup.trace:
            from neurallambda.cli.tracing import show_trace

            result = show_trace(machine, encoded, limits.max_steps)
        else:
            result = machine.run(encoded, max_steps=limits.max_steps)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):  # torch has no type for it on every device
            raise
        message = "the device has no memory left; allow fewer steps, or use --engine reference"
        return Outcome(error=ErrorKind.OUT_OF_MEMORY, message=message)
    return machine.decode(result)[0]
