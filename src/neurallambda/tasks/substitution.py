"""The substitution task: given a sequence and two symbols, replace each occurrence of the first by the second.

It is judged on whole sequences, on symbols whose vectors no example of the training showed, and on longer sequences.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from neurallambda.descent import descend
from neurallambda.errors import ArgumentError
from neurallambda.state import Batched, state
from neurallambda.symbols.codebook import Codebook
from neurallambda.symbols.similarity import cosine_with_all

HITS = 0.25
"""How often, at least, a place of a sequence holds the symbol to be replaced."""
LAST_RATE = 0.05
"""The learning rate at the end, as a part of that at the start."""


@state
class Pairs(Batched):
    """Sequences before and after a substitution; symbols are places in a codebook."""

    sequence: Int[Tensor, "batch length"]
    old: Int[Tensor, " batch"]
    new: Int[Tensor, " batch"]
    target: Int[Tensor, "batch length"]


def draw(symbols: Sequence[int], *, batch: int, length: int, generator: Generator) -> Pairs:
    """Random sequences, two different symbols for each, and what the substitution makes of it.

    Args:
        symbols: the places in the codebook that may occur, at least two.
        batch: how many sequences.
        length: how long each is.
        generator: the source of randomness, on the CPU.

    Returns:
        The pairs, on the CPU. A quarter of the places hold the symbol to be replaced, the others any symbol.

    Raises:
        ArgumentError: if there is only one symbol.

    Example:
        >>> pairs = draw(range(4), batch=1, length=6, generator=torch.Generator().manual_seed(0))
        >>> pairs.old, pairs.new
        (tensor([0]), tensor([1]))
        >>> pairs.sequence, pairs.target
        (tensor([[1, 0, 3, 3, 0, 0]]), tensor([[1, 1, 3, 3, 1, 1]]))
    """
    if len(symbols) < 2:
        raise ArgumentError(f"symbols: got {len(symbols)}, expected at least two, the old one and the new one")
    places = torch.tensor(symbols)
    old = torch.randint(len(places), (batch,), generator=generator)
    new = (old + torch.randint(1, len(places), (batch,), generator=generator)) % len(places)
    anything = torch.randint(len(places), (batch, length), generator=generator)
    hit = torch.rand(batch, length, generator=generator) < HITS
    sequence = torch.where(hit, old[:, None], anything)
    target = torch.where(sequence == old[:, None], new[:, None], sequence)
    return Pairs(sequence=places[sequence], old=places[old], new=places[new], target=places[target])


def candidates(pairs: Pairs, codebook: Codebook) -> Float[Tensor, "batch length three size"]:
    """What a model is given at each place: the vectors of the symbol there, of the old symbol, and of the new one."""
    given = torch.stack(
        [pairs.sequence, *(symbol[:, None].expand_as(pairs.sequence) for symbol in (pairs.old, pairs.new))], -1
    )
    return codebook.vectors[given]


def train(
    model: nn.Module,
    codebook: Codebook,
    symbols: Sequence[int],
    *,
    steps: int,
    learning_rate: float,
    generator: Generator,
    batch: int = 32,
    length: int = 16,
) -> None:
    """Teach a model, in place, to give the vectors of the target: Adam on the mean squared error, its rate falling linearly.

    Args:
        model: a function from `candidates` to vectors, shape (batch, length, size).
        codebook: the vectors of the symbols.
        symbols: the places in the codebook that training may show.
        steps: how many batches.
        learning_rate: Adam's, at the start.
        generator: the source of the pairs.
        batch: how many sequences at a time.
        length: how long they are.
    """

    def loss(_: int) -> Tensor:
        return error(model, codebook, draw(symbols, batch=batch, length=length, generator=generator))

    descend(model.parameters(), loss, steps=steps, learning_rate=learning_rate, last_rate=LAST_RATE)


def error(model: nn.Module, codebook: Codebook, pairs: Pairs) -> Float[Tensor, ""]:
    """The mean squared error of a model's vectors."""
    return (model(candidates(pairs, codebook)) - codebook.vectors[pairs.target]).square().mean()


@torch.no_grad()
def exact(model: nn.Module, codebook: Codebook, pairs: Pairs) -> float:
    """The share of sequences that a model gets right at every place, read by the nearest of all symbols.

    Args:
        model: a function from `candidates` to vectors.
        codebook: the vectors of the symbols; all of them are possible answers.
        pairs: the sequences.

    Returns:
        From 0 to 1.
    """
    vectors = model(candidates(pairs, codebook))
    read = cosine_with_all(vectors, codebook.vectors).argmax(-1)
    return float((read == pairs.target).all(-1).double().mean())
