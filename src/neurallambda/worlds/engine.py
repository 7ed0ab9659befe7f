"""The engine of uncertain programs."""

from collections.abc import Sequence

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError, check_count, check_integers
from neurallambda.html import table
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.worlds.compile import compile_programs
from neurallambda.worlds.program import WorldsProgram
from neurallambda.worlds.state import Settings
from neurallambda.worlds.words import WIDEST


@checked_methods("__init__", "compile")
class Worlds:
    """Runs programs with uncertain data exactly: in every way that they can go, each with its weight.

    A hole `?a` is one random variable, however often it is used; `(sample ?a)` is a fresh draw, `(flip 3 10)` a coin, and
    `(observe c)` rules out what is not so. Alternatives that have become equal go on as one, so time goes by how many
    different states a program can be in, not by how many ways lead there.

    Args:
        integers: the declared range; leaving it is `overflow`.
        max_steps: how many instructions a world may take; more is `out-of-steps`, with the weight of the world.
        max_worlds: how many worlds of one row may be at the same place; more is `out-of-memory`.
        max_words: how many words of 8 bytes all lists, functions and calls that wait may take, in all worlds of all rows:
            8 gigabytes unless told otherwise. Worlds that have filled half of that end in `out-of-memory`, then those that
            fill half of the rest, so that one row leaves room for others.
        merging: whether worlds that have become equal go on as one. Without it results are the same, and time is not.
        keep: how many worlds of a row may go on together: the heaviest. None: all, and results are exact. Otherwise what was
            left out is told, as `lost`.
        least: worlds with less probability than this do not go on; 0: all do.

    Example:
        >>> worlds = Worlds()
        >>> program = worlds.compile("(let [a (flip 1 2) b (flip 1 2)] (if (observe (or a b)) (and a b) false))")
        >>> program.infer().probability(True)
        tensor([0.3333], dtype=torch.float64)
    """

    def __init__(
        self,
        *,
        integers: range = WIDEST,
        max_steps: int = 1_000_000,
        max_worlds: int = 1_000_000,
        max_words: int = 1 << 30,
        merging: bool = True,
        keep: int | None = None,
        least: float = 0.0,
    ) -> None:
        check_integers(integers)
        check_count("max_steps", max_steps)
        check_count("max_worlds", max_worlds)
        check_count("max_words", max_words)
        if integers[0] < WIDEST[0] or integers[-1] > WIDEST[-1]:
            raise ArgumentError(f"integers: got {integers}; expected a range within {WIDEST}")
        if keep is not None:
            check_count("keep", keep)
        if not 0 <= least < 1:
            raise ArgumentError(f"least: got {least!r}, expected a probability of at least 0 and less than 1")
        self.settings = Settings(integers, max_steps, max_worlds, merging, keep, float(least), max_words=max_words)

    def __repr__(self) -> str:
        settings = self.settings
        return f"Worlds(integers={settings.integers}, max_steps={settings.max_steps}, max_worlds={settings.max_worlds})"

    def _repr_html_(self) -> str:
        """What a notebook shows: what programs may use."""
        settings = self.settings
        integers = settings.integers
        rows = [
            ("integers", f"{integers[0]:,} to {integers[-1]:,}"),
            ("instructions of a world", f"{settings.max_steps:,}"),
            ("worlds at one place", f"{settings.max_worlds:,}"),
            ("worlds kept", "all" if settings.keep is None else f"the {settings.keep:,} heaviest"),
        ]
        return table(("worlds", ""), rows)

    def compile(self, source: str | Program | Sequence[str | Program]) -> WorldsProgram:
        """Compile a program, or several that run side by side.

        Args:
            source: program text, or a parsed program; or a list of such, of which each row of a batch then runs one.

        Raises:
            ArgumentError: where the list is empty.
            SourceError: where the text is not a program.
            ProgramError: `unbound`, where a name has no definition or a value's definition needs that value.
        """
        sources = [source] if isinstance(source, (str, Program)) else list(source)
        if not sources:
            raise ArgumentError("source: got an empty list, expected at least one program")
        programs = tuple(parse(one) if isinstance(one, str) else one for one in sources)
        return WorldsProgram(compile_programs(programs, self.settings.integers), programs, self.settings)
