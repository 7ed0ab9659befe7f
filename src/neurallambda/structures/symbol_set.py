"""The set of symbols of a codebook."""

from dataclasses import dataclass

from torch import Tensor

from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.multiset import ADD, REMOVE, MultisetState, SymbolCounts
from neurallambda.structures.recurrence import gated_sum
from neurallambda.structures.references.sets import PlainSet


@dataclass(frozen=True)
class SymbolSet(SymbolCounts):
    """Which symbols are in: x' = add * symbol + (1 - (add + remove) * symbol) * x, for each symbol.

    A scan is a first-order recurrence, computed in log2(time) rounds. Nothing is ever lost, so the overflow stays zero.

    Attributes:
        symbols: how many symbols the codebook has.
    """

    @property
    def highest(self) -> int:
        return 1

    @property
    def forms(self) -> dict[str, Form[MultisetState]]:
        return {"closed": Form(run=_closed, available=anywhere)}

    def advance(self, state: MultisetState, *operands: Tensor) -> MultisetState:
        gate, increment = _gate_and_increment(*operands)
        return MultisetState(at_least=gate[..., None] * state.at_least + increment[..., None], overflow=state.overflow)

    def reference(self) -> PlainSet:
        return PlainSet(symbols=self.symbols)


def _gate_and_increment(action: Tensor, symbol: Tensor) -> tuple[Tensor, Tensor]:
    added = action[..., ADD, None] * symbol
    return 1 - added - action[..., REMOVE, None] * symbol, added


def _closed(state: MultisetState, actions: Tensor, symbols: Tensor) -> tuple[MultisetState, Tensor]:
    membership = gated_sum(*_gate_and_increment(actions, symbols), state.at_least[..., 0])
    return MultisetState(at_least=membership[:, -1, :, None], overflow=state.overflow), membership
