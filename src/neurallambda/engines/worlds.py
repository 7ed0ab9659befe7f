"""Worlds as an engine: exact for uncertain programs; certain ones are for plain Python."""

from typing import TYPE_CHECKING

from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.fillings import check_names
from neurallambda.lang.given_values import parts_of
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.random_forms import draws
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.worlds import Found, Worlds

LEAST = 0.0005
"""What is less likely is left out where ends are told."""


class WorldsEngine(ProgramEngine):
    """Runs programs in every way they can go.

    A program in which nothing is drawn can go one way only, and one such program by itself is faster in plain Python.
    """

    name = Engine.WORLDS
    limited = ("integers", "max_steps", "max_worlds")
    most_integers = 2**32

    def worlds(self) -> "Worlds":
        """The engine room that these limits describe."""
        from neurallambda.worlds import Worlds

        limits = self.limits
        return Worlds(integers=limits.integers, max_steps=self.max_steps, max_worlds=limits.max_worlds)

    def check(self, holes: Holes | None) -> Holes:
        """What stands for holes: all that `WorldsProgram.infer` takes, lists too, and logits over the declared integers.

        Raises:
            ArgumentError: naming the hole that is filled with something else.
        """
        from torch import Tensor

        from neurallambda.holes import fillings
        from neurallambda.worlds.given import check

        def general(name: str, filling: object) -> object:
            if isinstance(filling, Tensor) and filling.is_floating_point():
                return fillings({name: filling}, self.limits.integers)[name]
            return filling

        return check({name: general(name, filling) for name, filling in check_names(holes).items()})

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; its end is its likeliest. See `ProgramEngine.run`."""
        return self.run_soft(program, holes=holes)[0]

    def run_soft(
        self, program: str | Program, *, holes: Holes | None = None
    ) -> tuple[Outcome, list[tuple[float, str]]]:
        """Run one program and say how else it may end; see `ProgramEngine.run_soft`."""
        parsed = parse(program) if isinstance(program, str) else program
        given = self.check(holes)
        if all(isinstance(part, (int, str)) for one in given.values() for part in parts_of(one)) and not draws(parsed):
            return evaluate(parsed, holes=given, integers=self.limits.integers, max_steps=self.max_steps), []
        try:
            found = self.worlds().compile(parsed).infer(given, batch=1)
        except ProgramError as error:
            return ended(error), []
        return likeliest_end(found), ends(found)


def likeliest_end(found: "Found", row: int = 0) -> Outcome:
    """The likeliest end of a row; where it is impossible, that."""
    distribution = found.distribution()[row]
    steps = found.run.instructions
    if not distribution or isinstance(distribution[0][0], ErrorKind):
        error = found.error(row, distribution[0][0] if distribution else None)  # pyright: ignore[reportArgumentType]
        assert error is not None
        error.steps = steps
        return Outcome.of(error)
    return Outcome(term=distribution[0][0], steps=steps)


def ends(found: "Found", row: int = 0) -> list[tuple[float, str]]:
    """All ends of a row that are not too unlikely, each with its probability and as text, the likeliest first."""
    return [
        (float(chance), f"error {end}" if isinstance(end, ErrorKind) else to_text(end))
        for end, chance in found.distribution()[row]
        if chance >= LEAST
    ]
