"""The rule table as parameters: for each cell a distribution over the moves."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.automaton import Automaton
from neurallambda.twins.axes import Layout
from neurallambda.weighted import NOTHING, is_something, safe_log


@checked_methods("reset")
@checked
class RuleTable(nn.Module):
    """Weights over the moves of each cell, and over accepting or not in each state.

    The last entry of a cell is the weight of stopping there, which refuses the string.

    Args:
        machine: the machine whose rules it holds.
        weigh: "chances": the rules that apply in a cell share it equally, so the weights of a cell sum to one and stay
            so when they are trained. "runs": every rule weighs one, so a string's total weight is the number of its
            accepting runs.
        device: where the parameters lie.
        dtype: their type.
    """

    def __init__(
        self,
        machine: Automaton,
        *,
        weigh: str = "chances",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.layout = Layout(machine)
        self.is_normalized = weigh == "chances"
        counts = self.layout.counts(device=device, dtype=dtype)
        stops = (counts.sum(-1, keepdim=True) == 0).to(dtype)
        self.scores = nn.Parameter(safe_log(torch.cat([counts, stops], -1)))
        admits = [machine.acceptance.admits(state) for state in self.layout.states]
        self.accept_scores = nn.Parameter(
            torch.tensor([-NOTHING if a else NOTHING for a in admits], device=device, dtype=dtype)
        )

    def reset(self, *, generator: torch.Generator, spread: float = 1.0, may_stop: bool = True) -> None:
        """Forget the rules: scores drawn from a normal distribution for the moves that each cell has.

        Args:
            generator: the source of randomness, on the CPU.
            spread: the standard deviation.
            may_stop: whether a cell that has moves may also refuse.
        """
        with torch.no_grad():
            possible = is_something(self.scores)
            if may_stop:
                possible[..., -1] = True
            for scores, kept in (
                (self.scores, possible),
                (self.accept_scores, torch.ones_like(self.accept_scores) > 0),
            ):
                drawn = torch.randn(scores.shape, generator=generator, dtype=torch.float64).to(scores)
                scores.copy_(torch.where(kept, spread * drawn, NOTHING))

    @property
    def log_weights(self) -> Float[Tensor, "*cells moves"]:
        """The logarithm of each move's weight in each cell; the last entry is that of stopping."""
        return functional.log_softmax(self.scores, -1) if self.is_normalized else self.scores

    @property
    def log_accept(self) -> Float[Tensor, " states"]:
        """The logarithm of the chance that a run which ends in a state accepts."""
        return functional.logsigmoid(self.accept_scores)

    @property
    def log_decline(self) -> Float[Tensor, " states"]:
        """The logarithm of the chance that it does not."""
        return functional.logsigmoid(-self.accept_scores)


def uncertainty(log_weights: Float[Tensor, "*cells moves"]) -> Float[Tensor, ""]:
    """The mean entropy of the cells, as a share of the largest there can be: 0 where every cell is decided."""
    entropy = -(log_weights.exp() * log_weights.clamp_min(NOTHING / 2)).sum(-1).mean()
    return entropy / math.log(log_weights.shape[-1])
