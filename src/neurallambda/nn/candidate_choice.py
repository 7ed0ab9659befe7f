"""A choice among vectors by gates over gates: what every kind of first layer is read by."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn.nand import soft_nand
from neurallambda.symbols.checks import check_vectors


class CandidateChoice(nn.Module, ABC):
    """Give back one of the candidates, chosen by a gate of NAND for each over what a first layer of gates says.

        chance = soft_nand(first, weights), divided by its sum over the candidates
        result = sum over candidates of chance times candidate

    Attributes:
        participation: logits of the weights, shape (candidates, gates): which gates count for which candidate.
    """

    participation: nn.Parameter

    @abstractmethod
    def _first_gates(self, candidates: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """How true each gate of the first layer is, shape (..., gates)."""

    def chances(self, candidates: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """How likely each candidate is to be chosen.

        Args:
            candidates: shape (..., candidates, size).

        Returns:
            Distributions, shape (..., candidates).

        Raises:
            ArgumentError: if the candidates do not fit.
        """
        check_vectors("candidates", candidates)
        count = len(self.participation)
        if candidates.ndim < 2 or candidates.shape[-2] != count:
            raise ArgumentError(
                f"candidates: got shape {tuple(candidates.shape)}, expected (..., {count}, size): "
                f"the last axes are the candidates and the numbers of each"
            )
        gates = soft_nand(self._first_gates(candidates)[..., None, :], self.participation.sigmoid())
        return gates / gates.sum(-1, keepdim=True).clamp_min(torch.finfo(gates.dtype).tiny)

    def forward(self, candidates: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The chosen candidate, as a mixture where the choice is not certain.

        Args:
            candidates: shape (..., candidates, size).

        Returns:
            Shape (..., size).

        Raises:
            ArgumentError: if the candidates do not fit.
        """
        return (self.chances(candidates)[..., None] * candidates).sum(-2)
