"""Multisets and sets over a codebook of symbols."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import check_count
from neurallambda.state import Batched, state
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.references.sets import PlainMultiset

ADD, REMOVE, HOLD = 0, 1, 2


@state
class MultisetState(Batched):
    """How often each symbol is in.

    Attributes:
        at_least: at (symbol, n), the probability that there are more than n of it.
        overflow: the mass of symbols added beyond the capacity, which are lost.
    """

    at_least: Float[Tensor, "batch symbols capacity"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class SymbolCounts(Structure[MultisetState]):
    """What sets and multisets share: the operands, and how a state is read.

    Attributes:
        symbols: how many symbols the codebook has.
    """

    symbols: int

    def __post_init__(self) -> None:
        check_count("symbols", self.symbols)
        check_count("capacity", self.highest)

    @property
    @abstractmethod
    def highest(self) -> int:
        """The highest count of a symbol."""

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("add", "remove", "hold"), idle=HOLD),
            Operand("symbol", self.symbols, Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.symbols

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> MultisetState:
        return MultisetState(
            at_least=torch.zeros(batch, self.symbols, self.highest, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def read(self, state: MultisetState) -> Tensor:
        return state.at_least.sum(2)

    def size(self, state: MultisetState) -> Tensor:
        return state.at_least.sum((1, 2))

    def contents(self, state: MultisetState) -> Tensor:
        return torch.diag_embed(state.at_least.sum(2))


@dataclass(frozen=True)
class Multiset(SymbolCounts):
    """Counts of symbols, each a distribution of its own.

    Adding a symbol that is itself a distribution adds to each symbol's count with its probability; every symbol's
    distribution over counts is exact. Removing a symbol that is not there changes nothing.

    Attributes:
        symbols: how many symbols the codebook has.
        capacity: the highest count of a symbol.
    """

    capacity: int

    @property
    def highest(self) -> int:
        return self.capacity

    @property
    def forms(self) -> dict[str, Form[MultisetState]]:
        return {}

    def advance(self, state: MultisetState, *operands: Tensor) -> MultisetState:
        action, symbol = operands
        more = (action[:, ADD, None] * symbol)[..., None]
        fewer = (action[:, REMOVE, None] * symbol)[..., None]
        around = functional.pad(functional.pad(state.at_least, [1, 0], value=1.0), [0, 1])
        changed = more * (around[..., :-2] - state.at_least) + fewer * (around[..., 2:] - state.at_least)
        return MultisetState(
            at_least=state.at_least + changed,
            overflow=state.overflow + (more[..., 0] * state.at_least[..., -1]).sum(1),
        )

    def reference(self) -> PlainMultiset:
        return PlainMultiset(symbols=self.symbols, capacity=self.capacity)


def member(state: MultisetState, symbol: Float[Tensor, "batch symbols"]) -> Float[Tensor, " batch"]:
    """The probability that `symbol`, a distribution over symbols, is in a set or a multiset."""
    return (symbol * state.at_least[..., 0]).sum(1)
