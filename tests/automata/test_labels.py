"""Labels cannot be told from lengths, near misses are of several kinds, and a poor data set is spoken of."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from neurallambda.automata import Limits, library, loads
from neurallambda.automata.data.generate import (
    MEMBER,
    NEAR_MISS,
    OUTSIDE,
    DataWarning,
    Recipe,
    Row,
    TooFewError,
    generate,
)
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.negatives import Outside
from neurallambda.errors import ArgumentError

WHERE_ALL_IS_ACCEPTED = {"binary_increment", "busy_beaver_3", "remainder_3"}
NOTHING = """{"machine": "pda", "symbols": ["a", "b"], "rules": [[["a", "INITIAL", "ANY"], ["INITIAL", "nullop"]]]}"""
EVEN = """{"machine": "fsm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["P"]], [["a", "P"], ["INITIAL"]]],
    "acceptance": {"states": ["INITIAL"]}}"""


def best_by_length(rows: Sequence[Row]) -> float:
    """How often the best guess is right that sees nothing of a string but its length."""
    counts = Counter((len(row.string), row.label) for row in rows)
    lengths = {length for length, _ in counts}
    return sum(max(counts[n, True], counts[n, False]) for n in lengths) / len(rows)


@pytest.mark.filterwarnings("ignore::neurallambda.automata.data.generate.DataWarning")
@pytest.mark.parametrize("name", sorted(set(library.names()) - WHERE_ALL_IS_ACCEPTED))
def test_the_length_does_not_tell_the_label(name: str) -> None:
    """On every machine of the library that refuses anything; with lengths drawn apart it told up to 87%."""
    machine = library.load(name)
    lengths = Lengths.parse("0-7" if machine.reads_from_tape else "0-16")
    rows = list(generate(machine, Recipe(size=400, lengths=lengths, negatives=0.5)))
    assert best_by_length(rows) == 0.5
    assert Counter(row.label for row in rows) == {True: 200, False: 200}
    assert any(row.kind == NEAR_MISS for row in rows)
    few = list(generate(machine, Recipe(size=400, lengths=lengths, negatives=0.25)))
    assert best_by_length(few) <= 0.76
    many = list(generate(machine, Recipe(size=400, lengths=lengths, negatives=0.75)))
    assert best_by_length(many) <= 0.76


def test_an_even_length_does_not_mean_member() -> None:
    dyck, lengths = library.load("dyck2"), Lengths.parse("1-20")
    rows = list(generate(dyck, Recipe(size=2000, lengths=lengths, negatives=0.5)))
    assert all(len(row.string) % 2 == 0 for row in rows)
    apart = list(generate(dyck, Recipe(size=2000, lengths=lengths, negatives=0.5, negative_lengths=lengths)))
    assert best_by_length(apart) > 0.75
    assert Counter(row.kind for row in apart) == {MEMBER: 1000, OUTSIDE: 500, NEAR_MISS: 500}


def test_distinct_rows_have_lengths_that_tell_nothing() -> None:
    recipe = Recipe(size=60, lengths=Lengths.parse("1-8"), negatives=0.5, distinct=True)
    rows = list(generate(library.load("dyck2"), recipe))
    assert len({row.string for row in rows}) == 60
    assert best_by_length(rows) == 0.5


def test_near_misses_change_places_too() -> None:
    """Among near misses of one length some have the symbols of the accepted string in another order."""
    machine, random = library.load("dyck2"), Random(0)
    member = tuple("([()])")
    outside = Outside(machine)
    found = [outside.near_miss(member, [6], random) for _ in range(200)]
    strings = [one.string for one in found if one]
    assert len(strings) == 200
    assert all(len(string) == 6 and not machine.accepts(string) for string in strings)
    reordered = [string for string in strings if sorted(string) == sorted(member)]
    assert 20 < len(reordered) < 180
    assert tuple(")[()](") in reordered
    assert tuple("[(()])") in reordered


def test_a_few_strings_drawn_again_and_again_are_spoken_of() -> None:
    recipe = Recipe(size=4000, lengths=Lengths.parse("1-40"))
    with pytest.warns(DataWarning, match="4000 strings that are accepted were drawn, but only 20 of them are distinct"):
        list(generate(library.load("anbn"), recipe))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(generate(library.load("dyck2"), Recipe(size=400, lengths=Lengths.parse("1-40"), negatives=0.5)))
        list(generate(library.load("anbn"), Recipe(size=20, lengths=Lengths.parse("1-40"), distinct=True)))


def test_where_nothing_is_accepted_there_are_negatives_alone() -> None:
    machine = loads(NOTHING)
    rows = list(generate(machine, Recipe(size=50, lengths=Lengths.parse("1-6"), negatives=1)))
    assert {row.kind for row in rows} == {OUTSIDE}
    assert {len(row.string) for row in rows} == {1, 2, 3, 4, 5, 6}
    with pytest.raises(TooFewError, match="no string of length 1 to 6 is accepted"):
        list(generate(machine, Recipe(size=50, lengths=Lengths.parse("1-6"), negatives=0.5)))
    odd = list(generate(library.load("dyck1"), Recipe(size=20, lengths=Lengths.parse("3"), negatives=1)))
    assert {(row.kind, len(row.string)) for row in odd} == {(OUTSIDE, 3)}


def test_numbers_are_checked() -> None:
    machine, wrong = library.load("parity"), [-1, 2.5, True, "3"]
    for one in wrong:
        number: Any = one
        expected = "expected an integer of at least" if one == -1 else "expected an integer"
        for ask in (
            machine.count,
            machine.census,
            machine.sample,
            lambda n: machine.samples(2, n),
            lambda n: Recipe(size=n, lengths=Lengths({1: 1.0})),
            lambda n: Limits(steps=n),
        ):
            with pytest.raises(ArgumentError, match=rf"got .*, {expected}"):
                ask(number)
    for weight in (math.nan, math.inf, 0.0):
        with pytest.raises(ArgumentError, match="above 0 and finite"):
            Lengths({3: weight})


def test_lengths_that_must_tell_are_spoken_of() -> None:
    with pytest.warns(DataWarning, match="all strings are accepted or none, so the length tells the label"):
        rows = list(generate(loads(EVEN), Recipe(size=40, lengths=Lengths.parse("1-10"), negatives=0.5)))
    assert all(row.label == (len(row.string) % 2 == 0) for row in rows)
