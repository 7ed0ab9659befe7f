"""What all tasks of machines share: strings of a length that a machine accepts or refuses, and rows drawn one by one.

A machine has strings of some lengths only. Where it has none of the length that is asked for, the next shorter length is
taken at which it has.
"""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import numpy as np
from jaxtyping import Int

from neurallambda.automata import Automaton
from neurallambda.automata.data.negatives import Outside
from neurallambda.automata.languages.language import Language
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.tasks.task import Draw, Level, Rows

LONGEST_START = 64
"""A machine must have strings of at least one length up to this."""
TRIES = 8
"""How many random strings of a Turing machine are tried before its language is searched."""
PROBES = 100
"""How many random strings are tried to see whether a machine refuses any, where its strings cannot be counted."""
ON_TAPE = Limits(configurations=10_000)
"""How far the strings of a machine that reads from a tape are counted: with each symbol more it takes a multiple of the time."""
NOTES = "Where there is no fitting string of the length that is asked for, the next shorter length is taken at which there is."
"""What is said of every such task."""

Lengths = Int[np.ndarray, " rows"]
_LEVELS: dict[str, Level] = {"fsm": "regular", "qa": "recursively enumerable", "tm": "recursively enumerable"}


def limits_of(machine: Automaton) -> Limits:
    """How far a machine's strings are counted."""
    return ON_TAPE if machine.reads_from_tape else DEFAULT_LIMITS


def language_of(machine: Automaton) -> Language:
    """The machine's strings; what is counted is remembered."""
    return machine.language(limits_of(machine))


def some_accepted(machine: Automaton, length: int) -> bool:
    """Is there a string of this length that is accepted? By counting, or where that goes too far, by searching for one."""
    language = language_of(machine)
    if language.is_uniform(length):
        return not language.is_empty(length)
    try:
        language.draw(length, Random(length))
    except ProgramError:
        return False
    return True


def some_refused(machine: Automaton, outside: Outside, length: int) -> bool:
    """Is there a string of this length that is not accepted? By counting, or where that goes too far, by looking for one."""
    if language_of(machine).is_uniform(length):
        return outside.may_exist(length)
    random = Random(length)
    return any(outside.holds(random.choices(machine.alphabet, k=length)) for _ in range(PROBES))


def accepted_string(machine: Automaton, length: int, random: Random) -> tuple[str, ...]:
    """An accepted string. Turing machines that accept nearly everything are not searched."""
    if machine.reads_from_tape:
        for _ in range(TRIES):
            string = tuple(random.choices(machine.alphabet, k=length))
            if machine.decide(string) == "accepted":
                return string
    return language_of(machine).draw(length, random)


def one_by_one(symbols: Sequence[str], one: Callable[[int, Random], tuple[tuple[str, ...], list[int]]]) -> Draw:
    """Rows that are drawn one by one, with Python's own source of randomness."""
    places = {symbol: place for place, symbol in enumerate(symbols)}

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        source = Random(int(random.integers(2**62)))
        pairs = [one(length, source) for length in lengths.tolist()]
        return Rows.of([[places[symbol] for symbol in string] for string, _ in pairs], [found for _, found in pairs])

    return draw


def fitting(fits: Callable[[int], bool], condition: str) -> Callable[[int], int]:
    """The greatest length, up to a given one, that fits."""
    shortest = next((length for length in range(1, LONGEST_START + 1) if fits(length)), None)
    if shortest is None:
        raise ArgumentError(f"machine: at no length up to {LONGEST_START} it is so that {condition}")
    least = shortest

    @cache
    def at_most(length: int) -> int:
        return next((found for found in range(length, least, -1) if fits(found)), least)

    return at_most


def shortest_of(at_most: Callable[[int], int]) -> int:
    """The least length that fits."""
    return at_most(0)


def named(machine: Automaton, numbers: Sequence[int]) -> tuple[str, ...]:
    """Symbols by their numbers."""
    return tuple(machine.alphabet[number] for number in numbers)


def not_accepted(machine: Automaton, string: tuple[str, ...]) -> ArgumentError:
    """The error of a string that has no answer."""
    return ArgumentError(f"input: expected a string that the machine accepts, and {machine.text(string)!r} it does not")


def level_of(machine: Automaton) -> Level:
    """Where a machine's language stands in the Chomsky hierarchy."""
    if machine.kind == "pda":
        return "deterministic context-free" if machine.is_deterministic else "context-free"
    return _LEVELS[machine.kind]
