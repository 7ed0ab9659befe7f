"""Runs that are driven from outside: at each step someone is told what is seen, and says what is done."""

from typing import Protocol

from neurallambda.automata import TuringMachine
from neurallambda.automata.rules.vocabulary import INITIAL
from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.lang import lower, parse, to_text
from neurallambda.lang.values import to_term
from neurallambda.tasks.lisp.programs import tokens
from neurallambda.tasks.traces.lisp_machine import NOTHING, RULES, LispMachine
from neurallambda.tasks.traces.machines import NOTHING as BLANK
from neurallambda.tasks.traces.programs import frame_name, kind_name, place_name, value_of

Situation = tuple[str, ...]
"""What a step is decided by: the state, and what each channel shows."""


class Run(Protocol):
    """A run that waits to be told what to do."""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        ...

    def situation(self) -> Situation:
        """The state, and what is seen."""
        ...

    def act(self, actions: tuple[str, ...]) -> None:
        """Do something.

        Raises:
            ArgumentError: it cannot be done here.
        """
        ...

    def answer(self) -> tuple[str, ...]:
        """What the run has come to."""
        ...


class TapeRun:
    """The tapes of a Turing machine, whose rules play no part: what is done is said from outside.

    Args:
        machine: how many tapes there are, and in which states a run is over.
        string: what stands on the first tape.
    """

    def __init__(self, machine: TuringMachine, string: str) -> None:
        if machine.stacks or machine.queues or not machine.tapes:
            raise ArgumentError("machine: expected one with tapes only")
        self._ends = machine.acceptance.states
        self._tapes: list[dict[int, str]] = [{} for _ in range(machine.tapes)]
        self._tapes[0] = dict(enumerate(machine.tokens(string)))
        self._heads = [0] * machine.tapes
        self._state = INITIAL

    @property
    def is_over(self) -> bool:
        return self._state in self._ends

    def situation(self) -> Situation:
        seen = (tape.get(head, BLANK) for tape, head in zip(self._tapes, self._heads, strict=True))
        return (self._state, *seen)

    def act(self, actions: tuple[str, ...]) -> None:
        state, *operations = actions
        if len(operations) != len(self._tapes):
            raise ArgumentError(f"actions: got {len(operations)} operations, expected {len(self._tapes)}")
        moves = {"L": -1, "S": 0, "R": 1}
        for number, operation in enumerate(operations):
            verb, _, symbol = operation.partition(" ")
            if verb not in moves:
                raise ArgumentError(f"actions: got {operation!r}, expected L, S or R and a symbol, as in 'L KEEP'")
            if symbol == BLANK:
                self._tapes[number].pop(self._heads[number], None)
            elif symbol != "KEEP":
                self._tapes[number][self._heads[number]] = symbol
            self._heads[number] += moves[verb]
        self._state = state

    def answer(self) -> tuple[str, ...]:
        last = self._tapes[-1]
        return tuple(last.get(place, BLANK) for place in range(min(last, default=0), max(last, default=-1) + 1))


class ProgramRun:
    """The registers of the Lisp machine, for a program called with arguments: which rule is applied is said from outside.

    Args:
        source: the program.
        arguments: what it is called with, each as text.
    """

    def __init__(self, source: str, arguments: tuple[str, ...]) -> None:
        self._machine = LispMachine(lower(parse(source)), [value_of(argument) for argument in arguments])
        self._at = self._machine.start
        self.is_over = False

    def situation(self) -> Situation:
        at = self._at
        return (
            place_name(self._machine, at.control),
            frame_name(self._machine, at.frame),
            kind_name(self._machine.value(at)),
        )

    def act(self, actions: tuple[str, ...]) -> None:
        name = actions[0]
        if name not in RULES:
            raise ArgumentError(f"actions: got {name!r}, expected the name of a rule")
        try:
            self._at = self._machine.apply(RULES[name], self._at)
        except ProgramError as error:
            raise ArgumentError(f"actions: {error}") from None
        self.is_over = name == "halt"

    def answer(self) -> tuple[str, ...]:
        value = self._machine.value(self._at)
        return () if value is NOTHING else tuple(tokens(to_text(to_term(value))))
