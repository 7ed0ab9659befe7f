"""What a grafted structure carries from one token to the next, and what it is told at each."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from neurallambda.state import Batched, state

Numbers = tuple[Tensor, ...]


@state
class GraftState(Batched):
    """What a grafted structure carries from one token to the next.

    Attributes:
        on: the probability that the latch is on.
        memory: the tensors of the structures' state, each [batch, heads, ...].
    """

    on: Float[Tensor, " batch"]
    memory: tuple[Tensor, ...]

    def tensors(self) -> Numbers:
        """All of it, as tensors whose first axis is the batch."""
        return (self.on, *self.memory)

    @classmethod
    def of(cls, tensors: Numbers) -> "GraftState":
        """The state that `tensors` gave."""
        return cls(on=tensors[0], memory=tuple(tensors[1:]))


@dataclass(frozen=True)
class Instructions:
    """What a grafted structure is told at each token.

    Attributes:
        before: the state before the first token.
        on: [batch], the latch after the last token.
        latch: [batch, time, 1], the latch after each; None without one.
        actions: [batch, time, heads, actions], how much of each is done; None where there is no structure.
        values: [batch, time, heads, width], what would be put; of a bank or of calls, how probable each value is.
        programs: [batch, time, heads, programs], how probable each program is; None without one.
    """

    before: GraftState
    on: Tensor
    latch: Tensor | None
    actions: Tensor | None
    values: Tensor
    programs: Tensor | None = None

    def operands(self) -> tuple[Tensor, ...]:
        """What the structure is given, each [batch, time, heads, size]."""
        assert self.actions is not None
        return (self.actions, self.values, *(() if self.programs is None else (self.programs,)))
