"""All runs of an exact machine on a string, path by path, with the chance of each: as slowly and plainly as can be."""

from dataclasses import dataclass
from fractions import Fraction

from neurallambda.automata import Automaton, Configuration
from neurallambda.automata.rules.memory import Tape
from neurallambda.automata.rules.vocabulary import REJECT
from neurallambda.automata.runs.stepping import accepting, start, stepper

MOST_PATHS = 500
MOST_STEPS = 40


@dataclass
class Weighed:
    """The chance of accepting and the number of accepting runs; `whole` says whether no run was cut off."""

    chance: Fraction = Fraction(0)
    runs: int = 0
    whole: bool = True


def weigh(machine: Automaton, string: str) -> Weighed:
    """Follow every run. The rules that apply share a step equally; rules into REJECT count only where there is no other."""
    tokens = machine.tokens(string)
    if machine.reads_from_tape and not set(tokens) <= set(machine.alphabet):
        return Weighed()  # what is on the tape is no string of the machine
    found, todo, paths, step = Weighed(), [(start(machine), Fraction(1), 0)], 0, stepper(machine)
    while todo:
        configuration, chance, steps = todo.pop()
        paths += 1
        if paths > MOST_PATHS or steps > MOST_STEPS:
            found.whole = False
            return found
        at_end = configuration.position == len(tokens)
        if (at_end or machine.reads_from_tape) and accepting(machine, configuration):
            found.chance += chance
            found.runs += 1
            continue
        following = step.silent(configuration, at_end=at_end)
        if not at_end:
            read = step.reading(configuration, tokens[configuration.position])
            if machine.reads_from_tape and read:  # the symbol only comes into sight
                todo.append((read[0].configuration, chance, steps))
                continue
            following += read
        following = [one.configuration for one in following]
        useful = [one for one in following if one.state != REJECT] or following
        todo += [(one, chance / len(useful), steps + 1) for one in useful if one.state != REJECT]
    return found


def plain(configuration: Configuration, tokens: tuple[str, ...], machine: Automaton) -> Configuration:
    """A configuration with whole tapes, none of whose ends is blank, and no unread rest."""
    memories = []
    for number, memory in enumerate(configuration.memories):
        if isinstance(memory, Tape):
            left, right = list(memory.left), list(memory.right)
            right += tokens[configuration.position :] if number == 0 else ()
            while left and left[0] is None:
                left.pop(0)
            while right and right[-1] is None:
                right.pop()
            memory = Tape(tuple(left), tuple(right))
        memories.append(memory)
    position = 0 if machine.reads_from_tape else configuration.position
    return Configuration(configuration.state, position, tuple(memories))
