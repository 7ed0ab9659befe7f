"""What went wrong in a reduction, and where: cells keep no places."""

from neurallambda.beta.alphabet import Alphabet, Tag
from neurallambda.beta.cells import Cells
from neurallambda.errors import ErrorKind, NeurallambdaError, ProgramError
from neurallambda.lang.blame import explain_closed
from neurallambda.lang.normalize import normalize
from neurallambda.machine.explain import MESSAGES


def explained(kind: ErrorKind, program: Cells, alphabet: Alphabet) -> ProgramError:
    """The error that a reduction ends in, as the reference evaluator tells it, or for an open program `normalize`.

    Reduction goes in another order than evaluation, so it may meet another error first: the one that a program ends in is
    the first in the order of evaluation. Where the error is not met again, no more is said than which it is.

    Args:
        kind: the error that was met.
        program: what was reduced.
        alphabet: the integers and cells there are.
    """
    if kind is ErrorKind.OUT_OF_MEMORY:
        message = f"a clone does not fit into what is free of {alphabet.cells:,} cells; allow more to go on"
        return ProgramError(kind, message)
    if kind is ErrorKind.OUT_OF_STEPS:
        return ProgramError(kind, "the program contains itself: reduction would go ever deeper")
    has_holes = any(cell.tag is Tag.HOLE for cell in program.cells)
    if program.program is not None and not has_holes:
        error = explain_closed(program.program, integers=alphabet.integers)
        if error is not None:
            return error
    if program.program is not None:
        try:
            normalize(program.program, max_steps=10_000)
        except ProgramError as error:
            if error.kind is kind:
                return error
        except NeurallambdaError:
            pass
    return ProgramError(kind, MESSAGES[kind])
