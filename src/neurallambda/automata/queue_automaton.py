"""Queue automata: one deque, read at its left end."""

from dataclasses import dataclass
from typing import ClassVar

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.languages.language import Language, ScannedLanguage
from neurallambda.automata.rules.memory import DEQUE, MemoryKind
from neurallambda.automata.runs.limits import Limits


@checked
@dataclass(frozen=True, kw_only=True)
class QueueAutomaton(Automaton):
    """A queue automaton; each rule sees the left end of a deque and may add or remove at either end.

    As powerful as a Turing machine, so counting and drawing are bounded searches: exact where they end within the limits.

    Example:
        >>> from neurallambda.automata.library import load
        >>> load("anbncn").accepts("aabbcc")
        True
    """

    kind: ClassVar[str] = "qa"

    @property
    def memories(self) -> tuple[MemoryKind, ...]:
        """One deque."""
        return (DEQUE,)

    def new_language(self, limits: Limits) -> Language:
        """The accepted strings, as far as the limits reach."""
        return ScannedLanguage(self, limits)
