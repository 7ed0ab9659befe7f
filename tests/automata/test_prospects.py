"""What may come next, against all strings that are accepted."""

from itertools import product

import pytest

from neurallambda.automata import Limits, library, loads
from neurallambda.automata.runs.prospects import prospects
from neurallambda.errors import ArgumentError, ProgramError


@pytest.mark.parametrize("name", ["anbn", "dyck1", "anbn_plus", "ab_star", "palindromes"])
def test_prospects_are_those_of_the_accepted_strings(name: str) -> None:
    """These machines stop where nothing accepted can follow, so a symbol may come if an accepted string goes on so."""
    machine = library.load(name)
    accepted = {"".join(s) for n in range(11) for s in product(machine.alphabet, repeat=n) if machine.accepts(s)}
    prefixes = {string[:n] for string in accepted for n in range(len(string) + 1)}
    for n in range(5):
        for letters in product(machine.alphabet, repeat=n):
            string = "".join(letters)
            found = prospects(machine, string)
            alive = [string[:k] for k in range(n + 1) if string[:k] in prefixes]
            expected = [
                (*(prefix + symbol in prefixes for symbol in machine.alphabet), prefix in accepted) for prefix in alive
            ]
            assert list(found) == expected, string


def test_a_tape_has_no_next_symbol() -> None:
    with pytest.raises(ArgumentError, match="reads from a tape"):
        prospects(library.load("anbncn_tape"), "abc")


def test_silent_steps_are_limited() -> None:
    machine = loads(
        '{"machine": "pda", "symbols": ["a"], "rules": [[["", "INITIAL", "ANY"], ["INITIAL", ["push", "x"]]]]}'
    )
    with pytest.raises(ProgramError, match="out-of-memory"):
        prospects(machine, "a", limits=Limits(configurations=50))


def test_a_memory_that_grows_without_end_is_stopped_by_what_it_holds() -> None:
    """Every configuration holds one cell more than the one before: their number alone would let gigabytes through."""
    machine = loads(
        '{"machine": "pda", "symbols": ["a"], "rules": [[["", "INITIAL", "ANY"], ["INITIAL", ["push", "x"]]]]}'
    )
    with pytest.raises(ProgramError, match="out-of-memory"):
        prospects(machine, "a", limits=Limits(storage=1000))
