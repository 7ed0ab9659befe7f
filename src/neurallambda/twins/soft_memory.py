"""The data structures as memories of a machine: what they show as a distribution, and mixtures of operations on them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.automata.rules.memory import DEQUE, STACK, MemoryKind
from neurallambda.automata.rules.rule import Operation, Slot
from neurallambda.automata.rules.vocabulary import KEEP
from neurallambda.structures import SuperpositionDeque, SuperpositionStack, Tape
from neurallambda.structures.superposition.deque import SuperpositionDequeState
from neurallambda.structures.superposition.stack import SuperpositionStackState
from neurallambda.structures.tape import TapeState
from neurallambda.weighted import share


class SoftMemory(nn.Module, ABC):
    """A memory that holds a mixture. Abstract; made by `soft_memory`.

    Args:
        operations: what each move does to it.
        shown: what it may show, nothing first.
        capacity: how many cells it has.
        device: where its tables lie.
        dtype: the type of their numbers.
    """

    verbs: ClassVar[tuple[str, ...]]
    """Its operations in the order of the structure's actions, the one that changes nothing last."""
    writes_blanks: ClassVar[bool] = False
    """Does an operation without a symbol write nothing, rather than not write?"""
    verb_of: Float[Tensor, "moves verbs"]
    symbol_of: Float[Tensor, "moves shown"]

    def __init__(
        self,
        operations: Sequence[Operation],
        shown: Sequence[Slot],
        capacity: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.shown, self.capacity = tuple(shown), capacity
        verb_of = torch.zeros(len(operations), len(self.verbs))
        symbol_of = torch.zeros(len(operations), len(shown))
        for number, operation in enumerate(operations):
            verb_of[number, self.verbs.index(operation.verb)] = 1.0
            if operation.symbol != KEEP and (operation.symbol is not None or self.writes_blanks):
                symbol_of[number, self.shown.index(operation.symbol)] = 1.0
        self.register_buffer("verb_of", verb_of.to(device, dtype), persistent=False)
        self.register_buffer("symbol_of", symbol_of.to(device, dtype), persistent=False)

    @abstractmethod
    def start(self, tokens: Int[Tensor, "batch places"] | None, batch: int, like: Tensor) -> Any:
        """The memory before the first step; `tokens` is what is written on it."""

    @abstractmethod
    def look(self, held: Any) -> Float[Tensor, "batch shown"]:
        """What it shows: a distribution, nothing first."""

    @abstractmethod
    def emptiness(self, held: Any) -> Float[Tensor, " batch"]:
        """The probability that it is empty."""

    @abstractmethod
    def change(self, held: Any, moves: Float[Tensor, "batch moves"]) -> Any:
        """The memory after a mixture of moves whose weights sum to one, or to zero: then it stays as it is."""

    def _mixture(
        self, moves: Float[Tensor, "batch moves"]
    ) -> tuple[Float[Tensor, "batch verbs"], Float[Tensor, "batch width"], Float[Tensor, "batch 1"]]:
        """The weight of each verb, the mean symbol of the moves that write one, and their weight.

        What is missing from one goes to the last verb, which changes nothing.
        """
        put = moves @ self.symbol_of.to(moves)
        strength = put.sum(-1, keepdim=True)
        idle = functional.pad(1 - moves.sum(-1, keepdim=True), [len(self.verbs) - 1, 0])
        return moves @ self.verb_of.to(moves) + idle, share(put, strength)[:, 1:], strength


class SoftStack(SoftMemory):
    """A stack as a superposition stack."""

    verbs = ("push", "pop", "nullop")

    @property
    def _structure(self) -> SuperpositionStack:
        return SuperpositionStack(capacity=self.capacity, width=len(self.shown) - 1)

    def start(self, tokens: Int[Tensor, "batch places"] | None, batch: int, like: Tensor) -> SuperpositionStackState:
        """Empty."""
        return self._structure.init(batch, device=like.device, dtype=like.dtype)

    def look(self, held: SuperpositionStackState) -> Float[Tensor, "batch shown"]:
        """The top."""
        return torch.cat([1 - held.occupied[:, :1], held.top], 1)

    def emptiness(self, held: SuperpositionStackState) -> Float[Tensor, " batch"]:
        """The probability that nothing lies in the first cell."""
        return 1 - held.occupied[:, 0]

    def change(self, held: SuperpositionStackState, moves: Float[Tensor, "batch moves"]) -> SuperpositionStackState:
        """A mixture of push, pop and stay."""
        action, value, _ = self._mixture(moves)
        return self._structure.advance(held, action, value)


class SoftDeque(SoftMemory):
    """A deque as a superposition deque."""

    verbs = ("ENQL", "ENQR", "DEQL", "DEQR", "NULLOP")

    @property
    def _structure(self) -> SuperpositionDeque:
        return SuperpositionDeque(capacity=self.capacity, width=len(self.shown) - 1)

    def start(self, tokens: Int[Tensor, "batch places"] | None, batch: int, like: Tensor) -> SuperpositionDequeState:
        """Empty."""
        return self._structure.init(batch, device=like.device, dtype=like.dtype)

    def look(self, held: SuperpositionDequeState) -> Float[Tensor, "batch shown"]:
        """The left end."""
        return torch.cat([held.lengths[:, :1], held.cells[:, :, 0].sum(1)], 1)

    def emptiness(self, held: SuperpositionDequeState) -> Float[Tensor, " batch"]:
        """The probability of length 0."""
        return held.lengths[:, 0]

    def change(self, held: SuperpositionDequeState, moves: Float[Tensor, "batch moves"]) -> SuperpositionDequeState:
        """A mixture of the five operations."""
        action, value, _ = self._mixture(moves)
        return self._structure.advance(held, action, value)


class SoftTape(SoftMemory):
    """A tape with a soft head; a blank is a cell of zeros."""

    writes_blanks = True

    verbs = ("L", "R", "S")

    @property
    def _structure(self) -> Tape:
        return Tape(capacity=self.capacity, width=len(self.shown) - 1)

    def start(self, tokens: Int[Tensor, "batch places"] | None, batch: int, like: Tensor) -> TapeState:
        """The string in the middle, the head on its first symbol."""
        blank = self._structure.init(batch, device=like.device, dtype=like.dtype)
        places = 0 if tokens is None else tokens.shape[1]
        left = (self.capacity - places) // 2
        head = torch.roll(blank.head, left, dims=1)
        if tokens is None:
            return TapeState(cells=blank.cells, head=head, overflow=blank.overflow)
        string = functional.one_hot(tokens, len(self.shown))[..., 1:].to(like.dtype)
        cells = functional.pad(string, [0, 0, left, self.capacity - places - left])
        return TapeState(cells=cells, head=head, overflow=blank.overflow)

    def look(self, held: TapeState) -> Float[Tensor, "batch shown"]:
        """The cell under the head."""
        seen = self._structure.read(held)
        return torch.cat([1 - seen.sum(1, keepdim=True), seen], 1)

    def emptiness(self, held: TapeState) -> Float[Tensor, " batch"]:
        """A tape is never empty."""
        return torch.zeros_like(held.overflow)

    def change(self, held: TapeState, moves: Float[Tensor, "batch moves"]) -> TapeState:
        """Write, then move."""
        action, value, strength = self._mixture(moves)
        nowhere = functional.pad(torch.ones_like(strength), [0, self.capacity - 1])
        return self._structure.advance(
            held, functional.pad(torch.roll(action, 1, dims=1), [0, 1]), value, strength, nowhere
        )


def soft_memory(kind: MemoryKind) -> type[SoftMemory]:
    """The soft form of a kind of memory."""
    return SoftStack if kind is STACK else SoftDeque if kind is DEQUE else SoftTape
