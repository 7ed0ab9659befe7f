"""The task to tell whether a machine accepts a string."""

from random import Random

from neurallambda.arguments import checked
from neurallambda.automata import Automaton
from neurallambda.automata.data.negatives import Outside
from neurallambda.tasks.machines.strings import (
    NOTES,
    fitting,
    language_of,
    level_of,
    limits_of,
    named,
    one_by_one,
    shortest_of,
    some_accepted,
    some_refused,
)
from neurallambda.tasks.task import Task


@checked
def recognition(machine: Automaton, *, name: str = "recognition") -> Task:
    """The task to tell whether a machine accepts a string.

    Half of the rows are accepted, at each length: a length tells nothing. Of the others half are near misses, one or two
    edits from an accepted string of the same length, and half are any string that is not accepted.

    Args:
        machine: the machine.
        name: the name of the task.

    Returns:
        The task; lengths are counted without markers.

    Raises:
        ArgumentError: at no length up to 64 are some strings accepted and others not.

    Example:
        >>> from neurallambda.automata.library import load
        >>> balanced = recognition(load("dyck1"))
        >>> [balanced.answers[balanced.answer([0, 0, 1, 1])[0]], balanced.shortest]
        ['accepted', 2]
    """
    outside, language = Outside(machine, limits_of(machine)), language_of(machine)

    def is_mixed(length: int) -> bool:
        return some_accepted(machine, length) and some_refused(machine, outside, length)

    at_most = fitting(is_mixed, "some strings are accepted and others are not")

    def refused(length: int, random: Random) -> tuple[str, ...]:
        if random.random() < 0.5:
            found = outside.near_miss(language.draw(length, random), [length], random)
            if found is not None:
                return found.string
        string = outside.draw(length, random)
        assert string is not None  # the length is mixed
        return string

    def one(length: int, random: Random) -> tuple[tuple[str, ...], list[int]]:
        accepted = random.random() < 0.5
        return language.draw(length, random) if accepted else refused(length, random), [int(accepted)]

    return Task(
        name=name,
        description=f"whether a machine accepts the string: {machine.description or machine.kind}",
        level=level_of(machine),
        symbols=machine.alphabet,
        answers=("rejected", "accepted"),
        draw=one_by_one(machine.alphabet, lambda length, random: one(at_most(length), random)),
        reference=lambda string: [int(machine.accepts(named(machine, string)))],
        answer_length=lambda length: 1,
        shortest=shortest_of(at_most),
        notes=NOTES,
    )
