"""The value of a program of the Lisp, and its next step of reduction, as tasks."""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from jaxtyping import Int

from neurallambda.errors import ArgumentError
from neurallambda.lang import parse_term, to_text
from neurallambda.lang.normal.rewriting import reductions
from neurallambda.tasks.lisp.programs import SYMBOLS, numbers, tokens, value_of, write_program
from neurallambda.tasks.task import Draw, Rows, Task

END = len(SYMBOLS)
"""What ends an answer."""
TRIES = 1_000
"""How many programs are written for a row before it is said that there are none."""
Lengths = Int[np.ndarray, " rows"]


def lisp_value(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The tokens of a program's value, and an end symbol. The judge is the reference evaluator.

    >>> from neurallambda.tasks.lisp.programs import numbers, tokens
    >>> [*SYMBOLS, "end"][lisp_value(numbers(tokens("((fn [x] (+ x x)) 21)")))[0]]
    '42'

    Raises:
        ArgumentError: if the program ends in an error.
        SourceError: if it is no program.
    """
    outcome = value_of([SYMBOLS[number] for number in input])
    if outcome.error is not None:
        raise ArgumentError(f"input: expected a program that ends in a value, and this one ends so: {outcome}")
    return [*numbers(tokens(outcome.text)), END]


def lisp_step(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The tokens of the term after one reduction, the leftmost outermost one, and an end symbol.

    >>> from neurallambda.tasks.lisp.programs import numbers, tokens
    >>> answer = lisp_step(numbers(tokens("((fn [x] (+ x x)) 21)")))
    >>> " ".join([*SYMBOLS, "end"][number] for number in answer)
    '( + 21 21 ) end'

    Raises:
        ArgumentError: if there is nothing to reduce.
        SourceError: if it is no term.
    """
    found = next(reductions(parse_term(" ".join(SYMBOLS[number] for number in input))), None)
    if found is None:
        raise ArgumentError("input: expected a term with a reduction to do, and this one has none")
    return [*numbers(tokens(to_text(found.result))), END]


def _drawn(answer: Callable[[Sequence[int]], list[int]], room: Callable[[int], int]) -> Draw:
    """Programs drawn one by one; those that have no answer, or one for which there is no room, are drawn again."""

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        source = Random(int(random.integers(2**62)))
        pairs = [_pair(length, source, answer, room) for length in lengths.tolist()]
        return Rows.of([program for program, _ in pairs], [found for _, found in pairs])

    return draw


def _pair(
    length: int, random: Random, answer: Callable[[Sequence[int]], list[int]], room: Callable[[int], int]
) -> tuple[list[int], list[int]]:
    for _ in range(TRIES):
        program = numbers(write_program(length, random))
        try:
            found = answer(program)
        except ArgumentError:
            continue
        if len(found) <= room(len(program)):
            return program, found
    raise ArgumentError(
        f"lengths: of {TRIES} programs of length {length} none had an answer that there is room for; expected shorter ones"
    )


def _value_length(length: int) -> int:
    return length + 1


def _step_length(length: int) -> int:
    return 2 * length


LISP_VALUE = Task(
    name="lisp-value",
    description="the value of a program of the Lisp, token by token",
    level=None,
    symbols=SYMBOLS,
    answers=(*SYMBOLS, "end"),
    draw=_drawn(lisp_value, _value_length),
    reference=lisp_value,
    answer_length=_value_length,
    notes="Inputs are at most as long as is asked for, most of them nearly so. All programs end in a value from -99 to 99.",
)
LISP_STEP = Task(
    name="lisp-step",
    description="a term of the Lisp after its next reduction, token by token",
    level=None,
    symbols=SYMBOLS,
    answers=(*SYMBOLS, "end"),
    draw=_drawn(lisp_step, _step_length),
    reference=lisp_step,
    answer_length=_step_length,
    shortest=4,
    notes=(
        "The reduction is the leftmost outermost one, as `neurallambda normalize --trace` shows it. Terms whose next one is "
        "more than twice as long are left out."
    ),
)
