"""The strings that a machine accepts, as something to count and to draw from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random

from neurallambda.automata.languages.derivations import Derivations
from neurallambda.automata.languages.pda_productions import pda_forms
from neurallambda.automata.languages.prefix_language import PrefixLanguage
from neurallambda.automata.languages.search import search
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.runs.front import Fronts
from neurallambda.automata.runs.limits import Limits
from neurallambda.errors import ErrorKind, ProgramError


@dataclass(frozen=True, kw_only=True)
class Census:
    """How many strings of one length are accepted, and by how many runs.

    Attributes:
        length: the length, without markers.
        strings: the number of accepted strings, or None where the limits do not reach that far.
        runs: the number of accepting runs over all strings; None for machines whose runs are not counted.
        ambiguous: does some string of this length have several runs? None where that is not known.
        estimate: where `strings` is None, an estimate of it from a bounded search.
    """

    length: int
    strings: int | None
    runs: int | None = None
    ambiguous: bool | None = None
    estimate: float | None = None


class Language(ABC):
    """Counts, numbers and draws accepted strings; strings are tuples of symbols without markers."""

    @abstractmethod
    def census(self, length: int) -> Census:
        """What is known of one length."""

    @abstractmethod
    def count(self, length: int) -> int:
        """The number of accepted strings. Raises ProgramError where the limits do not reach that far."""

    @abstractmethod
    def unrank(self, length: int, rank: int) -> tuple[str, ...]:
        """String number `rank` of this length. Raises ProgramError where `count` does."""

    @abstractmethod
    def draw(self, length: int, random: Random) -> tuple[str, ...]:
        """A string of this length, of which there must be one."""

    @abstractmethod
    def is_uniform(self, length: int) -> bool:
        """Does `draw` give every string of this length with exactly the same probability?"""

    def is_empty(self, length: int) -> bool:
        """Is it certain that no string of this length is accepted?"""
        try:
            return self.count(length) == 0
        except ProgramError:
            return False


class UnambiguousLanguage(Language):
    """The language of a pushdown automaton whose runs and strings are one for one: counted and drawn as runs."""

    def __init__(self, machine: Machine) -> None:
        self._derivations = Derivations(pda_forms(machine))

    def census(self, length: int) -> Census:
        """Exact; no string has two runs."""
        count = self.count(length)
        return Census(length=length, strings=count, runs=count, ambiguous=False)

    def count(self, length: int) -> int:
        """The number of accepted strings."""
        return self._derivations.count(length)

    def unrank(self, length: int, rank: int) -> tuple[str, ...]:
        """String number `rank`, in the order of the runs."""
        return self._derivations.unrank(length, rank)

    def draw(self, length: int, random: Random) -> tuple[str, ...]:
        """A string, all equally likely."""
        return self._derivations.unrank(length, random.randrange(self._derivations.count(length)))

    def is_uniform(self, length: int) -> bool:
        """Always."""
        return length >= 0


class ScannedLanguage(Language):
    """The language of any machine by its prefixes: strings are counted once however many runs they have.

    Past the limits, `draw` takes what a bounded search finds, by its weights: close to uniform, not exactly.
    """

    def __init__(self, machine: Machine, limits: Limits) -> None:
        self._machine = machine
        self._limits = limits
        self._counted: dict[int, PrefixLanguage | ProgramError] = {}
        self._failure: tuple[int, ProgramError] | None = None
        self._found: dict[int, tuple[list[tuple[str, ...]], list[int]]] = {}

    def census(self, length: int) -> Census:
        """Exact where the limits allow it, an estimate otherwise."""
        try:
            return Census(length=length, strings=self.count(length))
        except ProgramError:
            found = search(self._machine, length, size=1000, limits=self._limits)
            return Census(length=length, strings=0 if found.complete else None, estimate=found.estimate)

    def count(self, length: int) -> int:
        """The number of accepted strings."""
        return self.prefixes(length).count

    def prefixes(self, length: int) -> PrefixLanguage:
        """The strings of one length, numbered.

        Where a shorter length went past the limits a longer one is not tried, unless it plainly has no string.

        Raises:
            ProgramError: the limits do not reach that far.
        """
        found = self._counted.get(length)
        if found is None:
            found = self._counted[length] = self._scan(length)
        if isinstance(found, ProgramError):
            raise found
        return found

    def _scan(self, length: int) -> PrefixLanguage | ProgramError:
        machine, limits = self._machine, self._limits
        try:
            if self._failure and length > self._failure[0] and Fronts(machine, length, limits).start():
                return self._failure[1]
            return PrefixLanguage(machine, length, limits)
        except ProgramError as error:
            if self._failure is None or length < self._failure[0]:
                self._failure = length, error
            return error

    def unrank(self, length: int, rank: int) -> tuple[str, ...]:
        """String number `rank`, in the order of the alphabet."""
        return self.prefixes(length).unrank(rank)

    def draw(self, length: int, random: Random) -> tuple[str, ...]:
        """A string, all equally likely where `count` works, and otherwise nearly so."""
        try:
            count = self.count(length)
        except ProgramError:
            return self._search(length, random)
        return self.prefixes(length).unrank(random.randrange(count))

    def is_uniform(self, length: int) -> bool:
        """Where `count` works."""
        try:
            self.count(length)
        except ProgramError:
            return False
        return True

    def _search(self, length: int, random: Random) -> tuple[str, ...]:
        if length not in self._found:
            found = search(self._machine, length, size=1000, seed=random.randrange(2**32), limits=self._limits).found
            self._found[length] = [one.string for one in found], [one.weight for one in found]
        strings, weights = self._found[length]
        if not strings:
            raise ProgramError(
                ErrorKind.OUT_OF_MEMORY, f"no accepted string of length {length} was found within the limits"
            )
        return random.choices(strings, weights)[0]
