"""Distinct sorted sentences with the machine they come from: the form in which the first automata tool wrote data."""

from typing import Any

from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.generate import Recipe, TooFewError, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.files.rule_file import to_data
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.errors import ProgramError


def sentences(
    machine: Automaton,
    *,
    size: int,
    longest: int,
    fruitless: int,
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
) -> dict[str, Any]:
    """Accepted strings as `{"sentences": [...], "spec": {...}}`.

    Args:
        machine: the machine.
        size: how many; all there are, where there are fewer.
        longest: the most symbols of a sentence, with its markers.
        fruitless: for queue automata and Turing machines, after how many lengths in a row without a string to stop.
        seed: the seed.
        limits: how far counting and searching may go.

    Returns:
        The sentences with their markers, distinct and sorted, and the machine as in its rule file.
    """
    lengths = _lengths(machine, longest, fruitless, limits)
    found: list[tuple[str, ...]] = []
    if lengths is not None:
        try:
            recipe = Recipe(size=size, lengths=lengths, distinct=True, seed=seed)
            found = [row.string for row in generate(machine, recipe, limits=limits)]
        except TooFewError as error:
            recipe = Recipe(size=error.available or 0, lengths=lengths, distinct=True, seed=seed)
            found = [row.string for row in generate(machine, recipe, limits=limits)]
    return {
        "sentences": sorted(machine.separator.join(machine.framed_tokens(string)) for string in found),
        "spec": to_data(machine),
    }


def _lengths(machine: Automaton, longest: int, fruitless: int, limits: Limits) -> Lengths | None:
    language = machine.language(limits)
    patience = fruitless if machine.kind in ("qa", "tm") else longest + 1
    found: list[int] = []
    barren = 0
    for length in range(longest - len(machine.framed_tokens(())) + 1):
        try:
            is_empty = language.count(length) == 0
        except ProgramError:
            is_empty = False
        barren = barren + 1 if is_empty else 0
        if not is_empty:
            found.append(length)
        if barren > patience:
            break
    return Lengths(dict.fromkeys(found, 1.0)) if found else None
