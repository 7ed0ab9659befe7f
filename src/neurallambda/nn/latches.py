"""Latches that learn what switches them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.structures.data_latch import DataLatch, DataLatchState
from neurallambda.structures.latch import Latch, LatchState
from neurallambda.symbols.checks import check_vectors
from neurallambda.symbols.similarity import direction


@checked
class PredicateLatch(nn.Module):
    """A latch that says `false` until its predicate has been matched, and `true` from then on.

    All three are learned vectors. An input matches in as far as it points the way the predicate does.

    Args:
        width: the length of the vectors.
        generator: draws the first vectors.

    Raises:
        ArgumentError: if the width is not a positive integer.

    Example:
        >>> latch = PredicateLatch(3, generator=torch.Generator().manual_seed(0))
        >>> state = latch.init(1)
        >>> state, before = latch(state, -latch.predicate[None])
        >>> state, after = latch(state, latch.predicate[None])
        >>> torch.allclose(before[0], latch.false), torch.allclose(after[0], latch.true)
        (True, True)
    """

    def __init__(self, width: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_count("width", width)
        vectors = torch.randn(3, width, generator=generator) / width**0.5
        self.predicate, self.true, self.false = (nn.Parameter(vector) for vector in vectors)
        self.latch = Latch()

    def init(self, batch: int) -> LatchState:
        """The latch before its predicate has been matched."""
        return self.latch.init(batch, device=self.true.device, dtype=self.true.dtype)

    def forward(
        self, state: LatchState, seen: Float[Tensor, "batch width"]
    ) -> tuple[LatchState, Float[Tensor, "batch width"]]:
        """The next state, and what the latch says after it has seen the input."""
        state, on = self.latch.step(state, _set_in_as_far_as(matched(seen, self.predicate)))
        return state, torch.lerp(self.false.expand_as(seen), self.true.expand_as(seen), on)


@checked
class ResettableLatch(nn.Module):
    """A latch that one learned vector switches on and another off; where an input matches both, it is on.

    It says how surely it is on. What stands for on and off is left to what reads it: vectors learned for both at once
    could trade places with the predicates, and descent would end in a latch that is right only half the time.

    Args:
        width: the length of the vectors.
        generator: draws the first vectors.

    Raises:
        ArgumentError: if the width is not a positive integer.

    Example:
        >>> latch = ResettableLatch(3, generator=torch.Generator().manual_seed(0))
        >>> state, on = latch(latch.init(1), latch.set[None])
        >>> round(on.item(), 4)
        1.0
    """

    def __init__(self, width: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_count("width", width)
        vectors = torch.randn(2, width, generator=generator) / width**0.5
        self.set, self.reset = (nn.Parameter(vector) for vector in vectors)
        self.latch = Latch()

    def init(self, batch: int) -> LatchState:
        """The latch, off."""
        return self.latch.init(batch, device=self.set.device, dtype=self.set.dtype)

    def actions(self, seen: Float[Tensor, "*leading width"]) -> Float[Tensor, "*leading 3"]:
        """What inputs do to the latch: how surely each sets it, resets it, and leaves it as it is.

        Args:
            seen: inputs, with any leading axes; with [batch, time] the actions are those of a scan of `latch`.
        """
        sets, resets = matched(seen, self.set), matched(seen, self.reset)
        return torch.stack([sets, (1 - sets) * resets, (1 - sets) * (1 - resets)], dim=-1)

    def forward(
        self, state: LatchState, seen: Float[Tensor, "batch width"]
    ) -> tuple[LatchState, Float[Tensor, " batch"]]:
        """The next state, and how surely the latch is on after it has seen the input."""
        state, on = self.latch.step(state, self.actions(seen))
        return state, on[:, 0]


@checked
class EnabledDataLatch(nn.Module):
    """A data latch that takes the data whenever a learned vector is matched by what comes with them.

    Args:
        width: the length of the data.
        enable_width: the length of what comes with them.
        generator: draws the first vector.

    Raises:
        ArgumentError: if a width is not a positive integer.

    Example:
        >>> latch = EnabledDataLatch(2, 3, generator=torch.Generator().manual_seed(0))
        >>> state, held = latch(latch.init(1), latch.enable[None], torch.tensor([[0.5, 0.25]]))
        >>> state, held = latch(state, -latch.enable[None], torch.tensor([[9.0, 9.0]]))
        >>> held.detach().round(decimals=4)
        tensor([[0.5000, 0.2500]])
    """

    def __init__(self, width: int, enable_width: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_count("enable_width", enable_width)
        self.enable = nn.Parameter(torch.randn(enable_width, generator=generator) / enable_width**0.5)
        self.latch = DataLatch(width=width)

    def init(self, batch: int) -> DataLatchState:
        """The latch without data."""
        return self.latch.init(batch, device=self.enable.device, dtype=self.enable.dtype)

    def forward(
        self, state: DataLatchState, seen: Float[Tensor, "batch enable_width"], data: Float[Tensor, "batch width"]
    ) -> tuple[DataLatchState, Float[Tensor, "batch width"]]:
        """The next state, and the data that are held."""
        return self.latch.step(state, _set_in_as_far_as(matched(seen, self.enable)), data)


def matched(seen: Float[Tensor, "*leading width"], pattern: Float[Tensor, " width"]) -> Float[Tensor, "*leading"]:
    """How far each input points the way the pattern does: the cosine, where it is positive; 0 elsewhere.

    Beyond a right angle its derivative would be zero, and a pattern that starts there could never learn. So there the
    gradient is that of the cosine itself, wherever the loss asks for a better match.

    Args:
        seen: inputs, shape (..., width).
        pattern: what they are compared with.

    Returns:
        From 0 to 1, shape (...).

    Raises:
        ArgumentError: if the inputs are not vectors of the pattern's length.
    """
    check_vectors("seen", seen)
    if seen.shape[-1:] != pattern.shape:
        raise ArgumentError(f"seen: got shape {tuple(seen.shape)}, expected (..., {len(pattern)})")
    return _PositivePart.apply((direction(seen) * direction(pattern)).sum(-1))


class _PositivePart(torch.autograd.Function):
    """Between 0 and 1 the identity; below 0 it is 0, and lets through the gradients that ask for more."""

    generate_vmap_rule = True

    @staticmethod
    def forward(cosine: Tensor) -> Tensor:
        return cosine.clamp(0, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (cosine,), (gradient,) = ctx.saved_tensors, gradients
        # Descent moves against the gradient: where it is positive the match should be worse, and cannot be.
        return gradient * ((cosine >= 0) | (gradient < 0))


def _set_in_as_far_as(probability: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3"]:
    """The action of a latch that sets with a probability and holds otherwise."""
    return torch.stack([probability, torch.zeros_like(probability), 1 - probability], dim=1)
