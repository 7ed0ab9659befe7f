"""Accepted strings by random walks, for lengths that are too long to count.

A walk picks, symbol by symbol, uniformly among the continuations that are not known to be dead, and fails where it
runs into a dead end, which is then remembered. A walk that succeeds found its string with probability one over the
product of its numbers of choices; that product is the string's *weight*. Averaged over all walks, failed ones counting
nothing, the weights estimate without bias how many accepted strings there are (D. E. Knuth, "Estimating the efficiency
of backtrack programs", Mathematics of Computation 29, 1975).
"""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.runs.front import Front, Fronts
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class Found:
    """A string that a walk found, and one over the probability with which it did."""

    string: tuple[str, ...]
    weight: int


@dataclass(frozen=True)
class Search:
    """What a bounded search found.

    Attributes:
        found: the strings in the order of the walks; a string may have been found more than once.
        walks: how many walks were made.
        complete: whether the search knows that no string is accepted.
    """

    found: tuple[Found, ...]
    walks: int
    complete: bool

    @property
    def estimate(self) -> float:
        """An unbiased estimate of the number of accepted strings of this length."""
        return float(Fraction(sum(found.weight for found in self.found), self.walks)) if self.walks else 0.0


@checked
def search(machine: Machine, length: int, *, size: int, seed: int = 0, limits: Limits = DEFAULT_LIMITS) -> Search:
    """Look for accepted strings of one length by random walks.

    Args:
        machine: any machine.
        length: the length, without markers.
        size: how many strings to find.
        seed: the seed of the walks.
        limits: `configurations` bounds the symbols tried over all walks.

    Returns:
        The strings found before the limit was met.
    """
    fronts, random = Fronts(machine, length, limits), Random(seed)
    dead: set[tuple[Front, int]] = set()
    found: list[Found] = []
    walks = tried = 0
    root = fronts.start()

    while len(found) < size and tried < limits.configurations and root and (root, length) not in dead:
        walks += 1
        front, weight, string = root, 1, []
        for remaining in range(length, 0, -1):
            tried += len(machine.alphabet)
            steps = [(symbol, fronts.advance(front, length - remaining, symbol)) for symbol in machine.alphabet]
            choices = [(symbol, to) for symbol, to in steps if to and (to, remaining - 1) not in dead]
            if not choices:
                dead.add((front, remaining))
                break
            weight *= len(choices)
            symbol, front = random.choice(choices)
            string.append(symbol)
        else:
            tried += 1
            if fronts.accepts(front, length):
                found.append(Found(tuple(string), weight))
            else:
                dead.add((front, 0))
    return Search(tuple(found), walks, not found and (not root or (root, length) in dead))
