"""What every machine can do: decide, run, count, list and draw."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from random import Random

from neurallambda.arguments import checked_methods
from neurallambda.automata.languages.language import Census, Language
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.runs.exploration import explore
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, UNDECIDED, Limits, Outcome, undecided
from neurallambda.automata.runs.run import Run, Step, accepting_runs, run
from neurallambda.automata.runs.verdict import FastVerdict
from neurallambda.errors import ArgumentError, check_count


@checked_methods("language", "decide", "accepts", "run", "runs", "count", "census", "enumerate", "sample", "samples")
class Automaton(Machine):
    """A machine with its verbs. Abstract; the machines to build are `FSM`, `PDA`, `QueueAutomaton`, `TuringMachine`.

    Strings come as text or as sequences of symbols, and go out as text. Lengths count symbols, without the markers of
    a framed machine.
    """

    @abstractmethod
    def new_language(self, limits: Limits) -> Language:
        """The accepted strings, to count and draw from, with nothing counted yet."""

    def language(self, limits: Limits = DEFAULT_LIMITS) -> Language:
        """The accepted strings, to count and draw from; what has been counted is remembered for the same limits."""
        if limits not in self._languages:
            self._languages[limits] = self.new_language(limits)
        return self._languages[limits]

    @cached_property
    def _languages(self) -> dict[Limits, Language]:
        return {}

    @cached_property
    def _fast(self) -> FastVerdict | None:
        return FastVerdict(self) if FastVerdict.fits(self) else None

    def decide(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Outcome:
        """What becomes of a string: one of the named outcomes.

        Args:
            string: text or a sequence of symbols.
            limits: how far to go.

        Returns:
            The outcome; two of them say that the limits were met.
        """
        tokens = self.tokens(string)
        if self._fast is not None:
            return self._fast(tokens, limits)
        return explore(self, tokens, limits=limits).outcome

    def accepts(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> bool:
        """Is the string in the machine's language?

        Args:
            string: text or a sequence of symbols.
            limits: how far to go.

        Raises:
            ProgramError: the limits were met before the answer was known.
        """
        outcome = self.decide(string, limits=limits)
        if outcome in UNDECIDED:
            raise undecided(outcome, f"deciding {self.text(self.tokens(string))!r}")
        return outcome is Outcome.ACCEPTED

    def run(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Run:
        """Run on a string, keeping every configuration: see `neurallambda.automata.runs.run.run`."""
        return run(self, string, limits=limits)

    def runs(self, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[Step, ...]]:
        """All accepting runs on a string: see `neurallambda.automata.runs.run.accepting_runs`."""
        return accepting_runs(self, string, limits=limits)

    def count(self, n: int) -> int:
        """How many strings of length `n` are accepted, exactly.

        Raises:
            ProgramError: the default limits do not reach that far; `census` says what is known.
        """
        return self.language().count(_length(n))

    def census(self, n: int) -> Census:
        """What is known of length `n`: strings, runs, ambiguity, or an estimate."""
        return self.language().census(_length(n))

    def enumerate(self, n: int) -> Iterator[str]:
        """All accepted strings of length `n`, each once.

        Pushdown automata that are unambiguous list them in the order of their runs, others in that of the alphabet.
        """
        for rank in range(self.count(n)):
            yield self.text(self.language().unrank(n, rank))

    def sample(self, n: int, seed: int = 0) -> str:
        """One accepted string of length `n`, all equally likely.

        Queue automata and Turing machines draw from a bounded search, with its weights, where counting would pass the
        default limits: close to uniform, not exactly.

        Raises:
            ArgumentError: no string of that length is accepted.
        """
        return self.samples(n, 1, seed=seed)[0]

    def samples(self, n: int, size: int, *, seed: int = 0) -> list[str]:
        """`size` accepted strings of length `n`, drawn independently, so the same one may come twice.

        Args:
            n: the length.
            size: how many.
            seed: the seed.

        Raises:
            ArgumentError: no string of that length is accepted, or a number is no number of strings or symbols.
        """
        check_count("size", size, least=0)
        language, random = self.language(), Random(seed)
        if language.is_empty(_length(n)):
            raise ArgumentError(f"no string of length {n} is accepted, so none can be drawn; see count({n})")
        return [self.text(language.draw(n, random)) for _ in range(size)]


def _length(n: int) -> int:
    check_count("n", n, least=0)
    return n
