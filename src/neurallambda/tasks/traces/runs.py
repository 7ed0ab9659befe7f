"""Runs that are driven from outside: at each step someone is told what is seen, and says what is done."""

from typing import Protocol, runtime_checkable

from neurallambda.automata import FSM, Automaton, TuringMachine
from neurallambda.automata.rules.memory import Memory
from neurallambda.automata.rules.vocabulary import INITIAL, REJECT
from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.lang import lower, parse, to_text
from neurallambda.lang.terms import Program
from neurallambda.lang.values import to_term
from neurallambda.tasks.lisp.programs import tokens
from neurallambda.tasks.traces.lisp_machine import NOTHING, RULES, LispMachine
from neurallambda.tasks.traces.machines import NOTHING as BLANK
from neurallambda.tasks.traces.machines import has_outputs, operations_of
from neurallambda.tasks.traces.programs import frame_name, kind_name, place_name, value_of

Situation = tuple[str, ...]
"""What a step is decided by: the state, and what each channel shows."""


@runtime_checkable
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


REJECTED = ("rejected",)
"""The answer of a run that has come to `REJECT`."""


class TapeRun:
    """The tapes of a Turing machine, whose rules play no part: what is done is said from outside.

    Args:
        machine: how many tapes there are, and in which states a run is over.
        string: what stands on the first tape.

    Raises:
        ArgumentError: the machine has other memories than tapes.
    """

    def __init__(self, machine: TuringMachine, string: str) -> None:
        if machine.stacks or machine.queues or not machine.tapes:
            raise ArgumentError(f"machine: got a {machine.kind} without tapes, expected one with tapes only")
        self._admits = machine.acceptance.admits
        self._tapes: list[dict[int, str]] = [{} for _ in range(machine.tapes)]
        self._tapes[0] = dict(enumerate(machine.tokens(string)))
        self._heads = [0] * machine.tapes
        self._state = INITIAL

    @property
    def is_over(self) -> bool:
        return self._state == REJECT or self._admits(self._state)

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
        if self._state == REJECT:
            return REJECTED
        last = self._tapes[-1]
        return tuple(last.get(place, BLANK) for place in range(min(last, default=0), max(last, default=-1) + 1))


class StreamRun:
    """A string that is read once, and memories beside it: what is done, and when the next symbol is read, is said from outside.

    Args:
        machine: which memories there are, what is written in its states, and where a run is over; its rules play no part.
        string: what is read.

    Raises:
        ArgumentError: the machine has tapes.
    """

    def __init__(self, machine: Automaton, string: str) -> None:
        if machine.reads_from_tape:
            raise ArgumentError("machine: got one with tapes, expected one that reads its string once")
        self._machine, self._tokens, self._writes = machine, machine.tokens(string), has_outputs(machine)
        self._state, self._position, self._output = INITIAL, 0, list[str]()
        self._memories: tuple[Memory, ...] = tuple(kind.empty for kind in machine.memories)
        self._by_state = dict(machine.outputs) if isinstance(machine, FSM) else {}
        self._write(self._by_state.get(INITIAL, BLANK))

    @property
    def is_over(self) -> bool:
        acceptance = self._machine.acceptance
        return self._state == REJECT or (
            self._position == len(self._tokens)
            and acceptance.admits(self._state)
            and not (acceptance.empty_memory and any(self._memories))
        )

    def situation(self) -> Situation:
        following = self._tokens[self._position] if self._position < len(self._tokens) else BLANK
        shown = zip(self._machine.memories, self._memories, strict=True)
        return (self._state, following, *(kind.read(memory) or BLANK for kind, memory in shown))

    def act(self, actions: tuple[str, ...]) -> None:
        if len(actions) < 2 or actions[1] not in ("read", "stay"):
            raise ArgumentError(f"actions: got {' '.join(actions)!r}, expected read or stay as the second")
        state, reading = actions[:2]
        if reading == "read" and self._position == len(self._tokens):
            raise ArgumentError("actions: got read, and the string has no more symbols")
        try:
            operations = operations_of(self._machine, actions)
        except ArgumentError as error:
            raise ArgumentError(f"actions: got {error}") from None
        done = zip(self._machine.memories, self._memories, operations, strict=True)
        self._memories = tuple(kind.apply(memory, operation) for kind, memory, operation in done)
        self._state, self._position = state, self._position + (reading == "read")
        self._write(actions[-1] if self._writes else self._by_state.get(state, BLANK))

    def answer(self) -> tuple[str, ...]:
        if self._state == REJECT:
            return REJECTED
        return tuple(self._output) if self._writes or self._by_state else ("accepted",)

    def _write(self, output: str) -> None:
        if output != BLANK:
            self._output.append(output)


class ProgramRun:
    """The registers of the Lisp machine, for a program called with arguments: which rule is applied is said from outside.

    Args:
        source: the program, as text or parsed.
        arguments: what it is called with, each as text.
    """

    def __init__(self, source: str | Program, arguments: tuple[str, ...]) -> None:
        program = parse(source) if isinstance(source, str) else source
        self._machine = LispMachine(lower(program), [value_of(argument) for argument in arguments])
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
