"""The strings of a pushdown automaton that may accept one of them by several runs."""

from random import Random

from neurallambda.automata.languages.chart import count_derivations
from neurallambda.automata.languages.derivations import Derivations
from neurallambda.automata.languages.heights import HeightGraph, is_unambiguous_at
from neurallambda.automata.languages.language import Census, Language, ScannedLanguage
from neurallambda.automata.languages.pda_productions import pda_forms
from neurallambda.automata.languages.productions import EndlessDerivationsError
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.runs.limits import Limits
from neurallambda.errors import ErrorKind, ProgramError

_MOST_REFUSALS = 10_000
_FEW_RUNS = 10_000


class AmbiguousLanguage(Language):
    """The language of a pushdown automaton that may accept a string by several runs.

    Runs are counted exactly at any length unless some string has endlessly many (`runs` is then None). Strings are one
    for one with runs at the lengths where the heights of the stack show that no string has two. Elsewhere they are
    listed from the runs where those are few, or else counted as far as the prefixes fit the limits. Beyond that a string
    is drawn as a uniform run, kept with probability one over the number of its runs: all strings are equally likely.
    """

    def __init__(self, machine: Machine, limits: Limits) -> None:
        self._machine = machine
        self._limits = limits
        self._forms = pda_forms(machine)
        try:
            self._runs = Derivations(self._forms)
        except EndlessDerivationsError as endless:
            self._runs, self._endless = None, endless
        self._strings = ScannedLanguage(machine, limits)
        self._unambiguous: dict[int, bool] = {}
        self._listed: dict[int, tuple[tuple[str, ...], ...]] = {}

    def census(self, length: int) -> Census:
        """The runs, and the strings where they are known."""
        runs = self._runs.count(length) if self._runs else None
        try:
            strings = self.count(length)
        except ProgramError:
            return Census(length=length, strings=None, runs=runs, ambiguous=self._seems_ambiguous(length) or None)
        return Census(length=length, strings=strings, runs=runs, ambiguous=runs is None or runs > strings)

    def _runs_are_strings(self, length: int) -> Derivations | None:
        """The derivations, if at this length no string has two."""
        if self._runs is not None and length not in self._unambiguous:
            self._unambiguous[length] = not self._machine.grows_silently and is_unambiguous_at(
                HeightGraph(self._machine, length, self._limits), self._limits
            )
        return self._runs if self._unambiguous.get(length) else None

    def _strings_of_runs(self, length: int) -> tuple[tuple[str, ...], ...] | None:
        """The distinct strings, sorted, if the runs are few."""
        if length not in self._listed and self._runs is not None and self._runs.count(length) <= _FEW_RUNS:
            runs = self._runs
            self._listed[length] = tuple(sorted({runs.unrank(length, rank) for rank in range(runs.count(length))}))
        return self._listed.get(length)

    def _seems_ambiguous(self, length: int) -> bool:
        """Has some run of a few drawn at random a string with more runs? Endlessly many are more too."""
        if self._runs is None:
            return True
        random, total = Random(0), self._runs.count(length)
        drawn = (self._runs.unrank(length, random.randrange(total)) for _ in range(20))
        return any(count_derivations(self._forms, string) > 1 for string in drawn)

    def count(self, length: int) -> int:
        """The number of accepted strings."""
        if runs := self._runs_are_strings(length):
            return runs.count(length)
        listed = self._strings_of_runs(length)
        return len(listed) if listed is not None else self._strings.count(length)

    def unrank(self, length: int, rank: int) -> tuple[str, ...]:
        """String number `rank`, in the order of the runs where they are one for one, else in a sorted one."""
        if runs := self._runs_are_strings(length):
            return runs.unrank(length, rank)
        listed = self._strings_of_runs(length)
        return listed[rank] if listed is not None else self._strings.unrank(length, rank)

    def draw(self, length: int, random: Random) -> tuple[str, ...]:
        """A string, all equally likely."""
        try:
            return self.unrank(length, random.randrange(self.count(length)))
        except ProgramError:
            return self._draw_by_runs(length, random)

    def is_uniform(self, length: int) -> bool:
        """Always."""
        return length >= 0

    def _draw_by_runs(self, length: int, random: Random) -> tuple[str, ...]:
        if self._runs is None:
            raise self._endless
        total = self._runs.count(length)
        for _ in range(_MOST_REFUSALS):
            string = self._runs.unrank(length, random.randrange(total))
            if random.randrange(count_derivations(self._forms, string)) == 0:
                return string
        raise ProgramError(
            ErrorKind.OUT_OF_STEPS,
            f"the machine is too ambiguous at length {length}: of {_MOST_REFUSALS} runs none was kept. Draw runs instead",
        )
