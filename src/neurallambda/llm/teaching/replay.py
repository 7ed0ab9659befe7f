"""What a model is given again while it is taught, so that it stays what it was: its own texts, some with random tokens among them."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from neurallambda.llm.teaching.texts import beginning, own_texts


@dataclass(frozen=True)
class Replay:
    """Texts on which a model is to go on saying what it said.

    Of its own texts alone it learns to leave its own texts alone: what it does with tokens that these do not have is left
    open, and in another kind of text it then goes wrong. Random tokens have all of them, but where nothing else is around them
    they say little about texts. So in every second text some tokens, from none to all, are replaced by random ones.

    They are long or short. A structure that has just begun is told little by what it sees, and goes wrong at the first words; of
    those there are many in short texts. What goes wrong late is in long ones alone.

    A model begins its own texts with a token that not every tokenizer puts before other texts. Where none is put there, half of
    the texts have none: else a structure learns that all is plain text where the token is, and all is a task where it is not.

    Attributes:
        texts: [texts, time] tokens that the model wrote by itself.
        vocabulary: how many tokens there are.
        begin: the tokens that every text begins with that is given to the model, a task's and others (`beginning`).
    """

    texts: Tensor
    vocabulary: int
    begin: tuple[int, ...]

    def draw(self, *, tokens: int, lengths: tuple[int, int], random: Random, generator: torch.Generator) -> Tensor:
        """Pieces of them: [texts, length] tokens. At least two, and as many as have so many tokens.

        Half begin as the model begins its own texts, half anywhere, but for what every text begins with.

        Args:
            tokens: how many in all, about.
            lengths: the least and the greatest length, which are drawn evenly on a logarithmic scale; of a text at most as many as there are.
            random: the source of randomness of lengths.
            generator: that of everything else.
        """
        least, greatest = (min(length, self.texts.shape[1]) for length in lengths)
        length = round(least * (greatest / least) ** random.random())
        rows = max(2, tokens // length)
        own = self.texts[torch.randint(len(self.texts), (rows,), generator=generator)]
        first = torch.randint(self.texts.shape[1] - length + 1, (rows, 1), generator=generator)
        first = first * torch.randint(2, (rows, 1), generator=generator)  # half of them from the beginning
        pieces = own.gather(1, first + torch.arange(length))
        begin = torch.tensor(self.begin[: length - 1], dtype=pieces.dtype)
        pieces[:, : len(begin)] = begin
        mixed = pieces[1::2, len(begin) :]
        drawn = torch.randint(self.vocabulary, mixed.shape, generator=generator)
        shares = torch.rand(len(mixed), 1, generator=generator)
        is_replaced = torch.rand(mixed.shape, generator=generator) < shares
        mixed.copy_(torch.where(is_replaced, drawn, mixed))
        return pieces


def replay_of(model: Any, tokenizer: Any, place: Path | None) -> tuple[Tensor, Replay]:
    """The texts of a base model that are held out, and what it is given again in training.

    Args:
        model: without a graft, in evaluation.
        tokenizer: of the model.
        place: the folder where its texts are kept; None: nowhere.
    """
    held, texts = own_texts(model, place)
    return held, Replay(texts, model.config.vocab_size, beginning(tokenizer))
