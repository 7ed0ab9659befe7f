"""Strings that a machine does not accept: drawn uniformly, or near misses of strings that it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.languages.prefix_language import PrefixLanguage
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, UNDECIDED, Limits
from neurallambda.errors import ArgumentError, ProgramError

_TRIES = 1000
_GROWTH = {"replace": 0, "insert": 1, "remove": -1, "swap": 0, "transpose": 0}
"""By how much an edit changes the length."""
_NEEDS = {"replace": 1, "insert": 0, "remove": 1, "swap": 2, "transpose": 2}
"""How many symbols an edit needs to find."""
_SINGLE = ("replace", "insert", "remove")
_EDITS = (*[(edit,) for edit in _SINGLE] * 3, *[("swap",), ("transpose",)] * 2, *product(_SINGLE, repeat=2))
"""What makes a near miss; what comes several times is more likely."""


@dataclass(frozen=True)
class NearMiss:
    """A string that is not accepted, near one that is.

    Attributes:
        string: the symbols.
        distance: the edit distance, 1 or 2, to the accepted string that it was made from. Another may be nearer, but none
            is at distance 0, since the string itself is not accepted.
    """

    string: tuple[str, ...]
    distance: int


class Outside:
    """Draws strings that a machine does not accept. Every one is verified: strings that the limits leave open do not count.

    Args:
        machine: the machine.
        limits: how far each verdict may go.
    """

    def __init__(self, machine: Automaton, limits: Limits = DEFAULT_LIMITS) -> None:
        self._machine = machine
        self._limits = limits
        self._exact: dict[int, PrefixLanguage] = {}

    def draw(self, length: int, random: Random) -> tuple[str, ...] | None:
        """A string of this length that is not accepted, all equally likely; None if there is none.

        Args:
            length: the length, without markers.
            random: the source of randomness.

        Raises:
            ProgramError: hardly any such string exists, and the limits do not reach far enough to find them by counting.
        """
        alphabet = self._machine.alphabet
        if length not in self._exact:
            for _ in range(_TRIES):
                string = tuple(random.choices(alphabet, k=length)) if alphabet else ()
                if len(string) == length and self.holds(string):
                    return string
            self._exact[length] = PrefixLanguage(self._machine, length, self._limits)
        exact = self._exact[length]
        return exact.unrank_outside(random.randrange(exact.count_outside)) if exact.count_outside else None

    def may_exist(self, length: int) -> bool:
        """Could there be a string of this length that is not accepted? False where it is certain that there is none."""
        try:
            return self._machine.language(self._limits).count(length) < len(self._machine.alphabet) ** length
        except ProgramError:
            return True

    def near_miss(self, member: Sequence[str], lengths: Sequence[int], random: Random) -> NearMiss | None:
        """A string that is not accepted, at edit distance 1 or 2 from an accepted one; None if none was found.

        An edit replaces, inserts or removes one symbol. Two symbols that change places, next to one another or anywhere,
        are two edits: such a string has the length of the accepted one, and the same number of each symbol.

        Args:
            member: an accepted string, without markers.
            lengths: the lengths that the result may have.
            random: the source of randomness.

        Returns:
            The string, verified not to be accepted, and its exact distance from `member`.
        """
        allowed = frozenset(lengths)
        fitting = [edits for edits in _EDITS if len(member) + sum(map(_GROWTH.__getitem__, edits)) in allowed]
        if not fitting or not self._machine.alphabet:
            return None
        for _ in range(_TRIES):
            string = tuple(member)
            for edit in random.choice(fitting):
                string = self._edit(string, edit, random)
            if len(string) in allowed and self.holds(string):
                return NearMiss(string, 1 if _is_one_edit(member, string) else 2)
        return None

    def holds(self, string: Sequence[str]) -> bool:
        """Is the string certainly not accepted?"""
        outcome = self._machine.decide(self._machine.framed_tokens(string), limits=self._limits)
        return outcome != "accepted" and outcome not in UNDECIDED

    def _edit(self, string: tuple[str, ...], kind: str, random: Random) -> tuple[str, ...]:
        if len(string) < _NEEDS[kind]:
            return string
        if kind in ("swap", "transpose"):
            one = random.randrange(len(string) - 1)
            other = one + 1 if kind == "transpose" else random.randrange(one + 1, len(string))
            between = string[one + 1 : other]
            return string[:one] + string[other : other + 1] + between + string[one : one + 1] + string[other + 1 :]
        place = random.randrange(len(string) + (kind == "insert"))
        symbol = () if kind == "remove" else (random.choice(self._machine.alphabet),)
        return string[:place] + symbol + string[place + (kind != "insert") :]


def _is_one_edit(one: Sequence[str], other: Sequence[str]) -> bool:
    """Does one edit make two different strings equal? What they share at both ends leaves at most one symbol of each."""
    shorter, longer = sorted((tuple(one), tuple(other)), key=len)
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    skip = int(len(shorter) == len(longer))
    return len(longer) - len(shorter) <= 1 and shorter[start + skip :] == longer[start + 1 :]


@checked
def non_member(machine: Automaton, n: int, *, seed: int = 0) -> str:
    """A string of length `n` that the machine does not accept, all equally likely.

    Args:
        machine: the machine.
        n: the length, without markers.
        seed: the seed.

    Raises:
        ArgumentError: every string of that length is accepted.

    Example:
        >>> from neurallambda.automata.library import load
        >>> load("anbn").accepts(non_member(load("anbn"), 8, seed=1))
        False
    """
    string = Outside(machine).draw(n, Random(seed))
    if string is None:
        raise ArgumentError(f"every string of length {n} is accepted, so there is none to draw from outside")
    return machine.text(string)


@checked
def near_miss(machine: Automaton, member: str | Sequence[str], *, seed: int = 0) -> str:
    """A string that is not accepted, at edit distance 1 or 2 from one that is.

    Args:
        machine: the machine.
        member: the accepted string to be near.
        seed: the seed.

    Raises:
        ArgumentError: `member` is not accepted, or nothing near it is refused.
    """
    tokens = machine.tokens(member)
    if not machine.accepts(tokens):
        raise ArgumentError(f"a near miss starts from an accepted string; {machine.text(tokens)!r} is not accepted")
    body = tokens[1:-1] if machine.is_framed else tokens
    found = Outside(machine).near_miss(body, range(max(0, len(body) - 2), len(body) + 3), Random(seed))
    if found is None:
        raise ArgumentError(f"no string within two edits of {machine.text(body)!r} was found that is not accepted")
    return machine.text(found.string)
