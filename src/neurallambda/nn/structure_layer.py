"""A structure as a layer of a transformer or a linear recurrent network, computed for a whole sequence at once."""

import copy
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.augmented import resized
from neurallambda.nn.operands import Operands
from neurallambda.state import Batched, state
from neurallambda.structures.instruction.checks import check_mask
from neurallambda.structures.protocol import Structure


@state
class StructureLayerState(Batched):
    """What a layer carries on.

    Attributes:
        heads: the state of the structure, for each head.
        overflow: the mass that all heads together lost for want of room.
    """

    heads: tuple[Any, ...]
    overflow: Float[Tensor, " batch"]


@checked
class StructureLayer(nn.Module):
    """A residual layer whose heads each drive a structure by what they see in the hidden state.

        instructions_t = A norm(x_t) + a, for each head           (see `Operands`)
        reads_t        = what the structures show after the step
        y_t            = x_t + gate * (B reads_t)

    The instructions of a step depend on the hidden state alone, not on earlier reads, so a sequence is one `scan`, without
    a loop over time. A value is the projection of the hidden state to the few numbers of a head, which is all that a head
    stores. The gate is zero at the start, so a layer put into a network that was trained without it changes nothing, bit
    for bit, until it has learned to (Bachlechner et al., 2021; stacks between transformer layers: DuSell and Chiang, 2024).

    Args:
        structure: what each head drives; its `width` is how many numbers a head stores of a hidden state.
        dim: the size of the hidden state.
        heads: how many heads.
        action_noise: the standard deviation of noise on the logits of actions, in training.

    Raises:
        ArgumentError: if a number is not a positive integer.

    Example:
        >>> from neurallambda.structures import SuperpositionStack
        >>> layer = StructureLayer(SuperpositionStack(capacity=16, width=4), dim=32, heads=2)
        >>> hidden = torch.randn(3, 10, 32)
        >>> after, state = layer(hidden)
        >>> torch.equal(after, hidden)  # until it is trained
        True
        >>> after, state = layer.step(torch.randn(3, 32), state)  # one more step
    """

    def __init__(self, structure: Structure[Any], dim: int, *, heads: int = 4, action_noise: float = 0.0) -> None:
        super().__init__()
        check_count("dim", dim)
        check_count("heads", heads)
        self.structure, self.dim, self.heads = structure, dim, heads
        self.norm = nn.LayerNorm(dim)
        self.operands = Operands(structure, action_noise=action_noise)
        self.to_logits = nn.Linear(dim, heads * self.operands.size)
        self.of_reads = nn.Linear(heads * structure.read_width, dim, bias=False)
        self.gate = nn.Parameter(torch.zeros(dim))

    def init(self, batch: int) -> StructureLayerState:
        """The state before the first step, for `batch` independent rows, where the parameters live.

        Raises:
            ArgumentError: if `batch` is not a positive integer.
        """
        check_count("batch", batch)
        return self._apart(self._empty(self.heads * batch, self.gate), batch)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, state: StructureLayerState | None = None
    ) -> tuple[Tensor, StructureLayerState]:
        """All steps of a batch of sequences.

        Args:
            hidden: [batch, time, dim].
            mask: [batch, time] booleans; where it is false the structures do not change.
            state: what `init`, `forward` or `step` gave; without one, a new one.

        Returns:
            The hidden states after the layer, [batch, time, dim], and the state after the last step.

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        self._check(hidden, mask, 3, state)
        memory, operands = self._given(hidden, mask, state)
        every = None if mask is None else mask.repeat(self.heads, 1)
        memory, reads = self.structure.scan(memory, *operands, mask=every)
        return self._after(hidden, reads), self._apart(memory, len(hidden))

    def step(
        self, hidden: Tensor, state: StructureLayerState, mask: Tensor | None = None
    ) -> tuple[Tensor, StructureLayerState]:
        """One step of a batch of sequences: as `forward`, without the axis of time.

        Args:
            hidden: [batch, dim].
            state: what `init`, `forward` or `step` gave.
            mask: [batch] booleans; rows where it is false keep their state.

        Returns:
            The hidden state after the layer, [batch, dim], and the next state.

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        self._check(hidden, mask, 2, state)
        memory, operands = self._given(hidden, mask, state)
        memory, reads = self.structure.step(memory, *operands, mask=None if mask is None else mask.repeat(self.heads))
        return self._after(hidden, reads), self._apart(memory, len(hidden))

    def instructions(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """The operands of all heads, one head after the other along the batch.

        Args:
            hidden: [batch, ..., dim].

        Returns:
            For each operand of the structure, [heads * batch, ..., size].
        """
        logits = self.to_logits(self.norm(hidden)).unflatten(-1, (self.heads, -1)).movedim(-2, 0).flatten(0, 1)
        return self.operands(self.operands.noise(logits))

    def with_capacity(self, capacity: int) -> "StructureLayer":
        """The same layer, sharing its parameters, with structures of another capacity.

        Args:
            capacity: how much each head's structure holds.

        Raises:
            ArgumentError: if it is not a positive integer, or the structure's operands depend on it.
        """
        check_count("capacity", capacity)
        twin = copy.copy(self)
        twin.structure = resized(self.structure, capacity)
        return twin

    def adopt(self, state: StructureLayerState) -> StructureLayerState:
        """The same content with the room of this layer's structures.

        Args:
            state: of this layer, or of one with less capacity.

        Raises:
            ArgumentError: if it does not fit.
        """
        state = self._checked_state(state)
        return replace(state, heads=tuple(map(self.structure.adopt, state.heads)))

    def _empty(self, batch: int, like: Tensor) -> Any:
        return self.structure.init(batch, device=like.device, dtype=like.dtype)

    def _given(
        self, hidden: Tensor, mask: Tensor | None, state: StructureLayerState | None
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """All heads one after the other along the batch: their state, and their instructions."""
        batch = len(hidden)
        if mask is not None:  # of what is no number, 0 times as much is none either, and so would be in gradients
            hidden = torch.where(mask[..., None], hidden, 0.0)
        memory = self._empty(self.heads * batch, self.gate) if state is None else type(state.heads[0]).cat(state.heads)
        return memory, self.instructions(hidden)

    def _after(self, hidden: Tensor, reads: Tensor) -> Tensor:
        joined = reads.unflatten(0, (self.heads, -1)).movedim(0, -2).flatten(-2)
        return hidden + self.gate * self.of_reads(joined)

    def _apart(self, memory: Any, batch: int) -> StructureLayerState:
        rows = (slice(head * batch, (head + 1) * batch) for head in range(self.heads))
        overflow = memory.overflow.unflatten(0, (self.heads, batch)).sum(0)
        return StructureLayerState(heads=tuple(map(memory.rows, rows)), overflow=overflow)

    def _check(self, hidden: object, mask: object, ndim: int, state: object) -> None:
        shape = f"[{'batch, time' if ndim == 3 else 'batch'}, {self.dim}]"
        if not isinstance(hidden, Tensor) or hidden.ndim != ndim or hidden.shape[-1] != self.dim:
            came = tuple(hidden.shape) if isinstance(hidden, Tensor) else type(hidden).__name__
            raise ArgumentError(f"hidden: got {came}, expected {shape}")
        if not hidden.is_floating_point() or not len(hidden):
            raise ArgumentError(
                f"hidden: got {shown(hidden)}, expected floating point numbers {shape}, at least one row"
            )
        if mask is not None:
            check_mask(mask, shape=tuple(hidden.shape[:-1]), like=hidden)
        if state is not None and len(self._checked_state(state).overflow) != len(hidden):
            raise ArgumentError(f"state: got another number of rows, expected {len(hidden)}, as the hidden states have")

    def _checked_state(self, state: object) -> StructureLayerState:
        if not isinstance(state, StructureLayerState) or len(state.heads) != self.heads:
            raise ArgumentError(
                f"state: got {shown(state)}, expected what `init`, `forward` or `step` of this layer gave"
            )
        return state
