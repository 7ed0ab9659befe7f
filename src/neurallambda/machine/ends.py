"""The ends of one program with their probabilities, as people read them."""

from collections.abc import Iterator

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang import terms
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Term
from neurallambda.machine.decode import decode
from neurallambda.machine.result import Result

LEAST = 0.0005
"""What is less likely is left out."""


def ends(result: Result, row: int = 0) -> list[tuple[float, str]]:
    """How one program of a batch may end: each way with its probability, the likeliest first.

    Integers, booleans, `'()` and errors are told one by one; of other values the likeliest, and the rest together.
    """
    found = [(chance, text) for chance, text in _all(result, row) if chance >= LEAST]
    return sorted(found, key=lambda end: -end[0])


def _all(result: Result, row: int) -> Iterator[tuple[float, str]]:
    distribution = result.distribution()
    yield from zip(distribution.integers[row].tolist(), map(str, result.program.integers), strict=True)
    yield float(distribution.true[row]), "true"
    yield float(distribution.false[row]), "false"
    yield float(distribution.nil[row]), "'()"
    yield from _others(result, row, float(distribution.other[row]), decode(result)[row].term)
    yield from (
        (chance, f"error {kind}") for kind, chance in zip(ErrorKind, distribution.errors[row].tolist(), strict=True)
    )
    yield float(distribution.running[row]), "no end within the limits"


def _others(result: Result, row: int, chance: float, likeliest: Term | None) -> Iterator[tuple[float, str]]:
    name = "a pair or a function"
    if chance >= LEAST and isinstance(likeliest, (terms.List, terms.Apply)) and likeliest != terms.List():
        try:
            known = float(result.probability(likeliest)[row])
        except ArgumentError:  # it holds a function
            known = 0.0
        if known >= LEAST:
            yield known, to_text(likeliest)
            chance, name = chance - known, "another pair or function"
    yield chance, name
