"""The task to write what a machine writes."""

from collections.abc import Callable
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata import FSM, Automaton, TuringMachine
from neurallambda.automata.rules.vocabulary import EPSILON
from neurallambda.errors import ArgumentError
from neurallambda.tasks.machines.strings import (
    NOTES,
    accepted_string,
    fitting,
    level_of,
    named,
    not_accepted,
    one_by_one,
    shortest_of,
    some_accepted,
)
from neurallambda.tasks.task import Task

MOST_DRAWN = 100
"""How many strings are drawn for a row before it is said that what a Turing machine writes is too long."""
END = "end"


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
            raise not_accepted(machine, string)
        steps = [step for step in found.steps if step.rule is not None]
        steps = steps[1:-1] if machine.is_framed else steps
        outputs = [step.rule.output if step.rule else None for step in steps]
        if machine.outputs:
            outputs = [by_state.get(step.configuration.state) for step in steps]
        return [answers.index("nothing" if output is None else output) for output in outputs]

    at_most = fitting(lambda length: some_accepted(machine, length), "a string is accepted")
    return _answered(machine, name, at_most, "what is written at each symbol by", answers, answer, "along")


def _computation(machine: TuringMachine, name: str) -> Task:
    """What stands on the last tape in the end."""
    symbols = dict.fromkeys(symbol for tape in machine.memory_symbols for symbol in tape)
    answers = (*symbols, "_", END)

    def answer(string: tuple[str, ...]) -> list[int]:
        try:
            text = machine.compute(string, tape=machine.tapes - 1)
        except ArgumentError:
            raise not_accepted(machine, string) from None
        cells = text.split(machine.separator) if machine.separator else list(text)
        return [*map(answers.index, cells), len(answers) - 1]

    at_most = fitting(lambda length: some_accepted(machine, length), "a string is accepted")
    return _answered(machine, name, at_most, "what stands on the last tape in the end of", answers, answer, "after")


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
            string = accepted_string(machine, at_most(length), random)
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
        level=level_of(machine),
        symbols=machine.alphabet,
        answers=answers,
        draw=one_by_one(machine.alphabet, one),
        reference=lambda string: answer(named(machine, string)),
        answer_length=_room if reads == "after" else lambda length: length,
        reads="after" if reads == "after" else "along",
        shortest=shortest_of(at_most),
        notes=NOTES,
    )


def _room(length: int) -> int:
    """How long what a Turing machine writes may be: one symbol more than its string, and `end`."""
    return length + 2
