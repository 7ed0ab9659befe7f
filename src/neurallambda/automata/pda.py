"""Pushdown automata: one stack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.languages.ambiguous_language import AmbiguousLanguage
from neurallambda.automata.languages.chart import count_derivations, derives
from neurallambda.automata.languages.language import Language, UnambiguousLanguage
from neurallambda.automata.languages.pda_productions import pda_forms
from neurallambda.automata.languages.productions import Forms
from neurallambda.automata.rules.memory import STACK, MemoryKind
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, UNDECIDED, Limits, Outcome

_BEFORE_THE_CHART = 3000


@checked_methods("decide", "count_runs")
@checked
@dataclass(frozen=True, kw_only=True)
class PDA(Automaton):
    """A pushdown automaton; each rule sees the top of the stack and pushes, pops or leaves it.

    Example:
        >>> from neurallambda.automata.library import load
        >>> machine = load("anbn")
        >>> machine.accepts("aabb"), machine.accepts("aab"), machine.count(4), machine.sample(6, seed=1)
        (True, False, 1, 'aaabbb')
    """

    kind: ClassVar[str] = "pda"

    @property
    def memories(self) -> tuple[MemoryKind, ...]:
        """One stack."""
        return (STACK,)

    @cached_property
    def _forms(self) -> Forms:
        return pda_forms(self)

    def new_language(self, limits: Limits) -> Language:
        """The accepted strings; runs are counted exactly, and so are strings where no string has two."""
        return UnambiguousLanguage(self) if self.is_unambiguous else AmbiguousLanguage(self, limits)

    def decide(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Outcome:
        """What becomes of a string. Always decided: past the limits of exploring its runs, by a chart.

        The chart takes time cubic in the length and tells accepted from rejected; which of the rejected loop, only
        exploring tells. Where silent steps may pile up symbols without end, exploring stops early.
        """
        if self.grows_silently:
            limits = replace(limits, configurations=min(limits.configurations, _BEFORE_THE_CHART))
        outcome = super().decide(string, limits=limits)
        if outcome not in UNDECIDED:
            return outcome
        body = self._body(string)
        return Outcome.ACCEPTED if body is not None and derives(self._forms, body) else Outcome.REJECTED

    def count_runs(self, string: str | Sequence[str]) -> int:
        """How many runs accept a string: more than one where the machine is ambiguous.

        Raises:
            EndlessDerivationsError: the machine can go round in circles without reading, on some accepted string.
        """
        body = self._body(string)
        return count_derivations(self._forms, body) if body is not None else 0

    def _body(self, string: str | Sequence[str]) -> tuple[str, ...] | None:
        """The symbols between the markers, or None where they are not those of a string of this machine."""
        tokens = self.tokens(string)
        if self.legible(tokens) < len(tokens):
            return None
        return tokens[1:-1] if self.is_framed else tokens
