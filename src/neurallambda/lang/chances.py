"""Several values, each with its probability: what may stand for an uncertain hole where there are no tensors."""

from dataclasses import dataclass
from fractions import Fraction
from math import inf

from neurallambda.errors import ArgumentError


@dataclass(frozen=True)
class Chances:
    """Values and how likely each of them is.

    Attributes:
        values: integers, booleans and names of primitives, each once.
        weights: one for each value, at least zero and not all zero; they are made to sum to one. Fractions stay exact.

    Raises:
        ArgumentError: where there is not one weight for each value, or a weight makes no sense.

    Example:
        >>> Chances((True, False), (1, 3)).probabilities
        (0.25, 0.75)
    """

    values: tuple[int | bool | str, ...]
    weights: tuple[float | Fraction, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple) or not isinstance(self.weights, tuple):
            raise ArgumentError("values and weights: expected tuples, as in Chances((1, 2), (0.5, 0.5))")
        if len(self.values) != len(self.weights) or not self.values:
            raise ArgumentError(
                f"weights: got {len(self.weights)} for {len(self.values)} values, expected one for each, and at least one"
            )
        for weight in self.weights:
            if not isinstance(weight, (int, float, Fraction)) or not 0 <= weight < inf:
                raise ArgumentError(f"weights: got {weight!r}, expected numbers of at least 0")
        if not sum(self.weights):
            raise ArgumentError("weights: got zeros alone, expected at least one that is more")
        if len({(type(value), value) for value in self.values}) < len(self.values):
            raise ArgumentError(f"values: got {self.values}; each may stand there once")

    @property
    def probabilities(self) -> tuple[float | Fraction, ...]:
        """The weights, made to sum to one."""
        total = sum(self.weights)
        return tuple(weight / total for weight in self.weights)
