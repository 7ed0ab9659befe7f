"""The set of symbols of a codebook."""

from dataclasses import dataclass

import torch
from torch import Tensor

from neurallambda.errors import check_count
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.multiset import ADD, HOLD, REMOVE, MultisetState
from neurallambda.structures.protocol import Structure
from neurallambda.structures.recurrence import gated_sum
from neurallambda.structures.references.sets import PlainSet


@dataclass(frozen=True)
class SymbolSet(Structure[MultisetState]):
    """Which symbols are in: x' = add * symbol + (1 - (add + remove) * symbol) * x, for each symbol.

    A scan is a first-order recurrence, computed in log2(time) rounds. Nothing is ever lost, so the overflow stays zero.

    Attributes:
        symbols: how many symbols the codebook has.
    """

    symbols: int

    def __post_init__(self) -> None:
        check_count("symbols", self.symbols)

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("add", "remove", "hold"), idle=HOLD),
            Operand("symbol", self.symbols, Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.symbols

    @property
    def forms(self) -> dict[str, Form[MultisetState]]:
        return {"closed": Form(run=_closed, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> MultisetState:
        return MultisetState(
            at_least=torch.zeros(batch, self.symbols, 1, device=device, dtype=dtype),
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: MultisetState, *operands: Tensor) -> MultisetState:
        gate, increment = _gate_and_increment(*operands)
        return MultisetState(at_least=gate[..., None] * state.at_least + increment[..., None], overflow=state.overflow)

    def read(self, state: MultisetState) -> Tensor:
        return state.at_least[..., 0]

    def size(self, state: MultisetState) -> Tensor:
        return state.at_least.sum((1, 2))

    def contents(self, state: MultisetState) -> Tensor:
        return torch.diag_embed(state.at_least[..., 0])

    def reference(self) -> PlainSet:
        return PlainSet(symbols=self.symbols)


def _gate_and_increment(action: Tensor, symbol: Tensor) -> tuple[Tensor, Tensor]:
    added = action[..., ADD, None] * symbol
    return 1 - added - action[..., REMOVE, None] * symbol, added


def _closed(state: MultisetState, actions: Tensor, symbols: Tensor) -> tuple[MultisetState, Tensor]:
    membership = gated_sum(*_gate_and_increment(actions, symbols), state.at_least[..., 0])
    return MultisetState(at_least=membership[:, -1, :, None], overflow=state.overflow), membership
