"""How an RWKV-7 is pretrained here: its sizes and its training, as one frozen value."""

from dataclasses import dataclass
from typing import Literal

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.pretraining.seeds import check_seed
from neurallambda.llm.teaching.recipe import check_rate


@checked
@dataclass(frozen=True, kw_only=True)
class PretrainingRecipe:
    """How large a model is, and how it is trained.

    Args:
        vocabulary: how many tokens its tokenizer has.
        layers: how many blocks.
        width: of hidden states.
        head: how many of these numbers a head has; the width is a multiple of it.
        inner: how many numbers the feed-forward layers have inside.
        rank: of the small matrices that decays, rates and gates come from.
        is_tied: whether tokens are written in the code that they are read in, one matrix for both. What a graft reads begins as what was
            seen, so in a model that is not tied it begins as nothing that can be said.
        steps: how many. They may be raised later: rates before the fall do not depend on them.
        rows: how many pieces of text a step has.
        time: how many tokens a piece has.
        learning_rate: the greatest; it rises over the first steps, stays, and falls to zero at the end.
        rise: how many steps it rises over.
        fall: over which part of the steps it falls.
        weight_decay: of the matrices of linear layers.
        clip: the greatest norm of the gradient.
        precision: what products of matrices are computed in; the recurrence, norms and losses stay in float32.
        held: how many batches of texts, the first of the file, are not trained on.
        check_every: after how many steps the loss on those is measured.
        save_every: after how many seconds what is reached is kept.
        seed: the same seed gives the same model.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.
    """

    vocabulary: int = 4096
    layers: int = 4
    width: int = 256
    head: int = 64
    inner: int = 1024
    rank: int = 32
    is_tied: bool = True
    steps: int = 2000
    rows: int = 8
    time: int = 256
    learning_rate: float = 2e-3
    rise: int = 50
    fall: float = 0.4
    weight_decay: float = 0.05
    clip: float = 1.0
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    held: int = 1
    check_every: int = 100
    save_every: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        names = ("layers", "width", "head", "inner", "rank", "steps", "rows", "rise", "held", "check_every")
        for name in names:
            check_count(name, getattr(self, name))
        check_seed(self.seed)
        check_count("vocabulary", self.vocabulary, least=300)
        check_count("time", self.time, least=2)
        for name in ("learning_rate", "clip", "save_every"):
            check_rate(name, getattr(self, name))
        if self.width % self.head:
            raise ArgumentError(f"head: got {self.head}, expected a divisor of the width, {self.width}")
        if not 0 < self.fall <= 1:
            raise ArgumentError(f"fall: got {self.fall}, expected a part of the steps, above 0 and at most 1")
        if not 0 <= self.weight_decay < 1:
            raise ArgumentError(f"weight_decay: got {self.weight_decay}, expected a number from 0 to below 1")

    def rate_at(self, step: int) -> float:
        """Which part of the greatest learning rate a step has.

        >>> recipe = PretrainingRecipe(steps=100, rise=10, fall=0.5)
        >>> recipe.rate_at(0), recipe.rate_at(9), recipe.rate_at(50), recipe.rate_at(75), recipe.rate_at(99)
        (0.1, 1.0, 1.0, 0.5, 0.02)
        """
        return min(1.0, (step + 1) / self.rise, (self.steps - step) / (self.fall * self.steps))
