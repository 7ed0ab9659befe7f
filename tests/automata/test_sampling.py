"""Samples are uniform, seeded, and counted right; strings from outside are outside."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from random import Random

import pytest

from neurallambda.automata import Limits, library
from neurallambda.automata.data.generate import MEMBER, NEAR_MISS, OUTSIDE, Recipe, TooFewError, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.data.negatives import Outside, near_miss, non_member
from neurallambda.automata.grammar import Grammar, to_pda
from neurallambda.automata.languages.ambiguous_language import AmbiguousLanguage
from neurallambda.automata.languages.language import Language
from neurallambda.automata.languages.prefix_language import PrefixLanguage
from neurallambda.automata.languages.search import search
from neurallambda.errors import ArgumentError, ProgramError
from tests.automata.predicates import PREDICATES


def deviation(counts: Counter[str], cells: int) -> float:
    """Chi-square against the uniform distribution, in standard deviations from what chance gives."""
    expected = counts.total() / cells
    statistic = sum((count - expected) ** 2 for count in counts.values()) / expected
    statistic += (cells - len(counts)) * expected
    freedom = cells - 1
    return (statistic - freedom) / (2 * freedom) ** 0.5


def drawn(language: Language, length: int, size: int) -> Counter[str]:
    random = Random(1)
    return Counter("".join(language.draw(length, random)) for _ in range(size))


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("parity", 7),
        ("dyck2", 8),
        ("palindromes", 12),
        ("anbn_plus", 14),
        ("ww", 12),
        ("html_tags", 5),
        ("binary_increment", 6),
    ],
)
def test_samples_are_uniform(name: str, length: int) -> None:
    machine = library.load(name)
    cells = machine.count(length)
    counts = Counter(machine.samples(length, 60 * cells, seed=3))
    assert set(counts) <= set(machine.enumerate(length))
    assert abs(deviation(counts, cells)) < 4


def test_a_test_of_uniformity_that_can_fail() -> None:
    skewed = Counter({"a": 1200, "b": 1000, "c": 800})
    assert deviation(skewed, 3) > 4


def test_an_ambiguous_machine_draws_strings_and_not_runs_uniformly() -> None:
    machine = to_pda(Grammar.parse("S -> A b | b A | b b\nA -> A A | a"))
    census = machine.census(5)
    assert (census.strings, census.runs, census.ambiguous) == (2, 10, True)
    language = AmbiguousLanguage(machine, Limits())
    random = Random(0)
    by_runs = Counter("".join(language._draw_by_runs(5, random)) for _ in range(400))  # pyright: ignore[reportPrivateUsage]
    assert abs(deviation(by_runs, 2)) < 4
    uneven = to_pda(Grammar.parse("S -> E | x x x x x\nE -> E + E | x"))
    language = AmbiguousLanguage(uneven, Limits())
    by_runs = Counter("".join(language._draw_by_runs(5, random)) for _ in range(400))  # pyright: ignore[reportPrivateUsage]
    assert set(by_runs) == {"x+x+x", "xxxxx"}
    assert abs(deviation(by_runs, 2)) < 4


def test_the_same_seed_gives_the_same_strings() -> None:
    for name in ("parity", "dyck1", "ww"):
        machine = library.load(name)
        assert machine.samples(10, 20, seed=5) == machine.samples(10, 20, seed=5)
        assert machine.samples(10, 20, seed=5) != machine.samples(10, 20, seed=6)


def test_counts_at_great_lengths() -> None:
    catalan = 1
    for n in range(150):
        catalan = catalan * 2 * (2 * n + 1) // (n + 2)
    assert library.load("dyck1").count(300) == catalan
    assert library.load("dyck2").count(300) == catalan * 2**150
    assert library.load("parity").count(500) == 2**499
    assert library.load("palindromes").count(101) == 2**51
    text = library.load("dyck2").sample(1000, seed=1)
    assert PREDICATES["dyck2"](text)


def test_walks_past_the_limits_find_strings_with_their_weights() -> None:
    machine = library.load("ww")
    found = search(machine, 40, size=50, seed=1)
    assert len(found.found) == 50
    assert all(PREDICATES["ww"]("".join(one.string)) for one in found.found)
    assert {one.weight for one in found.found} == {2**20}
    assert found.estimate == 2**20
    short_of_room = machine.language(Limits(configurations=5000))
    with pytest.raises(ProgramError, match="out-of-memory"):
        short_of_room.count(30)
    assert PREDICATES["ww"]("".join(short_of_room.draw(30, Random(2))))
    assert short_of_room.census(30).estimate == 2**15


def test_the_estimate_of_a_search_is_unbiased() -> None:
    machine = library.load("binary_addition")
    true = machine.count(7)
    estimates = [search(machine, 7, size=40, seed=seed).estimate for seed in range(30)]
    mean = sum(estimates) / len(estimates)
    spread = (sum((e - mean) ** 2 for e in estimates) / (len(estimates) - 1) / len(estimates)) ** 0.5
    assert abs(mean - true) < 4 * spread


def test_a_search_knows_when_there_is_nothing() -> None:
    found = search(library.load("ww"), 7, size=5)
    assert found.complete
    assert not found.found
    with pytest.raises(ArgumentError, match="no string of length 7 is accepted"):
        library.load("ww").sample(7)


@pytest.mark.parametrize("name", ["parity", "dyck1", "ww", "palindromes", "anbncn_tape"])
def test_outside_is_the_complement(name: str) -> None:
    machine, predicate = library.load(name), PREDICATES[name]
    for n in range(6):
        exact = PrefixLanguage(machine, n, Limits())
        expected = ["".join(s) for s in product(machine.alphabet, repeat=n) if not predicate("".join(s))]
        assert ["".join(exact.unrank_outside(rank)) for rank in range(exact.count_outside)] == expected


def test_strings_from_outside_are_uniform() -> None:
    machine = library.load("parity")
    outside, random = Outside(machine), Random(2)
    counts = Counter("".join(outside.draw(6, random) or ()) for _ in range(3000))
    assert all(text.count("1") % 2 == 0 for text in counts)
    assert abs(deviation(counts, 32)) < 4


def test_near_misses_are_near_and_missed() -> None:
    machine = library.load("dyck2")
    for seed in range(60):
        member = machine.sample(12, seed)
        missed = near_miss(machine, member, seed=seed)
        assert not PREDICATES["dyck2"](missed)
        assert edit_distance(member, missed) in (1, 2)
    with pytest.raises(ArgumentError, match="starts from an accepted string"):
        near_miss(machine, "((")
    with pytest.raises(ArgumentError, match="no string within two edits"):
        near_miss(library.load("remainder_3"), "1")


@pytest.mark.parametrize("name", ["anbn", "dyck2", "parity", "anbncn", "wcwr", "html_tags"])
def test_the_distance_of_a_near_miss_is_exact(name: str) -> None:
    """Also where two edits come to one, such as replacing a symbol twice."""
    machine, random, distances = library.load(name), Random(3), Counter[int]()
    outside, predicate = Outside(machine), PREDICATES[name]
    length = next(n for n in (9, 10, 12, 11) if machine.count(n))
    for seed in range(150):
        tokens = machine.tokens(machine.sample(length, seed))
        member = [symbol for symbol in tokens if symbol not in ("^", "$")]
        missed = outside.near_miss(member, range(length + 3), random)
        if missed is None:
            continue
        assert not predicate(machine.text(missed.string))
        assert missed.distance == edit_distance(member, missed.string)
        distances[missed.distance] += 1
    assert set(distances) == {1, 2}
    assert distances.total() > 100


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


def test_where_everything_is_accepted_nothing_is_outside() -> None:
    with pytest.raises(ArgumentError, match="every string of length 3 is accepted"):
        non_member(library.load("remainder_3"), 3)


@pytest.mark.filterwarnings("ignore::neurallambda.automata.data.generate.DataWarning")
@pytest.mark.parametrize("name", ["anbn", "dyck2", "parity", "anbncn", "ww", "html_tags", "anbncn_tape"])
def test_generated_rows_are_labelled_right(name: str) -> None:
    machine, predicate = library.load(name), PREDICATES[name]
    recipe = Recipe(size=200, lengths=Lengths.parse("1-12"), negatives=0.4, near_misses=0.25, seed=7)
    rows = list(generate(machine, recipe))
    assert Counter(row.kind for row in rows) == {MEMBER: 120, OUTSIDE: 60, NEAR_MISS: 20}
    assert rows == list(generate(machine, recipe))
    for row in rows:
        assert 1 <= len(row.string) <= 12
        assert row.label == (row.kind == MEMBER) == predicate(machine.text(row.string)), row


@pytest.mark.filterwarnings("ignore::neurallambda.automata.data.generate.DataWarning")
def test_mixtures_of_lengths() -> None:
    recipe = Recipe(size=4000, lengths=Lengths.parse("2:1,4:3,5:9"), seed=1)
    counts = Counter(len(row.string) for row in generate(library.load("anbn"), recipe))
    assert set(counts) == {2, 4}
    assert 2850 < counts[4] < 3150
    for text, message in {
        "4-2": "smaller one first",
        "x": "is no length",
        "": "is no length",
        "3:0": "above 0",
    }.items():
        with pytest.raises(ArgumentError, match=message):
            Lengths.parse(text)


def test_distinct_rows_come_once_each_and_all_when_asked_for() -> None:
    machine = library.load("anbn")
    rows = list(generate(machine, Recipe(size=10, lengths=Lengths.parse("1-20"), distinct=True)))
    assert sorted(len(row.string) for row in rows) == list(range(2, 21, 2))
    with pytest.raises(TooFewError, match="11 distinct accepted strings were asked for, but only 10") as caught:
        list(generate(machine, Recipe(size=11, lengths=Lengths.parse("1-20"), distinct=True)))
    assert caught.value.available == 10
    with pytest.raises(TooFewError, match="no string of length 3 is accepted"):
        list(generate(machine, Recipe(size=1, lengths=Lengths.parse("3"))))
    with pytest.raises(TooFewError, match="no further non-member"):
        list(
            generate(
                library.load("parity"),
                Recipe(size=9, lengths=Lengths.parse("2"), negatives=1, distinct=True, near_misses=0),
            )
        )


@pytest.mark.parametrize("wrong", [{"size": -1}, {"negatives": 1.5}, {"near_misses": -0.1}])
def test_recipes_check_themselves(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        Recipe(**{"size": 1, "lengths": Lengths({1: 1.0}), **wrong})
