"""The reference evaluator: the judge of every other engine."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from neurallambda.arguments import checked
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.blame import explain
from neurallambda.lang.cek import run
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.draws import Draws, settled
from neurallambda.lang.fillings import check_given
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
    holes: Mapping[str, Any] | None = None,
    draws: Sequence[Any] | None = None,
    seed: int | None = None,
    integers: range | None = None,
    max_steps: int | None = None,
) -> Outcome:
    """Run a program to its value or its named error.

    Args:
        source: program text, or a parsed program.
        holes: what each `?name` in the program stands for: an integer, a boolean, the name of a primitive, or a list of
            such; with a seed also `Chances`, alone or in lists, of which one value each is drawn.
        draws: what each `(sample ?a)` and each `(flip n m)` gives, in the order in which they are evaluated; a list, where
            the hole is one.
        seed: draws at random what is not given.
        integers: the declared range; leaving it is `overflow`. None: unbounded.
        max_steps: how many steps to allow; more is `out-of-steps`. None: no limit.

    Raises:
        SourceError: where the text is not a program, has a hole that `holes` does not fill, or draws where neither `draws`
            nor a seed says what.
        ArgumentError: where a hole is filled with something else, or there are fewer draws than the program makes.

    >>> evaluate("((fn [x] '(x x x)) 42)").text
    "'(42 42 42)"
    >>> evaluate("(if (flip 3 10) ?a (sample ?a))", holes={"a": 1}, draws=[False, 1]).text
    '1'
    """
    given = check_given(holes)
    random = None if seed is None else Random(seed)
    filled = settled(given, random)
    drawn = None if draws is None and random is None else Draws(draws or (), random, given)
    program = parse(source) if isinstance(source, str) else source
    try:
        root = lower(program)
    except ProgramError as error:
        return Outcome.of(error)
    try:
        value, steps = run(compile_core(root, filled, integers, draws=drawn), integers, max_steps)
    except ProgramError as error:
        if error.kind is ErrorKind.OUT_OF_STEPS and error.steps > MOST_AGAIN:
            return Outcome.of(error)
        again = None if drawn is None else Draws(drawn.made, None, given)
        explained = explain(root, error.steps, text=program.text, holes=filled, integers=integers, draws=again)
        return Outcome.of(explained or error)
    return outcome_of(value, steps)
