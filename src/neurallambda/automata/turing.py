"""Turing machines: one tape, several tapes, or stacks and queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.languages.language import Language, ScannedLanguage
from neurallambda.automata.rules.memory import DEQUE, MOST_MEMORIES, STACK, TAPE, MemoryKind, Tape
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.vocabulary import EPSILON
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, UNDECIDED, Limits, undecided
from neurallambda.automata.runs.run import run
from neurallambda.errors import ArgumentError


@checked_methods("compute", "transduce")
@checked
@dataclass(frozen=True, kw_only=True)
class TuringMachine(Automaton):
    """A Turing machine.

    With `tapes`, the string is on the first tape, the head on its first symbol, and the other tapes are blank; a rule
    sees one cell of each tape. A run ends as soon as it accepts, whatever it has read. With `stacks` and `queues` (two stacks
    or one queue make it as powerful), the string is read once from left to right, as by a pushdown automaton, and a rule
    sees the top of each stack and the left end of each queue, the stacks first. Such rules may have an output each.

    Attributes:
        tapes: how many tapes; 0 with stacks or queues.
        stacks: how many stacks; 0 with tapes.
        queues: how many queues, which are deques; 0 with tapes.

    Raises:
        MachineError: both or neither are given, or a rule cannot be.

    Example:
        >>> from neurallambda.automata.library import load
        >>> load("binary_increment").compute("1011")
        '1100'
    """

    kind: ClassVar[str] = "tm"
    tapes: int = 1
    stacks: int = 0
    queues: int = 0

    def __post_init__(self) -> None:
        beside = self.stacks + self.queues
        if (
            (self.tapes > 0) == (beside > 0)
            or min(self.tapes, self.stacks, self.queues) < 0
            or not self.tapes + beside <= MOST_MEMORIES
        ):
            raise MachineError(
                f"a Turing machine has tapes or stacks and queues, 1 to {MOST_MEMORIES} of them; "
                f"got {self.tapes} tapes and {self.stacks} stacks"
                + (f" and {self.queues} queues" if self.queues else ""),
                place="stacks" if self.stacks else "queues" if self.queues else "tapes",
            )
        super().__post_init__()
        if self.tapes and self.acceptance.empty_memory:
            raise MachineError("a tape is never empty; accept by state only", place="acceptance.memory")
        for index, rule in enumerate(self.rules):
            if self.tapes and rule.output is not None:
                raise MachineError(
                    "a machine with tapes writes on them; only rules of one with stacks and queues have outputs",
                    place=f"rules[{index}][1]",
                )
            if self.tapes and rule.input != EPSILON:
                raise MachineError(
                    f"reads {rule.input!r} as input, but a machine with tapes reads from its tapes only",
                    place=f"rules[{index}][0]",
                )

    @property
    def memories(self) -> tuple[MemoryKind, ...]:
        """Its tapes, or its stacks and queues."""
        return (TAPE,) * self.tapes + (STACK,) * self.stacks + (DEQUE,) * self.queues

    @property
    def reads_from_tape(self) -> bool:
        """True with tapes."""
        return self.tapes > 0

    def new_language(self, limits: Limits) -> Language:
        """The accepted strings, as far as the limits reach."""
        return ScannedLanguage(self, limits)

    def transduce(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
        """What its rules write while it reads an accepted string, along the shortest run.

        Args:
            string: text or a sequence of symbols.
            limits: how far to go.

        Returns:
            The outputs in order; steps whose rule has none write nothing.

        Raises:
            ArgumentError: no rule has an output, or the machine does not accept the string.
            ProgramError: the limits were met.

        Example:
            >>> from neurallambda.automata import Acceptance, Operation, Rule
            >>> queue = (Operation("ENQR", "a"),)
            >>> last = TuringMachine(
            ...     symbols=("x",),
            ...     rules=(
            ...         Rule("x", "INITIAL", (None,), "INITIAL", queue, "first"),
            ...         Rule("x", "INITIAL", ("a",), "INITIAL", queue, "later"),
            ...     ),
            ...     acceptance=Acceptance(states=("INITIAL",)),
            ...     tapes=0,
            ...     queues=1,
            ... )
            >>> last.transduce("xxx")
            ('first', 'later', 'later')
        """
        if all(rule.output is None for rule in self.rules):
            raise ArgumentError("this machine has no outputs: give its rules some; machines with tapes have none")
        found = run(self, string, limits=limits)
        if found.outcome in UNDECIDED:
            raise undecided(found.outcome, f"running {self.text(found.tokens)!r}")
        if not found.accepted:
            raise ArgumentError(f"the machine does not accept {self.text(found.tokens)!r}: {found.outcome}")
        return tuple(step.rule.output for step in found.steps if step.rule and step.rule.output is not None)

    def compute(self, string: str | Sequence[str], *, tape: int = 0, limits: Limits = DEFAULT_LIMITS) -> str:
        """What stands on a tape when the machine has accepted, from the first to the last cell that is not blank.

        Args:
            string: the string to start from.
            tape: which tape to read, from 0.
            limits: how far to go.

        Returns:
            The cells as text, blanks between them as `_`.

        Raises:
            ArgumentError: there is no such tape, or the machine does not accept the string.
            ProgramError: the limits were met.
        """
        if not 0 <= tape < self.tapes:
            raise ArgumentError(f"tape is at least 0 and below {self.tapes}, the number of tapes; got {tape}")
        found = run(self, string, limits=limits)
        if found.outcome in UNDECIDED:
            raise undecided(found.outcome, f"running {self.text(found.tokens)!r}")
        if not found.accepted:
            raise ArgumentError(f"the machine does not accept {self.text(found.tokens)!r}: {found.outcome}")
        last = found.steps[-1].configuration
        content = last.memories[tape]
        assert isinstance(content, Tape)
        unread = found.tokens[last.position :] if tape == 0 else ()
        cells = [*content.left, *content.right, *unread]
        while cells and cells[-1] is None:
            cells.pop()
        while cells and cells[0] is None:
            cells.pop(0)
        return self.separator.join("_" if cell is None else cell for cell in cells)
