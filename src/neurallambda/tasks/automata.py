"""Any exact machine as a task: does it accept a string, what may come next, and what does it write?

A machine has strings of some lengths only. Where it has none of the length that is asked for, the next shorter length is
taken at which it has.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
from jaxtyping import Int

from neurallambda.arguments import checked
from neurallambda.automata import FSM, Automaton, CellularAutomaton, TuringMachine, library
from neurallambda.automata.data.negatives import Outside
from neurallambda.automata.files.rule_file import any_machine_in
from neurallambda.automata.languages.language import Language
from neurallambda.automata.rules.vocabulary import EPSILON
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.automata.runs.prospects import prospects
from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.tasks.cellular import cell_transduction
from neurallambda.tasks.task import Draw, Level, Rows, Task

LONGEST_START = 64
"""A machine must have strings of at least one length up to this."""
MOST_SETS = 1024
"""How many sets of next symbols a task may have as answers."""
TRIES = 8
"""How many random strings of a Turing machine are tried before its language is searched."""
PROBES = 100
"""How many random strings are tried to see whether a machine refuses any, where its strings cannot be counted."""
MOST_DRAWN = 100
"""How many strings are drawn for a row before it is said that what a Turing machine writes is too long."""
ON_TAPE = Limits(configurations=10_000)
"""How far the strings of a machine that reads from a tape are counted: with each symbol more it takes a multiple of the time."""
BEGIN = "begin"
END = "end"

Lengths = Int[np.ndarray, " rows"]
_Draw = Callable[[int, Random], tuple[str, ...]]
_LEVELS: dict[str, Level] = {"fsm": "regular", "qa": "recursively enumerable", "tm": "recursively enumerable"}


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
    outside, language = Outside(machine, _limits(machine)), _language(machine)

    def is_mixed(length: int) -> bool:
        return _some_accepted(machine, length) and _some_refused(machine, outside, length)

    at_most = _fitting(is_mixed, "some strings are accepted and others are not")

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
        level=_level(machine),
        symbols=machine.alphabet,
        answers=("rejected", "accepted"),
        draw=_one_by_one(machine.alphabet, lambda length, random: one(at_most(length), random)),
        reference=lambda string: [int(machine.accepts(_named(machine, string)))],
        answer_length=lambda length: 1,
        shortest=_shortest(at_most),
        notes=_NOTES,
    )


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


@checked
def transduction(machine: Automaton, *, name: str = "transduction") -> Task:
    """The task to write what a machine writes.

    For a Mealy or Moore machine all of whose rules read a symbol, the answer at each token is what it writes there, or
    `nothing`; what a Moore machine writes before it reads is left out. For a Turing machine the answer comes after the
    string: what stands on its last tape in the end, and `end`.

    Args:
        machine: a finite-state machine with outputs, or a Turing machine with tapes. Strings that it accepts are drawn,
            all of a length equally likely where they can be counted.
        name: the name of the task.

    Returns:
        The task.

    Raises:
        ArgumentError: the machine writes nothing, or has rules that read nothing.

    Example:
        >>> from neurallambda.automata.library import load
        >>> remainder = transduction(load("remainder_3"))
        >>> [remainder.answers[answer] for answer in remainder.answer([1, 1, 0, 1])]  # 1, 3, 6, 13
        ['1', '0', '0', '1']
    """
    if isinstance(machine, TuringMachine) and machine.tapes:
        return _computation(machine, name)
    if not isinstance(machine, FSM) or machine.style == "acceptor":
        raise ArgumentError(
            f"machine: a {machine.kind} that writes nothing; expected a finite-state machine with outputs or a Turing "
            "machine with tapes; for others there are recognition and next_symbol"
        )
    if any(rule.input == EPSILON for rule in machine.rules):
        raise ArgumentError("machine: has rules that read nothing, so what it writes does not go with what it reads")
    written = [rule.output for rule in machine.rules] + [output for _, output in machine.outputs]
    answers = tuple(dict.fromkeys(["nothing", *(output for output in written if output is not None)]))
    by_state = dict(machine.outputs)

    def answer(string: tuple[str, ...]) -> list[int]:
        found = machine.run(string)
        if not found.accepted:
            raise _not_accepted(machine, string)
        steps = [step for step in found.steps if step.rule is not None]
        steps = steps[1:-1] if machine.is_framed else steps
        outputs = [step.rule.output if step.rule else None for step in steps]
        if machine.outputs:
            outputs = [by_state.get(step.configuration.state) for step in steps]
        return [answers.index("nothing" if output is None else output) for output in outputs]

    at_most = _fitting(lambda length: _some_accepted(machine, length), "a string is accepted")
    return _answered(machine, name, at_most, "what is written at each symbol by", answers, answer, "along")


def _computation(machine: TuringMachine, name: str) -> Task:
    """What stands on the last tape in the end."""
    symbols = dict.fromkeys(symbol for tape in machine.memory_symbols for symbol in tape)
    answers = (*symbols, "_", END)

    def answer(string: tuple[str, ...]) -> list[int]:
        try:
            text = machine.compute(string, tape=machine.tapes - 1)
        except ArgumentError:
            raise _not_accepted(machine, string) from None
        cells = text.split(machine.separator) if machine.separator else list(text)
        return [*map(answers.index, cells), len(answers) - 1]

    at_most = _fitting(lambda length: _some_accepted(machine, length), "a string is accepted")
    return _answered(machine, name, at_most, "what stands on the last tape in the end of", answers, answer, "after")


def _continued(
    machine: Automaton, name: str, words: str, answers: tuple[str, ...], answer: Callable[[tuple[str, ...]], list[int]]
) -> Task:
    """A task whose inputs are `begin` and an accepted string."""
    at_most = _fitting(lambda length: length > 0 and _some_accepted(machine, length - 1), "a string is accepted")
    symbols = (*machine.alphabet, BEGIN)

    def one(length: int, random: Random) -> tuple[tuple[str, ...], list[int]]:
        string = _language(machine).draw(at_most(length) - 1, random)
        return (BEGIN, *string), answer(string)

    def reference(numbers: Sequence[int]) -> list[int]:
        begin, *string = [symbols[number] for number in numbers]
        if begin != BEGIN or BEGIN in string:
            raise ArgumentError(f"input: expected {BEGIN} and then a string")
        if not machine.accepts(string):
            raise _not_accepted(machine, tuple(string))
        return answer(tuple(string))

    return Task(
        name=name,
        description=f"{words} a machine: {machine.description or machine.kind}",
        level=_level(machine),
        symbols=symbols,
        answers=answers,
        draw=_one_by_one(symbols, one),
        reference=reference,
        answer_length=lambda length: length,
        reads="along",
        shortest=_shortest(at_most),
        notes=_NOTES,
    )


def _answered(
    machine: Automaton,
    name: str,
    at_most: Callable[[int], int],
    words: str,
    answers: tuple[str, ...],
    answer: Callable[[tuple[str, ...]], list[int]],
    reads: str,
) -> Task:
    """A task whose inputs are accepted strings."""

    def one(length: int, random: Random) -> tuple[tuple[str, ...], list[int]]:
        for _ in range(MOST_DRAWN):
            string = _accepted(machine, at_most(length), random)
            found = answer(string)
            if reads == "along" or len(found) <= _room(len(string)):
                return string, found
        raise ArgumentError(
            f"machine: of {MOST_DRAWN} strings of length {length} it makes longer ones than there is room for, which are "
            "those of at most one symbol more"
        )

    return Task(
        name=name,
        description=f"{words} a machine: {machine.description or machine.kind}",
        level=_level(machine),
        symbols=machine.alphabet,
        answers=answers,
        draw=_one_by_one(machine.alphabet, one),
        reference=lambda string: answer(_named(machine, string)),
        answer_length=_room if reads == "after" else lambda length: length,
        reads="after" if reads == "after" else "along",
        shortest=_shortest(at_most),
        notes=_NOTES,
    )


def _limits(machine: Automaton) -> Limits:
    return ON_TAPE if machine.reads_from_tape else DEFAULT_LIMITS


def _language(machine: Automaton) -> Language:
    """The machine's strings; what is counted is remembered."""
    return machine.language(_limits(machine))


def _some_accepted(machine: Automaton, length: int) -> bool:
    """Is there a string of this length that is accepted? By counting, or where that goes too far, by searching for one."""
    language = _language(machine)
    if language.is_uniform(length):
        return not language.is_empty(length)
    try:
        language.draw(length, Random(length))
    except ProgramError:
        return False
    return True


def _some_refused(machine: Automaton, outside: Outside, length: int) -> bool:
    """Is there a string of this length that is not accepted? By counting, or where that goes too far, by looking for one."""
    if _language(machine).is_uniform(length):
        return outside.may_exist(length)
    random = Random(length)
    return any(outside.holds(random.choices(machine.alphabet, k=length)) for _ in range(PROBES))


def _room(length: int) -> int:
    """How long what a Turing machine writes may be: one symbol more than its string, and `end`."""
    return length + 2


def _accepted(machine: Automaton, length: int, random: Random) -> tuple[str, ...]:
    """An accepted string. Turing machines that accept nearly everything are not searched."""
    if machine.reads_from_tape:
        for _ in range(TRIES):
            string = tuple(random.choices(machine.alphabet, k=length))
            if machine.decide(string) == "accepted":
                return string
    return _language(machine).draw(length, random)


def _one_by_one(symbols: Sequence[str], one: Callable[[int, Random], tuple[tuple[str, ...], list[int]]]) -> Draw:
    """Rows that are drawn one by one, with Python's own source of randomness."""
    places = {symbol: place for place, symbol in enumerate(symbols)}

    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        source = Random(int(random.integers(2**62)))
        pairs = [one(length, source) for length in lengths.tolist()]
        return Rows.of([[places[symbol] for symbol in string] for string, _ in pairs], [found for _, found in pairs])

    return draw


def _fitting(fits: Callable[[int], bool], condition: str) -> Callable[[int], int]:
    """The greatest length, up to a given one, that fits."""
    shortest = next((length for length in range(1, LONGEST_START + 1) if fits(length)), None)
    if shortest is None:
        raise ArgumentError(f"machine: at no length up to {LONGEST_START} it is so that {condition}")
    least = shortest

    @cache
    def at_most(length: int) -> int:
        return next((found for found in range(length, least, -1) if fits(found)), least)

    return at_most


def _shortest(at_most: Callable[[int], int]) -> int:
    return at_most(0)


def _named(machine: Automaton, numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(machine.alphabet[number] for number in numbers)


def _not_accepted(machine: Automaton, string: tuple[str, ...]) -> ArgumentError:
    return ArgumentError(f"input: expected a string that the machine accepts, and {machine.text(string)!r} it does not")


def _level(machine: Automaton) -> Level:
    if machine.kind == "pda":
        return "deterministic context-free" if machine.is_deterministic else "context-free"
    return _LEVELS[machine.kind]


_NOTES = "Where there is no fitting string of the length that is asked for, the next shorter length is taken at which there is."

KINDS: dict[str, Callable[..., Task]] = {
    "recognition": recognition,
    "next-symbol": next_symbol,
    "next-symbols": next_symbols,
    "transduction": transduction,
}
"""The tasks that every machine makes, by their names."""


@checked
def machine_task(kind: str, rules: str) -> Task:
    """A task of a machine by name.

    Args:
        kind: one of `KINDS`.
        rules: the name of a machine of the library, or the path of a rule file.

    Raises:
        ArgumentError: there is no such kind or machine.
        MachineError: the rule file cannot be used.

    Example:
        >>> machine_task("recognition", "dyck2").name
        'recognition:dyck2'
    """
    if kind not in KINDS:
        raise ArgumentError(f"kind: got {kind!r}, expected one of {', '.join(KINDS)}")
    name = f"{kind}:{rules}"
    if Path(rules).is_file():
        machine = any_machine_in(rules)
    elif rules in library.names():
        machine = library.load(rules)
    elif rules in library.names(CellularAutomaton):
        machine = library.load(rules, CellularAutomaton)
    else:
        known = [*library.names(), *library.names(CellularAutomaton)]
        raise ArgumentError(
            f"rules: there is no file {rules!r}, and no machine of that name in the library, which has {', '.join(known)}"
        )
    if isinstance(machine, CellularAutomaton):
        if kind != "transduction":
            raise ArgumentError(
                f"rules: {rules} is a cellular automaton, which accepts nothing; expected transduction:{rules}"
            )
        return cell_transduction(machine, name=name)
    return KINDS[kind](machine, name=name)
