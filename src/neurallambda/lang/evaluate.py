"""The reference evaluator: the judge of every other engine."""

from collections.abc import Mapping

from neurallambda.arguments import checked
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.blame import explain
from neurallambda.lang.cek import compile_core, run
from neurallambda.lang.fillings import check_certain
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.lang.values import outcome_of

MOST_AGAIN = 1_000_000
"""A program without an end is run again, to see where it was, only if it was stopped after at most so many steps."""


@checked
def evaluate(
    source: str | Program,
    *,
    holes: Mapping[str, int | bool | str] | None = None,
    integers: range | None = None,
    max_steps: int | None = None,
) -> Outcome:
    """Run a program to its value or its named error.

    Args:
        source: program text, or a parsed program.
        holes: what each `?name` in the program stands for: an integer, a boolean, or the name of a primitive.
        integers: the declared range; leaving it is `overflow`. None: unbounded.
        max_steps: how many steps to allow; more is `out-of-steps`. None: no limit.

    Raises:
        SourceError: where the text is not a program, or has a hole that `holes` does not fill.
        ArgumentError: where a hole is filled with something else.

    >>> evaluate("((fn [x] '(x x x)) 42)").text
    "'(42 42 42)"
    """
    filled = check_certain(holes)
    program = parse(source) if isinstance(source, str) else source
    try:
        root = lower(program)
    except ProgramError as error:
        return Outcome.of(error)
    try:
        value, steps = run(compile_core(root, filled, integers), integers, max_steps)
    except ProgramError as error:
        if error.kind is ErrorKind.OUT_OF_STEPS and error.steps > MOST_AGAIN:
            return Outcome.of(error)
        explained = explain(root, error.steps, text=program.text, holes=filled, integers=integers)
        return Outcome.of(explained or error)
    return outcome_of(value, steps)
