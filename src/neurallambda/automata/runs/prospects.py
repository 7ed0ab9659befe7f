"""What may come next: for each prefix of a string, the symbols that a machine can read, and whether it may end there."""

from collections.abc import Iterable, Sequence

from neurallambda.arguments import checked
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.vocabulary import END, REJECT, START
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits, Outcome, undecided
from neurallambda.automata.runs.stepping import Stepper, accepting, size, start, stepper
from neurallambda.errors import ArgumentError

Prospect = tuple[bool, ...]
"""For each symbol of the alphabet whether some run can read it next, and last whether the string may end here."""


@checked
def prospects(
    machine: Machine, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS
) -> tuple[Prospect, ...]:
    """What may come after each prefix of a string, the empty one first, as long as some run is alive.

    A symbol may come if a rule reads it, not counting rules into `REJECT`; whether a string is accepted that goes on so
    is another question, to which the answer is the same for machines that stop where nothing can follow.

    Args:
        machine: a machine that reads its string once.
        string: text or a sequence of symbols, with or without markers.
        limits: how many configurations may be followed after one prefix, and how many cells they may hold.

    Returns:
        One entry for each prefix that some run can read.

    Raises:
        ArgumentError: the machine reads from a tape.
        ProgramError: the silent steps went past the limits.

    Example:
        >>> from neurallambda.automata import library
        >>> prospects(library.load("anbn"), "ab")  # a, b, end
        ((True, False, False), (True, True, False), (False, False, True))
    """
    if machine.reads_from_tape:
        raise ArgumentError("machine: reads from a tape, which has no next symbol; use one that reads its string once")
    step = stepper(machine)
    front = _closed(machine, step, [start(machine)], limits)
    tokens = machine.tokens(string)
    legible = machine.legible(tokens)
    if machine.is_framed:
        front = _after(machine, step, front, START, limits)
        tokens, legible = tokens[1:-1], legible - 1
    found = []
    for position in range(len(tokens) + 1):
        if not front:
            break
        may_end = _may_end(machine, step, front, limits)
        found.append((*(bool(_read(step, front, symbol)) for symbol in machine.alphabet), may_end))
        if position < len(tokens):
            front = _after(machine, step, front, tokens[position], limits) if position < legible else {}
    return tuple(found)


Front = dict[Configuration, None]


def _read(step: Stepper, front: Front, symbol: str) -> list[Configuration]:
    read = [following for configuration in front for _, following in step.reading(configuration, symbol)]
    return [configuration for configuration in read if configuration.state != REJECT]


def _after(machine: Machine, step: Stepper, front: Front, symbol: str, limits: Limits) -> Front:
    return _closed(machine, step, _read(step, front, symbol), limits)


def _may_end(machine: Machine, step: Stepper, front: Front, limits: Limits) -> bool:
    ends = _after(machine, step, front, END, limits) if machine.is_framed else front
    return any(accepting(machine, configuration) for configuration in ends)


def _closed(machine: Machine, step: Stepper, configurations: Iterable[Configuration], limits: Limits) -> Front:
    """The configurations, and all that silent steps lead to."""
    found: Front = {}
    todo, stored = list(configurations), 0
    while todo:
        configuration = todo.pop()
        if configuration in found:
            continue
        cells = size(machine, configuration)
        stored += cells
        if len(found) >= limits.configurations or cells > limits.cells or stored > limits.storage:
            raise undecided(Outcome.OUT_OF_MEMORY, "following the steps that read nothing")
        found[configuration] = None
        todo += [following for _, following in step.silent(configuration, at_end=False)]
    return found
