"""How symbols are read out of vectors: how much of each there is."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.beta.alphabet import Alphabet
from neurallambda.errors import ArgumentError
from neurallambda.state import state
from neurallambda.symbols import Kind


@state
class Letters:
    """The vectors of one alphabet, and what to multiply a vector with to find how much of each letter is in it."""

    vectors: Float[Tensor, "letters width"]
    readers: Float[Tensor, "letters width"]

    @staticmethod
    def of(vectors: Float[Tensor, "letters width"]) -> "Letters":
        """The readers give 1 for a letter's own vector, and 0 for another one's as far as the two are orthogonal."""
        return Letters(vectors, vectors / vectors.square().sum(-1, keepdim=True))


@state
class Lexicon:
    """The codebook, an alphabet each: what a step reads and writes with."""

    addresses: Letters
    tags: Letters
    operators: Letters
    literals: Letters
    nothing: Float[Tensor, " width"]

    @staticmethod
    def of(vectors: Float[Tensor, "symbols width"], alphabet: Alphabet) -> "Lexicon":
        """The parts of a codebook's vectors that hold each alphabet."""
        return Lexicon(
            addresses=Letters.of(vectors[alphabet.addresses]),
            tags=Letters.of(vectors[alphabet.tags]),
            operators=Letters.of(vectors[alphabet.operators]),
            literals=Letters.of(vectors[alphabet.literals]),
            nothing=vectors[alphabet.nothing],
        )


@checked
@dataclass(frozen=True)
class Reading:
    """How much of each letter a vector holds: its projections, as they are, rounded, or cleaned up.

    A step multiplies what it has read several times over, so errors grow from step to step unless reading takes them
    away. The projections as they are suit a one-hot codebook, which makes no errors; elsewhere they show its noise.

    Attributes:
        inverse_temperature: of a softmax over the letters, which cleans up.
        floor: what is less than this is taken for nothing, and the rest scaled to sum to one: exact up to the floor, in
            mixtures too, where vectors are orthogonal up to rounding.
    """

    inverse_temperature: float | None = None
    floor: float | None = None

    def __post_init__(self) -> None:
        for name in ("inverse_temperature", "floor"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ArgumentError(f"{name}: got {value}, expected a positive number")
        if self.inverse_temperature is not None and self.floor is not None:
            raise ArgumentError("floor: got one beside an inverse_temperature; clean-up leaves nothing to round")

    def __call__(
        self, vectors: Float[Tensor, "batch cells width"], letters: Letters
    ) -> Float[Tensor, "batch cells letters"]:
        """How much of each letter there is in each vector."""
        projections = vectors @ letters.readers.mT
        if self.inverse_temperature is not None:
            return torch.softmax(self.inverse_temperature * projections, dim=-1)
        if self.floor is None:
            return projections
        rounded = torch.where(projections > self.floor, projections, 0)
        total = rounded.sum(-1, keepdim=True)
        return torch.where(total > 0, rounded / torch.where(total > 0, total, 1), rounded)


RAW = Reading()
ROUNDED = Reading(floor=1e-4)
CLEAN = Reading(inverse_temperature=40.0)
READINGS = {Kind.ONEHOT: RAW, Kind.ORTHONORMAL: ROUNDED, Kind.GAUSSIAN: CLEAN, Kind.BIPOLAR: CLEAN}
"""What suits each kind of codebook."""
