"""Exact machines: how many strings a second come out of them, and how many are decided."""

import warnings
from random import Random

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.timing import measure_time
from neurallambda.automata import library
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.generate import DataWarning, Recipe, Row, generate
from neurallambda.automata.data.lengths import Lengths

SIZE = 20_000
LONGEST = 40


def rows(machine: Automaton, *, seed: int, negatives: float) -> list[Row]:
    """Labelled strings up to the longest length; a language with few of them gives the same again and again."""
    recipe = Recipe(size=SIZE, lengths=Lengths.parse(f"1-{LONGEST}"), negatives=negatives, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return list(generate(machine, recipe))


def is_anbn(string: tuple[str, ...]) -> bool:
    """Is it a^n b^n, n >= 1?"""
    half = len(string) // 2
    return half >= 1 and string == ("a",) * half + ("b",) * half


@benchmark(
    claim="a^n b^n at length up to 40 gives at least 50,000 labelled strings a second on one core",
    limits={"microseconds_a_member": 20.0},
)
def automata_generation(seed: int) -> Case:
    """Strings a second from a^n b^n: members alone, and with as many strings that are not; and members of other machines."""
    anbn = library.load("anbn")

    def each(machine: Automaton, negatives: float) -> float:
        return measure_time(lambda: rows(machine, seed=seed, negatives=negatives), repeats=5).median / SIZE

    def measure() -> Numbers:
        member, mixed = each(anbn, 0.0), each(anbn, 0.5)
        others = {name: each(library.load(name), 0.0) for name in ("dyck2", "palindromes", "parity", "html_tags")}
        return {
            "microseconds_a_member": member * 1e6,
            "microseconds_a_row_half_of_them_negative": mixed * 1e6,
            "members_a_second": round(1 / member),
            "rows_a_second_half_of_them_negative": round(1 / mixed),
            **{f"{name}_members_a_second": round(1 / seconds) for name, seconds in others.items()},
        }

    drawn = rows(anbn, seed=seed, negatives=0.5)
    return Case(
        verify=lambda: {
            "labels are right": all(row.label == is_anbn(row.string) for row in drawn),
            "lengths are in range": all(1 <= len(row.string) <= LONGEST for row in drawn),
            "half are members": sum(row.label for row in drawn) == SIZE // 2,
        },
        measure=measure,
    )


@benchmark(claim="a string of a^n b^n at length 40 is decided in some ten microseconds, one of no such form sooner")
def automata_verdicts(seed: int) -> Case:
    """The time of one verdict: accepted, at random, and by a nondeterministic machine."""
    anbn, palindromes = library.load("anbn"), library.load("palindromes")
    random = Random(seed)
    member = "a" * 20 + "b" * 20
    noise = ["".join(random.choices("ab", k=LONGEST)) for _ in range(100)]
    mirrored = "".join(random.choices("ab", k=LONGEST // 2))
    mirrored += mirrored[::-1]

    def measure() -> Numbers:
        return {
            "microseconds_accepted": measure_time(lambda: anbn.accepts(member)).median * 1e6,
            "microseconds_at_random": measure_time(lambda: [anbn.accepts(s) for s in noise]).median * 1e6 / len(noise),
            "microseconds_nondeterministic": measure_time(lambda: palindromes.accepts(mirrored)).median * 1e6,
        }

    return Case(
        verify=lambda: {
            "a member is accepted": anbn.accepts(member),
            "noise is judged right": all(anbn.accepts(s) == is_anbn(tuple(s)) for s in noise),
            "a palindrome is accepted": palindromes.accepts(mirrored),
        },
        measure=measure,
    )
