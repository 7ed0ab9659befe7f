"""What went wrong in a run, and where: tensors keep no more than which error it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.blame import explain
from neurallambda.lang.outcome import Outcome
from neurallambda.machine.alphabet import OPERATORS, Tag
from neurallambda.machine.assemble import ROOT_ADDRESS, Cells

if TYPE_CHECKING:
    from neurallambda.machine.encode import NeuralLambda

MESSAGES = {
    ErrorKind.NOT_A_FUNCTION: "something that is no function was called, or a thunk was given an argument",
    ErrorKind.NOT_AN_INTEGER: "an arithmetic primitive or a comparison was given something else than integers",
    ErrorKind.NOT_A_BOOLEAN: "a condition, or the operand of `not`, was no boolean",
    ErrorKind.NOT_A_PAIR: "`car` or `cdr` was given something that is no pair",
    ErrorKind.DIVISION_BY_ZERO: "`/` or `mod` by zero",
    ErrorKind.OVERFLOW: "an integer is outside the declared range",
}
"""What is said of an error that is not met again."""


def explain_cells(
    cells: Cells, integers: range, steps: int, holes: Mapping[str, int | bool | str] | None = None
) -> ProgramError | None:
    """The error that a program ends in within some steps, with its place; None where it ends in a value.

    The reference evaluator takes the very steps of the machine, and takes them again.
    """
    root = cells.cells[ROOT_ADDRESS].node
    assert root is not None
    return explain(root, steps, text=cells.text, holes=holes, integers=integers)


def explained(outcome: Outcome, program: "NeuralLambda", row: int, max_steps: int) -> Outcome:
    """An outcome that is an error, as the reference evaluator tells it.

    The program is run again with the likeliest filling of each hole. Where that does not end in the same error, as may be
    where a mixture of several programs runs, nothing is known but the error.

    Args:
        outcome: the error; its message is kept where it ran out of memory.
        program: what was run.
        row: which program of the batch.
        max_steps: how many steps were allowed.
    """
    stopped = outcome.error in (ErrorKind.OUT_OF_STEPS, ErrorKind.OUT_OF_MEMORY)
    holes = _likeliest(program, row)
    steps = outcome.steps if stopped else max_steps
    found = None if holes is None else explain_cells(program.cells[row], program.integers, steps, holes)
    if found is None or found.kind is not (ErrorKind.OUT_OF_STEPS if stopped else outcome.error):
        return outcome
    if outcome.error is ErrorKind.OUT_OF_MEMORY:
        return replace(outcome, line=found.line, column=found.column, excerpt=found.excerpt)
    return replace(Outcome.of(found), steps=outcome.steps)


def _likeliest(program: "NeuralLambda", row: int) -> dict[str, int | bool | str] | None:
    """The likeliest value of each hole; None where one of them is an integer that nobody knows any more."""
    holes: dict[str, int | bool | str] = {}
    for address, cell in enumerate(program.cells[row].cells):
        if cell.hole is None or cell.hole in holes:
            continue
        match Tag(int(program.tag[row, address].argmax())):
            case Tag.TRUE | Tag.FALSE as tag:
                holes[cell.hole] = tag is Tag.TRUE
            case Tag.INTEGER:
                holes[cell.hole] = program.integers[int(program.literal[row, address].argmax())]
            case Tag.UNARY_PRIMITIVE | Tag.BINARY_PRIMITIVE:
                holes[cell.hole] = OPERATORS[int(program.operator[row, address].argmax())]
            case _:
                return None
    return holes
