"""Finite-state machines: acceptors, and Mealy and Moore machines that also write."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.languages.language import Language, ScannedLanguage
from neurallambda.automata.rules.memory import MemoryKind
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.runs.limits import Limits
from neurallambda.automata.runs.run import run
from neurallambda.errors import ArgumentError


@checked_methods("transduce")
@checked
@dataclass(frozen=True, kw_only=True)
class FSM(Automaton):
    """A finite-state machine; its rules have no memory.

    Where rules have an `output` it is a Mealy machine, where `outputs` names one for its states a Moore machine.

    Attributes:
        outputs: pairs of a state and what a Moore machine writes on being in it.

    Raises:
        MachineError: a rule cannot be, both kinds of outputs are given, or an output is for a state that is in no rule.

    Example:
        >>> from neurallambda.automata import FSM, Acceptance, Rule
        >>> even = FSM(
        ...     symbols=("a",),
        ...     rules=(Rule("a", "INITIAL", (), "ODD", ()), Rule("a", "ODD", (), "INITIAL", ())),
        ...     acceptance=Acceptance(states=("INITIAL",)),
        ... )
        >>> even.accepts("aa"), even.count(3)
        (True, 0)
    """

    kind: ClassVar[str] = "fsm"
    outputs: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.outputs and any(rule.output is not None for rule in self.rules):
            raise MachineError(
                "both states and rules have outputs; a Moore machine has outputs for states only, a Mealy machine for rules",
                place="outputs",
            )
        for state, _ in self.outputs:
            if state not in self.states:
                raise MachineError(f"{state!r} is in no rule; the rules have {', '.join(self.states)}", place="outputs")

    @property
    def memories(self) -> tuple[MemoryKind, ...]:
        """None."""
        return ()

    @cached_property
    def style(self) -> str:
        """What it is: `acceptor`, `mealy` or `moore`."""
        if self.outputs:
            return "moore"
        return "mealy" if any(rule.output is not None for rule in self.rules) else "acceptor"

    def new_language(self, limits: Limits) -> Language:
        """The accepted strings; counting them is exact at any length."""
        return ScannedLanguage(self, limits)

    def transduce(self, string: str | Sequence[str]) -> tuple[str, ...]:
        """What a Mealy or Moore machine writes while it reads an accepted string, along the shortest run.

        Args:
            string: text or a sequence of symbols.

        Returns:
            The outputs in order. A Moore machine writes in its first state too; steps and states without one write nothing.

        Raises:
            ArgumentError: the machine writes nothing, or does not accept the string.
        """
        if self.style == "acceptor":
            raise ArgumentError("this machine has no outputs: give its rules an output (Mealy), or its states (Moore)")
        found = run(self, string)
        if not found.accepted:
            raise ArgumentError(f"the machine does not accept {self.text(self.tokens(string))!r}: {found.outcome}")
        if self.outputs:
            by_state = dict(self.outputs)
            written = [by_state.get(step.configuration.state) for step in found.steps]
        else:
            written = [step.rule.output for step in found.steps if step.rule]
        return tuple(output for output in written if output is not None)
