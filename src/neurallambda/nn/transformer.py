"""A plain transformer, with PyTorch's own attention, and structures between its blocks where they are wanted."""

import copy
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import check_noise
from neurallambda.nn.positions import Positions, distance_biases, places, rotated, sinusoids
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.structure_layer import StructureLayer
from neurallambda.structures.superposition.queue import SuperpositionQueue
from neurallambda.structures.superposition.stack import SuperpositionStack

_STRUCTURES = {"stack": SuperpositionStack, "queue": SuperpositionQueue}


@checked
class TransformerBlock(nn.Module):
    """Attention and a feed-forward layer, each behind a normalization and added to what came in (Xiong et al., 2020).

    Args:
        dim: the size of the hidden state.
        heads: how many heads of attention; they divide `dim`.
        widen: how many times as wide the feed-forward layer is inside.
        positions: "rotary" turns queries and keys; the other kinds are not the block's concern.
        dropout: the probability with which numbers are left out, in training.

    Raises:
        ArgumentError: if a number is not a positive integer, or the heads do not divide `dim`.

    Example:
        >>> block = TransformerBlock(32, 4)
        >>> block(torch.randn(2, 10, 32), place=torch.arange(10).expand(2, 10)).shape
        torch.Size([2, 10, 32])
    """

    def __init__(
        self, dim: int, heads: int, *, widen: int = 4, positions: Positions = "none", dropout: float = 0.0
    ) -> None:
        super().__init__()
        for name, count in (("dim", dim), ("heads", heads), ("widen", widen)):
            check_count(name, count)
        if dim % (2 * heads if positions == "rotary" else heads):
            what = "an even multiple" if positions == "rotary" else "a multiple"
            raise ArgumentError(f"dim: got {dim} for {heads} heads, expected {what} of them")
        self.heads, self.positions, self.dropout = heads, positions, dropout
        self.norm_of_attention, self.norm_of_feed_forward = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_parts, self.of_values = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, widen * dim), nn.GELU(), nn.Linear(widen * dim, dim), nn.Dropout(dropout)
        )

    def forward(
        self, hidden: Tensor, *, place: Tensor, scores: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        """The hidden states after the block.

        Args:
            hidden: [batch, time, dim].
            place: [batch, time], where each token stands.
            scores: [batch, heads or 1, time, time], what is added to the scores of attention (or booleans, true where
                attention may look).
            is_causal: whether each token sees only itself and those before it; not together with `scores`.

        Returns:
            [batch, time, dim].
        """
        parts = self.to_parts(self.norm_of_attention(hidden)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.transpose(1, 3).unbind(2)
        if self.positions == "rotary":
            query, key = rotated(query, place), rotated(key, place)
        dropout = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=scores, dropout_p=dropout, is_causal=is_causal
        )
        hidden = hidden + self.of_values(seen.transpose(1, 2).flatten(2))
        return hidden + self.feed_forward(self.norm_of_feed_forward(hidden))


@checked
class Transformer(nn.Module):
    """Blocks of attention one after the other, and layers of structures between them.

    Args:
        blocks: the blocks, in order.
        positions: how tokens know where they stand.
        is_causal: whether each token sees only itself and those before it (a decoder), or all (an encoder).
        between: a structure layer by the number of the block that it follows, counted from 1; 0 is before the first.

    Raises:
        ArgumentError: if a layer follows a block that is not there.

    Example:
        >>> body = Transformer([TransformerBlock(8, 2), TransformerBlock(8, 2)])
        >>> body(torch.zeros(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        blocks: Sequence[TransformerBlock],
        *,
        positions: Positions = "none",
        is_causal: bool = True,
        between: Mapping[int, StructureLayer] | None = None,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.positions, self.is_causal = positions, is_causal
        layers = dict(between or {})
        strange = sorted(set(layers) - set(range(len(blocks) + 1)))
        if strange:
            raise ArgumentError(f"between: got a layer behind block {strange[0]}, expected 0 to {len(blocks)}")
        self.between = nn.ModuleDict({str(number): layer for number, layer in layers.items()})

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """The hidden states after all blocks.

        Args:
            hidden: [batch, time, dim].
            mask: [batch, time] booleans, true at a row's own tokens: the others are not seen, and have no place.

        Returns:
            [batch, time, dim].
        """
        place = places(hidden[..., 0], mask)
        if mask is not None:  # of what is no number, 0 times as much is none either: it would be seen
            hidden = torch.where(mask[..., None], hidden, 0.0)
        if self.positions == "sinusoidal":
            hidden = hidden + sinusoids(place, hidden.shape[-1]).to(hidden.dtype)
        scores = self._scores(hidden, place, mask)
        for number in range(len(self.blocks) + 1):
            if number:
                causal = self.is_causal and scores is None
                hidden = self.blocks[number - 1](hidden, place=place, scores=scores, is_causal=causal)
            if str(number) in self.between:
                hidden, _ = self.between[str(number)](hidden, mask)
        return hidden

    def with_room_for(self, time: int) -> "Transformer":
        """The same, sharing its parameters, with structures that never lose what could still be read in so many steps."""
        twin = copy.copy(self)
        resized = {number: layer.with_capacity((time + 1) // 2) for number, layer in self._layers().items()}
        twin._modules = self._modules | {"between": nn.ModuleDict(resized)}
        return twin

    def _layers(self) -> dict[str, StructureLayer]:
        return dict(self.between.items())  # pyright: ignore[reportReturnType]

    def _scores(self, hidden: Tensor, place: Tensor, mask: Tensor | None) -> Tensor | None:
        """What is added to the scores; nothing where PyTorch's own causal mask, or none at all, says it."""
        if mask is None and self.positions != "alibi":
            return None
        time = hidden.shape[1]
        seen = torch.ones(time, time, dtype=torch.bool, device=hidden.device)
        if self.is_causal:
            seen = seen.tril()
        itself = torch.eye(time, dtype=torch.bool, device=hidden.device)
        # A token that does not count sees itself: of no scores at all there is no softmax.
        allowed = seen.expand(len(hidden), 1, time, time) if mask is None else seen & mask[:, None, None] | itself
        if self.positions != "alibi":
            return allowed
        first = self.blocks[0]
        assert isinstance(first, TransformerBlock)
        biases = distance_biases(place, first.heads).to(hidden.dtype)
        return torch.where(allowed, biases, torch.finfo(hidden.dtype).min)


@checked
class TransformerModel(nn.Module):
    """A transformer over tokens, which answers at each of them.

    Args:
        inputs: how many tokens there are.
        outputs: how many classes of answers.
        dim: the size of the hidden state.
        layers: how many blocks.
        heads: how many heads of attention; they divide `dim`.
        widen: how many times as wide the feed-forward layers are inside.
        positions: "none", "sinusoidal", "rotary" or "alibi".
        is_causal: whether each token sees only itself and those before it (a decoder), or all (an encoder).
        dropout: the probability with which numbers are left out, in training.
        structure: "none", or "stack" or "queue" for layers of them between the blocks.
        structure_after: the blocks that such a layer follows, counted from 1; by default the one in the middle.
        structure_heads: how many structures a layer has.
        structure_width: how many numbers each stores of a hidden state.
        structure_noise: the standard deviation of the noise on the logits of their actions, in training: with it actions
            become clear, and can be hardened.
        capacity: how much they hold; by default as much as a sequence of the given length can need.

    Raises:
        ArgumentError: if a number is too small or the heads do not divide `dim`.

    Example:
        >>> model = TransformerModel(inputs=3, outputs=2, positions="rotary", structure="stack")
        >>> model(torch.randint(3, (4, 10))).shape
        torch.Size([4, 10, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dim: int = 64,
        layers: int = 4,
        heads: int = 4,
        widen: int = 4,
        positions: Positions = "none",
        is_causal: bool = True,
        dropout: float = 0.0,
        structure: Literal["none", "stack", "queue"] = "none",
        structure_after: Sequence[int] | None = None,
        structure_heads: int = 4,
        structure_width: int = 8,
        structure_noise: float = 0.0,
        capacity: int | None = None,
    ) -> None:
        super().__init__()
        counts = {"inputs": inputs, "outputs": outputs, "layers": layers, "structure_width": structure_width}
        for name, count in counts.items():
            check_count(name, count)
        check_noise("structure_noise", structure_noise)
        if capacity is not None:
            check_count("capacity", capacity)
        between: dict[int, StructureLayer] = {}
        if structure != "none":
            kind = _STRUCTURES[structure](capacity=capacity or 1, width=structure_width)
            after = [(layers + 1) // 2] if structure_after is None else structure_after
            between = {
                number: StructureLayer(kind, dim, heads=structure_heads, action_noise=structure_noise)
                for number in after
            }
        self.inputs, self.capacity = inputs, capacity
        self.embedding = nn.Embedding(inputs, dim)
        blocks = [
            TransformerBlock(dim, heads, widen=widen, positions=positions, dropout=dropout) for _ in range(layers)
        ]
        self.transformer = Transformer(blocks, positions=positions, is_causal=is_causal, between=between)
        self.norm, self.answer = nn.LayerNorm(dim), nn.Linear(dim, outputs)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The answers to a batch of sequences.

        Args:
            tokens: [batch, time] integers.
            mask: [batch, time] booleans, true at a row's own tokens; without one, all are.

        Returns:
            [batch, time, outputs].

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        check_tokens(tokens, mask, count=self.inputs)
        body = self.transformer if self.capacity else self.transformer.with_room_for(tokens.shape[1])
        return self.answer(self.norm(body(self.embedding(tokens), mask)))
