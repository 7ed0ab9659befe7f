"""Every way in which an uncertain program may go, one after another: the judge of engines that treat them together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.cek import run
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.core import Node
from neurallambda.lang.draws import Draws, MissingDrawError, options
from neurallambda.lang.fillings import check_given
from neurallambda.lang.given_values import parts_of, rebuilt
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.random_forms import hole_names
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.lang.values import outcome_of


@dataclass(frozen=True)
class Possibility:
    """One way in which an uncertain program may go.

    Attributes:
        probability: how likely it is, before anything is observed; a fraction where all weights are.
        holes: what each hole is in it; those that the program has no `?name` of are left out.
        draws: what each sample and each coin gave, in order, each with the name of the hole it was from; None: a coin.
        outcome: how the program ends; `impossible`, where an observation rules this out.
    """

    probability: float | Fraction
    holes: Mapping[str, Any]
    draws: tuple[tuple[str | None, Any], ...]
    outcome: Outcome

    @property
    def is_ruled_out(self) -> bool:
        """Whether an observation is false here."""
        return self.outcome.error is ErrorKind.IMPOSSIBLE


@checked
def possibilities(
    source: str | Program,
    *,
    holes: Mapping[str, Any] | None = None,
    integers: range | None = None,
    max_steps: int | None = None,
    most: int = 100_000,
) -> Iterator[Possibility]:
    """Run a program once for every combination of what is uncertain.

    Args:
        source: program text, or a parsed program.
        holes: what each hole stands for: an atom, `Chances`, or a list of such.
        integers: the declared range; None: unbounded.
        max_steps: how many steps to allow each run.
        most: how many runs to allow.

    Raises:
        SourceError: where the text is not a program, or a hole is not filled.
        ArgumentError: where there are more than `most` possibilities, or a hole is filled with something else.

    Example:
        >>> from neurallambda.lang.chances import Chances
        >>> coin = Chances((1, 2), (Fraction(1, 3), Fraction(2, 3)))
        >>> for one in possibilities("(observe (< ?a 3)) (+ ?a ?a)", holes={"a": coin}):
        ...     print(one.probability, one.outcome.text)
        1/3 2
        2/3 4
    """
    return _possibilities(source, check_given(holes), integers, max_steps, most)


def _possibilities(
    source: str | Program, given: Mapping[str, Any], integers: range | None, max_steps: int | None, most: int
) -> Iterator[Possibility]:
    program = parse(source) if isinstance(source, str) else source
    try:
        root = lower(program)
    except ProgramError as error:
        yield Possibility(1, {}, (), Outcome.of(error))
        return
    names = [name for name in hole_names(program) if name in given]
    parts = [(name, part) for name in names for part in parts_of(given[name])]
    runs = 0
    for combination in product(*(list(options(part)) for _, part in parts)):
        chosen = iter([value for value, _ in combination])
        filled = {name: rebuilt(given[name], chosen) for name in names}
        weight = _product(chance for _, chance in combination)
        waiting: list[tuple[Any, tuple[tuple[str | None, Any], ...]]] = [(weight, ())]
        while waiting:
            weight, drawn = waiting.pop()
            runs += 1
            if runs > most:
                raise ArgumentError(
                    f"most: there are more than {most:,} possibilities; allow more, or use neurallambda.Worlds"
                )
            try:
                outcome = _run(root, filled, Draws([value for _, value in drawn], None, given), integers, max_steps)
            except MissingDrawError as missing:
                if missing.chances is None:
                    raise
                waiting += [
                    (weight * chance, (*drawn, (missing.name, value)))
                    for value, chance in reversed(list(options(missing.chances)))
                ]
                continue
            yield Possibility(weight, filled, drawn, outcome)


def _run(root: Node, filled: Mapping[str, Any], draws: Draws, integers: range | None, max_steps: int | None) -> Outcome:
    try:
        value, steps = run(compile_core(root, filled, integers, draws=draws), integers, max_steps)
    except ProgramError as error:
        return Outcome.of(error)
    return outcome_of(value, steps)


def _product(chances: Iterator[Any]) -> Any:
    result: Any = 1
    for chance in chances:
        result = result * chance
    return result
