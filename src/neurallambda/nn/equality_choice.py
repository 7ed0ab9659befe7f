"""A choice among vectors that depends on which of them are equal, whatever codebook they come from."""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.arguments import checked
from neurallambda.device import check_device
from neurallambda.errors import check_count
from neurallambda.nn.candidate_choice import CandidateChoice
from neurallambda.nn.nand import SHARPNESS, SPREAD, THRESHOLD, soft_nand
from neurallambda.symbols.similarity import direction


@checked
class EqualityChoice(CandidateChoice):
    """Give back one of the candidates, chosen by two layers of NAND over the cosines of every two of them.

    The gates see how alike the candidates are and nothing else about them: no number of any vector. So a rule that was
    learned from some symbols holds for all, and for every codebook whose symbols lie apart: bipolar, Gaussian,
    orthonormal or one-hot.

        equal_ij = sigmoid(k (cos(x_i, x_j) - c))                     for each pair i < j
        truth_gp = a_gp equal_p + (1 - a_gp) (1 - equal_p)            for each gate g and pair p
        first_g  = soft_nand(truth_g, w_g)
        chance   = soft_nand(first, weights), divided by its sum over the candidates
        result   = sum over candidates of chance times candidate

    At the start about one gate takes part for each candidate, however many gates there are. If half of them did, several
    would often be false at once; a NAND of several false inputs is true whatever any one of them does, so none of them has a
    gradient to speak of, and descent could not take back what it chose too early. A recipe that learned to substitute from
    every start that was tried: 16 gates, Adam for 300 steps of 512 places, its rate falling linearly from 0.05 to 0.0025.

    Attributes:
        polarity: logits of a, shape (gates, pairs): whether a gate takes equality or difference for true.
        taking_part: logits of w, shape (gates, pairs): which pairs a gate looks at.
        participation: logits, shape (candidates, gates): which gates count for which candidate.
        log_sharpness: the logarithm of k.
        threshold: c.

    Example:
        >>> choice = EqualityChoice(candidates=3, gates=4, generator=torch.Generator().manual_seed(0))
        >>> choice(torch.ones(5, 3, 8)).shape
        torch.Size([5, 8])
    """

    def __init__(
        self,
        *,
        candidates: int,
        gates: int,
        generator: Generator,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Draw the parameters.

        Args:
            candidates: how many vectors there are to choose from, at least two.
            gates: how many gates the first layer has.
            generator: the source of randomness.
            device: where the parameters live.
            dtype: their floating point type.

        Raises:
            ArgumentError: if a number is not an integer, or too small.
        """
        check_count("candidates", candidates, least=2)
        check_count("gates", gates)
        check_device(device)
        super().__init__()

        def spread(*shape: int, around: float = 0.0) -> nn.Parameter:
            drawn = torch.randn(*shape, generator=generator, dtype=torch.float64, device=generator.device)
            return nn.Parameter((around + SPREAD * drawn).to(device=device, dtype=dtype))

        pairs = candidates * (candidates - 1) // 2
        self.polarity = spread(gates, pairs)
        self.taking_part = spread(gates, pairs)
        self.participation = spread(candidates, gates, around=-math.log(gates))
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS, device=device, dtype=dtype).log())
        self.threshold = nn.Parameter(torch.tensor(THRESHOLD, device=device, dtype=dtype))

    def _first_gates(self, candidates: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """How true each gate over the pairs is, shape (..., gates)."""
        equal = (self.log_sharpness.exp() * (pairwise_cosines(candidates) - self.threshold)).sigmoid()[..., None, :]
        positive = self.polarity.sigmoid()
        truths = positive * equal + (1 - positive) * (1 - equal)
        return soft_nand(truths, self.taking_part.sigmoid())


def pairwise_cosines(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The cosines of every two of the vectors.

    Args:
        vectors: shape (..., count, size).

    Returns:
        Shape (..., count * (count - 1) / 2), in the order (0, 1), (0, 2), ..., (1, 2), ...

    Example:
        >>> pairwise_cosines(torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0]]))
        tensor([1., 0., 0.])
    """
    left, right = torch.triu_indices(vectors.shape[-2], vectors.shape[-2], offset=1, device=vectors.device)
    pointing = direction(vectors)
    return (pointing[..., left, :] * pointing[..., right, :]).sum(-1)
