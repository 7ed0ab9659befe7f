"""The rule table as parameters: for each cell a distribution over the moves."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.automaton import Automaton
from neurallambda.errors import ArgumentError
from neurallambda.twins import ring
from neurallambda.twins.axes import Layout
from neurallambda.weighted import NOTHING

WEIGHTS = ("chances", "runs")


@checked_methods("reset")
@checked
class RuleTable(nn.Module):
    """Weights over the moves of each cell, and over accepting or not in each state.

    The last entry of a cell is the weight of stopping there, which refuses the string. What a machine never does is masked:
    its score is a finite number that says nothing, and its weight is zero. A table in half precision gives its weights in
    float32, where the logarithm of nothing is a number.

    Args:
        machine: the machine whose rules it holds.
        weigh: "chances": the rules that apply in a cell share it equally, so the weights of a cell sum to one and stay
            so when they are trained. "runs": every rule weighs one, so a string's total weight is the number of its
            accepting runs.
        device: where the parameters lie.
        dtype: their type.

    Attributes:
        scores: a score for each move of each cell, and for stopping there.
        accept_scores: a score for accepting in each state where both endings are possible.
        possible: which moves each cell may take, and whether it may stop.
        endings: whether each state may accept, and whether it may decline.

    Raises:
        ArgumentError: there is no such way to weigh, or the type has no fractions.
    """

    possible: Bool[Tensor, "*cells moves"]
    endings: Bool[Tensor, "states 2"]
    target: Int[Tensor, " moves"]
    reads: Bool[Tensor, " moves"]

    def __init__(
        self,
        machine: Automaton,
        *,
        weigh: str = "chances",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if weigh not in WEIGHTS:
            raise ArgumentError(f"weigh: got {weigh!r}, expected one of {', '.join(map(repr, WEIGHTS))}")
        if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
            raise ArgumentError(f"dtype: got {dtype!r}, expected a type with fractions, such as torch.float32")
        self.layout = Layout(machine)
        self.is_normalized = weigh == "chances"
        counts = self.layout.counts(dtype=torch.float64)
        counts = torch.cat([counts, (counts.sum(-1, keepdim=True) == 0).double()], -1)
        admits = torch.tensor([machine.acceptance.admits(state) for state in self.layout.states])
        self.scores = nn.Parameter(counts.clamp_min(1.0).log().to(device, dtype))
        self.accept_scores = nn.Parameter(torch.zeros(len(admits), device=device, dtype=dtype))
        self.register_buffer("possible", (counts > 0).to(device))
        self.register_buffer("endings", torch.stack([admits, ~admits], -1).to(device))
        moves = self.layout.moves
        target = torch.tensor([self.layout.states.index(move.target) for move in moves], device=device)
        self.register_buffer("target", target, persistent=False)
        reads = torch.tensor([move.reads for move in moves], device=device)
        self.register_buffer("reads", reads, persistent=False)
        for number, shown in enumerate(self.layout.shown):
            effects = [ring.effect_of(move.operations[number], shown) for move in moves]
            self.register_buffer(f"effects_{number}", torch.tensor(effects, device=device), persistent=False)

    @property
    def effects(self) -> tuple[Int[Tensor, "moves numbers"], ...]:
        """For each memory what each move does to it, the numbers of a `ring.Effect`."""
        return tuple(self.get_buffer(f"effects_{number}") for number in range(len(self.layout.shown)))

    def reset(self, *, generator: torch.Generator, spread: float = 1.0, may_stop: bool = True) -> None:
        """Forget the rules: scores drawn from a normal distribution for the moves that each cell has.

        Args:
            generator: the source of randomness, on the CPU.
            spread: the standard deviation.
            may_stop: whether a cell that has moves may also refuse.
        """
        with torch.no_grad():
            if may_stop:
                self.possible[..., -1] = True
            self.endings[:] = True
            for scores, kept in ((self.scores, self.possible), (self.accept_scores, self.endings[:, 0])):
                drawn = torch.randn(scores.shape, generator=generator, dtype=torch.float64).to(scores)
                scores.copy_(torch.where(kept, spread * drawn, 0.0))

    def soften(self, chance: float) -> None:
        """Make everything possible, and give a chance of doing anything at all: a start for training from rules.

        A cell that knows one move gives no gradient to its score, however it is written; afterwards every score has one.

        Args:
            chance: the share of each cell, and of each state's ending, that is spread evenly; above 0 and below 1.

        Raises:
            ArgumentError: it is no such share, or the table weighs runs.
        """
        if not 0 < chance < 1:
            raise ArgumentError(f"chance: got {chance!r}, expected a share above 0 and below 1")
        if not self.is_normalized:
            raise ArgumentError('weigh: got "runs", whose weights are no chances; build the twin with weigh="chances"')
        with torch.no_grad():
            weights = (1 - chance) * self.log_weights.double().exp() + chance / self.scores.shape[-1]
            accept = (1 - chance) * self.log_accept.double().exp() + chance / 2
            self.scores.copy_(weights.log())
            self.accept_scores.copy_(torch.logit(accept))
        self.allow_all()

    def allow_all(self) -> None:
        """Take the masks off: every cell may take every move or stop, every state may accept or not, by the scores."""
        with torch.no_grad():
            self.possible[:] = True
            self.endings[:] = True

    @property
    def log_weights(self) -> Float[Tensor, "*cells moves"]:
        """The logarithm of each move's weight in each cell; the last entry is that of stopping."""
        scores = torch.where(self.possible, _wide(self.scores), NOTHING)
        return functional.log_softmax(scores, -1) if self.is_normalized else scores

    @property
    def log_accept(self) -> Float[Tensor, " states"]:
        """The logarithm of the chance that a run which ends in a state accepts."""
        return self._log_ending(0)

    @property
    def log_decline(self) -> Float[Tensor, " states"]:
        """The logarithm of the chance that it does not."""
        return self._log_ending(1)

    def _log_ending(self, which: int) -> Float[Tensor, " states"]:
        score = _wide(self.accept_scores)
        certain = torch.where(self.endings[:, which], torch.zeros_like(score), NOTHING)
        return torch.where(self.endings.all(-1), functional.logsigmoid(-score if which else score), certain)


def _wide(scores: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The scores in a type that holds the logarithm of nothing and a sum of many of them."""
    return scores.float() if scores.dtype.itemsize < 4 else scores


def uncertainty(log_weights: Float[Tensor, "*cells moves"]) -> Float[Tensor, ""]:
    """The mean entropy of the cells, as a share of the largest there can be: 0 where every cell is decided."""
    entropy = -(log_weights.exp() * log_weights.clamp_min(NOTHING / 2)).sum(-1).mean()
    return entropy / math.log(log_weights.shape[-1])
