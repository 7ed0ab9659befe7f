"""The tasks to go on with a string of a machine: by the symbol that follows, or by all that may follow."""

from collections.abc import Callable, Sequence
from itertools import product
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata import Automaton
from neurallambda.automata.runs.prospects import prospects
from neurallambda.errors import ArgumentError
from neurallambda.tasks.machines.strings import (
    NOTES,
    fitting,
    language_of,
    level_of,
    not_accepted,
    one_by_one,
    shortest_of,
    some_accepted,
)
from neurallambda.tasks.task import Task

MOST_SETS = 1024
"""How many sets of next symbols a task may have as answers."""
BEGIN = "begin"
END = "end"


@checked
def next_symbol(machine: Automaton, *, name: str = "next-symbol") -> Task:
    """The task to go on with an accepted string: at each token the one that follows, and `end` at the last.

    All accepted strings of a length are equally likely. What follows is often not determined by what came before, so no
    model is right everywhere; `next_symbols` asks for all that may follow.

    Args:
        machine: the machine.
        name: the name of the task.

    Returns:
        The task; a string begins with the token `begin`, which counts.

    Raises:
        ArgumentError: no string up to length 64 is accepted.

    Example:
        >>> from neurallambda.automata.library import load
        >>> following = next_symbol(load("anbn"))
        >>> [following.answers[answer] for answer in following.answer([2, 0, 1])]  # begin a b
        ['a', 'b', 'end']
    """

    def answer(string: tuple[str, ...]) -> list[int]:
        return [*map(machine.alphabet.index, string), len(machine.alphabet)]

    return _continued(machine, name, "the symbol that follows in a string of", (*machine.alphabet, END), answer)


@checked
def next_symbols(machine: Automaton, *, name: str = "next-symbols") -> Task:
    """The task to say, at each token of an accepted string, which symbols a machine can read next, and whether it may end.

    This is how Gers and Schmidhuber (2001) tested whether networks know a language: other than the next symbol, the set of
    those that are possible is determined by what came before. Each set is an answer of its own.

    Args:
        machine: a machine that reads its string once, with at most nine symbols.
        name: the name of the task.

    Returns:
        The task; a string begins with the token `begin`, which counts.

    Raises:
        ArgumentError: the machine reads from a tape or has too many symbols, or no string up to length 64 is accepted.

    Example:
        >>> from neurallambda.automata.library import load
        >>> following = next_symbols(load("anbn"))
        >>> [following.answers[answer] for answer in following.answer([2, 0, 1])]  # begin a b
        ['a', 'a|b', 'end']
    """
    if machine.reads_from_tape:
        raise ArgumentError("machine: reads from a tape, which has no next symbol; use one that reads its string once")
    names = (*machine.alphabet, END)
    if 2 ** len(names) > MOST_SETS:
        raise ArgumentError(f"machine: has {len(names) - 1} symbols, expected at most {MOST_SETS.bit_length() - 2}")
    sets = list(product((False, True), repeat=len(names)))
    answers = tuple(
        "|".join(name for name, is_in in zip(names, one, strict=True) if is_in) or "nothing" for one in sets
    )
    numbers = {one: number for number, one in enumerate(sets)}

    def answer(string: tuple[str, ...]) -> list[int]:
        return [numbers[prospect] for prospect in prospects(machine, string)]

    return _continued(machine, name, "the symbols that may follow in a string of", answers, answer)


def _continued(
    machine: Automaton, name: str, words: str, answers: tuple[str, ...], answer: Callable[[tuple[str, ...]], list[int]]
) -> Task:
    """A task whose inputs are `begin` and an accepted string."""
    at_most = fitting(lambda length: length > 0 and some_accepted(machine, length - 1), "a string is accepted")
    symbols = (*machine.alphabet, BEGIN)

    def one(length: int, random: Random) -> tuple[tuple[str, ...], list[int]]:
        string = language_of(machine).draw(at_most(length) - 1, random)
        return (BEGIN, *string), answer(string)

    def reference(numbers: Sequence[int]) -> list[int]:
        begin, *string = [symbols[number] for number in numbers]
        if begin != BEGIN or BEGIN in string:
            raise ArgumentError(f"input: expected {BEGIN} and then a string")
        if not machine.accepts(string):
            raise not_accepted(machine, tuple(string))
        return answer(tuple(string))

    return Task(
        name=name,
        description=f"{words} a machine: {machine.description or machine.kind}",
        level=level_of(machine),
        symbols=symbols,
        answers=answers,
        draw=one_by_one(symbols, one),
        reference=reference,
        answer_length=lambda length: length,
        reads="along",
        shortest=shortest_of(at_most),
        notes=NOTES,
    )
