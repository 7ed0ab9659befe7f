"""A choice among vectors that depends on how they relate, and on nothing else about them."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.arguments import checked
from neurallambda.device import check_device
from neurallambda.errors import check_count
from neurallambda.nn.candidate_choice import CandidateChoice
from neurallambda.nn.nand import SPREAD, Nand


@checked
class NandChoice(CandidateChoice):
    """Give back one of the candidates, chosen by two layers of NAND.

    The gates of the first layer see the candidates and the products of every two of them, number by number. For vectors
    of signs the product is the binding of vector-symbolic architectures: that of a vector with itself is all ones,
    whichever vector it is, and that of two unrelated vectors looks random. So "these two are equal" is a pattern that a
    gate can expect, and a rule that was learned from some symbols holds for all. The second layer has a gate for each
    candidate:

        first  = Nand(candidates and products)
        chance = soft_nand(first, weights), divided by its sum over the candidates
        result = sum over candidates of chance times candidate

    Attributes:
        first: the first layer.
        participation: logits, shape (candidates, gates): which gates of the first layer count for which candidate.

    Example:
        >>> choice = NandChoice(candidates=3, size=8, gates=4, generator=torch.Generator().manual_seed(0))
        >>> choice(torch.ones(5, 3, 8)).shape
        torch.Size([5, 8])
    """

    def __init__(
        self,
        *,
        candidates: int,
        size: int,
        gates: int,
        generator: Generator,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Draw the parameters.

        Args:
            candidates: how many vectors there are to choose from.
            size: how wide each is.
            gates: how many gates the first layer has.
            generator: the source of randomness.
            device: where the parameters live.
            dtype: their floating point type.

        Raises:
            ArgumentError: if a number is not a positive integer.
        """
        check_device(device)
        check_count("candidates", candidates, least=1)
        super().__init__()
        inputs = candidates + candidates * (candidates - 1) // 2
        self.first = Nand(inputs=inputs, size=size, gates=gates, generator=generator, device=device, dtype=dtype)
        drawn = torch.randn(candidates, gates, generator=generator, dtype=torch.float64, device=generator.device)
        self.participation = nn.Parameter((SPREAD * drawn).to(device=device, dtype=dtype))

    def _first_gates(self, candidates: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """How true each gate of the first layer is, shape (..., gates)."""
        return self.first(with_products(candidates))


def with_products(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The vectors, and after them the products of every two of them, number by number.

    Args:
        vectors: shape (..., count, size).

    Returns:
        Shape (..., count + count * (count - 1) / 2, size).
    """
    left, right = torch.triu_indices(vectors.shape[-2], vectors.shape[-2], offset=1, device=vectors.device)
    return torch.cat([vectors, vectors[..., left, :] * vectors[..., right, :]], -2)
