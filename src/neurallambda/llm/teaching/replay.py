"""What a model is given again while it is taught, so that it stays what it was: its own texts, and random tokens."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from neurallambda.llm.teaching.texts import own_texts


@dataclass(frozen=True)
class Replay:
    """Texts on which a model is to go on saying what it said.

    Of its own texts alone it learns to leave its own texts alone: what it does with tokens that these do not have is left
    open, and in another kind of text it then goes wrong. Random tokens have all of them.

    Attributes:
        texts: [texts, time] tokens that the model wrote by itself.
        vocabulary: how many tokens there are.
    """

    texts: Tensor
    vocabulary: int

    def draw(self, *, rows: int, random_rows: int, length: int, random: Random, generator: torch.Generator) -> Tensor:
        """Some of them: [rows + random_rows, length] tokens, or as many as the texts have.

        Args:
            rows: how many of its own texts, each from its beginning or from somewhere on, begun as a text is.
            random_rows: how many of random tokens, begun as a text is.
            length: how many tokens of each.
            random: the source of randomness of places.
            generator: that of rows and tokens.
        """
        own = self.texts[torch.randint(len(self.texts), (rows,), generator=generator)]
        spare = max(own.shape[1] - length, 0)
        first = random.choice([0, random.randint(0, spare)])
        pieces = torch.cat([own[:, :1], own[:, first + 1 : first + length]], 1)
        drawn = torch.randint(self.vocabulary, (random_rows, pieces.shape[1]), generator=generator)
        drawn[:, 0] = self.texts[0, 0]
        return torch.cat([pieces, drawn])


def replay_of(model: Any, place: Path | None) -> tuple[Tensor, Replay]:
    """The texts of a base model that are held out, and what it is given again in training.

    Args:
        model: without a graft, in evaluation.
        place: the folder where its texts are kept; None: nowhere.
    """
    held, texts = own_texts(model, place)
    return held, Replay(texts, model.config.vocab_size)
