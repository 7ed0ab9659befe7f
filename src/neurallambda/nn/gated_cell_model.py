"""A row of gated cells that computes for as many steps as it is long."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.initial import by_fan_in_
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.token_range import check_range
from neurallambda.structures.cell_array.array import certain
from neurallambda.structures.cell_array.gated import GatedWeights, gated_step

RESET, UPDATE = 0.5, 0.7
"""The biases of the gates at the start: cells are mostly read, and mostly carried on."""


@checked
class GatedCellModel(nn.Module):
    """The input is written into a row of cells, all cells follow one gated rule, and the answer stands in them at the end.

    Cell number t holds token t of the input at first, and answer number t in the end; between, `gated_step` is applied as
    often as the row of cells is long, times `pace`, so that every cell can have met every other. The input is given again
    at every step. A row of a batch has as many cells, and takes as many steps, as its own input and answer ask for, and
    so does not depend on the others.

    Args:
        inputs: how many tokens there are; the last is the empty one, at which answers are read.
        outputs: how many classes of answers.
        channels: the numbers in a cell.
        pace: steps for each cell.
        share: how much of a row its input, or its answer, takes at most; less than 1 spares cells that are never needed.
        dropout: the share of the candidates that is dropped in training.
        saturation: how strongly activations are pushed out of saturation in training (the mean over steps and cells).

    Raises:
        ArgumentError: if a number is too small, or out of its range.

    Example:
        >>> model = GatedCellModel(3, 2, channels=6)
        >>> model(torch.tensor([[0, 1, 1, 2, 2, 2]])).shape
        torch.Size([1, 6, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        channels: int = 48,
        pace: float = 1.0,
        share: float = 1.0,
        dropout: float = 0.1,
        saturation: float = 1e-3,
    ) -> None:
        super().__init__()
        for name, value, least in (("inputs", inputs, 2), ("outputs", outputs, 1), ("channels", channels, 3)):
            check_count(name, value, least=least)
        for name, value in (("pace", pace), ("saturation", saturation)):
            if not 0 <= value < float("inf"):
                raise ArgumentError(f"{name}: got {value}, expected a finite number of at least zero")
        if not 0 <= dropout < 1:
            raise ArgumentError(f"dropout: got {dropout}, expected a share of at least 0 and below 1")
        if not 0 < share <= 1:
            raise ArgumentError(f"share: got {share}, expected a part of a row, above 0 and at most 1")
        self.pace, self.share, self.dropout, self.saturation = pace, share, dropout, saturation
        self.embedding = nn.Parameter(torch.randn(inputs, channels) / 2)
        self.gates = nn.Parameter(by_fan_in_(torch.empty(2 * channels, 4 * channels)).T.contiguous())
        self.gate_bias = nn.Parameter(torch.cat([torch.full((channels,), RESET), torch.full((channels,), UPDATE)]))
        self.candidate = nn.Parameter(by_fan_in_(torch.empty(channels, 4 * channels)).T.contiguous())
        self.candidate_bias = nn.Parameter(torch.zeros(channels))
        self.readout = nn.Parameter(by_fan_in_(torch.empty(outputs, channels)).T.contiguous())

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """Logits of the answer; they mean something where a row's input has ended.

        Args:
            tokens: the input, and then empty tokens.
            mask: which tokens are real; without one all are.
        """
        check_tokens(tokens, mask)
        check_range(tokens, len(self.embedding))
        empty, time = len(self.embedding) - 1, tokens.shape[1]
        real = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask
        tokens = torch.where(real, tokens, empty)
        place = torch.arange(time, device=tokens.device)
        length = ((tokens == empty).long().cumsum(1) == 0).sum(1, keepdim=True)
        count = torch.maximum(length, real.sum(1, keepdim=True) - length)
        width = max(1, int(-(-time * self.share // 1)))
        there = place[:width] < count
        steps = int(-(-width * self.pace // 1))
        recalled = certain(tokens[:, :width], empty + 1, self.embedding.dtype) @ self.embedding
        recalled = recalled.clamp(-1, 1) * there[..., None].to(recalled.dtype)
        weights = GatedWeights(self.gates, self.gate_bias, self.candidate, self.candidate_bias)
        effort = self.saturation / max(1, steps * width * tokens.shape[0]) if self.training else 0.0
        cells, dropout = recalled, self.dropout if self.training else 0.0
        for step in range(steps):
            after = gated_step(cells, recalled, there, weights, saturation=effort, dropout=dropout)
            cells = torch.where((step < count * self.pace)[..., None], after, cells)
        answers = cells @ self.readout
        index = (place - length).clamp(0, width - 1)[..., None].expand(-1, -1, answers.shape[-1])
        return answers.gather(1, index)
