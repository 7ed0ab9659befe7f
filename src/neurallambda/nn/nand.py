"""NAND over what vectors match: a small symbolic module that descent can train."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.arguments import checked
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, check_count
from neurallambda.symbols.checks import check_vectors
from neurallambda.symbols.similarity import direction

SHARPNESS = 8.0
THRESHOLD = 0.5
SPREAD = 0.5
"""The standard deviation of the logits at the start: enough for gates to differ."""


def soft_nand(truths: Float[Tensor, "..."], participation: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Not all of the inputs that take part are true: 1 - prod_i (1 - w_i (1 - t_i)).

    It is the probability of that statement, where input i takes part with probability w_i and is true with probability
    t_i, all independently. So it is linear in each argument, and Boolean NAND where all of them are 0 or 1. Where
    nothing takes part it is 0: of no inputs, all are true.

    Args:
        truths: probabilities, shape (..., inputs).
        participation: probabilities, shape (..., inputs), broadcast against the truths: a row for each gate, say.

    Returns:
        Probabilities, shape (...).

    Raises:
        ArgumentError: if the numbers of inputs differ.

    Example:
        >>> soft_nand(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), torch.tensor([1.0, 1.0]))
        tensor([0., 1.])
        >>> soft_nand(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.25]))
        tensor(0.2500)
    """
    check_vectors("truths", truths)
    check_vectors("participation", participation)
    if truths.shape[-1:] != participation.shape[-1:]:
        raise ArgumentError(
            f"participation: got shape {tuple(participation.shape)} against truths of {tuple(truths.shape)}, "
            f"expected last axes of one size, the number of inputs"
        )
    return 1 - (1 - participation * (1 - truths)).prod(-1)


@checked
class Nand(nn.Module):
    """Gates over vectors: each asks whether its inputs match what it expects, and gives the NAND of the answers.

    Gate g has, for input i, a pattern p, a polarity and a participation, all learned:

        match_gi = sigmoid(k (cos(x_i, p_gi) - c))
        truth_gi = a_gi match_gi + (1 - a_gi) (1 - match_gi)
        gate_g   = 1 - prod_i (1 - w_gi (1 - truth_gi))

    The sharpness k > 0 and the threshold c are shared; a_gi = sigmoid(polarity) says whether a match makes the input true
    or false, w_gi = sigmoid(participation) whether the input counts. As k and the logits grow, a gate becomes Boolean
    NAND of "input i is within c of the pattern" and its negations. NAND is universal: gates of gates compute any
    Boolean function.

    Attributes:
        patterns: shape (gates, inputs, size); only their directions matter.
        polarity: logits, shape (gates, inputs).
        participation: logits, shape (gates, inputs).
        log_sharpness: the logarithm of k.
        threshold: c.

    Example:
        >>> gates = Nand(inputs=2, size=3, gates=4, generator=torch.Generator().manual_seed(0))
        >>> gates(torch.eye(3)[:2]).shape
        torch.Size([4])
    """

    def __init__(
        self,
        *,
        inputs: int,
        size: int,
        gates: int,
        generator: Generator,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Draw the parameters.

        Args:
            inputs: how many vectors the gates see.
            size: how wide each vector is.
            gates: how many gates there are.
            generator: the source of randomness.
            device: where the parameters live.
            dtype: their floating point type.

        Raises:
            ArgumentError: if a number is not a positive integer.
        """
        super().__init__()
        check_device(device)
        for name, count in (("inputs", inputs), ("size", size), ("gates", gates)):
            check_count(name, count, least=1)

        def normal(*shape: int) -> Tensor:
            drawn = torch.randn(*shape, generator=generator, dtype=torch.float64, device=generator.device)
            return drawn.to(device=device, dtype=dtype)

        self.patterns = nn.Parameter(normal(gates, inputs, size))
        self.polarity = nn.Parameter(SPREAD * normal(gates, inputs))
        self.participation = nn.Parameter(SPREAD * normal(gates, inputs))
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS, device=device, dtype=dtype).log())
        self.threshold = nn.Parameter(torch.tensor(THRESHOLD, device=device, dtype=dtype))

    def truths(self, vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """What each gate thinks of each input.

        Args:
            vectors: shape (..., inputs, size).

        Returns:
            Probabilities, shape (..., gates, inputs).

        Raises:
            ArgumentError: if the vectors do not fit.
        """
        check_vectors("vectors", vectors)
        if vectors.shape[-2:] != self.patterns.shape[1:]:
            raise ArgumentError(
                f"vectors: got shape {tuple(vectors.shape)}, expected (..., {', '.join(map(str, self.patterns.shape[1:]))}): "
                f"the last axes are the inputs and the numbers of each"
            )
        cosines = torch.einsum("...is,gis->...gi", direction(vectors), direction(self.patterns))
        match = (self.log_sharpness.exp() * (cosines - self.threshold)).sigmoid()
        positive = self.polarity.sigmoid()
        return positive * match + (1 - positive) * (1 - match)

    def forward(self, vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """How true each gate is.

        Args:
            vectors: shape (..., inputs, size).

        Returns:
            Probabilities, shape (..., gates).

        Raises:
            ArgumentError: if the vectors do not fit.
        """
        return soft_nand(self.truths(vectors), self.participation.sigmoid())
