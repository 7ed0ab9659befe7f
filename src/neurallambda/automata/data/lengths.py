"""Which lengths to draw, and how often each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from random import Random

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError

LONGEST = 100_000


@checked
@dataclass(frozen=True)
class Lengths:
    """Lengths and their weights.

    Attributes:
        weights: for each length, how often it comes in proportion to the others.

    Raises:
        ArgumentError: there is no length, or a length or weight is negative.

    Example:
        >>> Lengths.parse("1-3,10:5").weights
        {1: 1.0, 2: 1.0, 3: 1.0, 10: 5.0}
    """

    weights: Mapping[int, float]

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights) < 0 or max(self.weights) > LONGEST:
            raise ArgumentError(f"lengths are from 0 to {LONGEST}, and at least one; got {sorted(self.weights)[:5]}")
        if not all(0 < weight < inf for weight in self.weights.values()):
            raise ArgumentError("the weight of a length is above 0 and finite; leave a length out that is not to come")

    @classmethod
    def parse(cls, text: str) -> "Lengths":
        """Lengths as people write them: `10`, `1-40`, `1-20,30,40`, or with weights for each, `1-20:1,21-40:3`."""
        weights: dict[int, float] = {}
        for part in text.split(","):
            found = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?(?::(\d+(?:\.\d*)?))?\s*", part)
            if not found:
                raise ArgumentError(f"{part!r} is no length; write 10, 1-40, 1-20,30 or, with weights, 1-20:1,21-40:3")
            first, last = int(found[1]), int(found[2] or found[1])
            if last < first or last > LONGEST:
                raise ArgumentError(f"{part!r} is no range of lengths from 0 to {LONGEST}; write the smaller one first")
            weights.update(dict.fromkeys(range(first, last + 1), float(found[3] or 1)))
        return cls(weights)

    def __iter__(self) -> Iterator[int]:
        return iter(self.weights)

    def only(self, lengths: Iterator[int] | list[int]) -> "Lengths | None":
        """The same weights for these lengths alone; None where nothing is left."""
        weights = {n: self.weights[n] for n in lengths}
        return Lengths(weights) if weights else None

    def draws(self, size: int, random: Random) -> list[int]:
        """`size` lengths by their weights."""
        return random.choices(list(self.weights), cum_weights=list(accumulate(self.weights.values())), k=size)
