"""What the structures of items with strengths share: their state, and how a line of items is scanned."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurallambda.errors import check_count
from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.checks import values_can_be_read
from neurallambda.structures.strength.items import StrengthState, gathered, nothing
from neurallambda.structures.strength.line import Edge, Line, items_left

BLOCK = 128
"""Steps worked on at once; the tiles of overlaps are BLOCK * (BLOCK + slots), whatever the length of a sequence."""


@dataclass(frozen=True)
class StrengthStructure(CellStructure[StrengthState]):
    """A structure whose items lie on a line, each as long as its strength.

    Attributes:
        capacity: how much strength it holds: how many whole items.
        width: the length of a value.
        slots: how many items, whole or partial, a state carries; by default twice the capacity. Partial items beyond
            that are lost, as overflow. A scan needs slots only between blocks of steps and at its end.
    """

    edges: ClassVar[tuple[Edge, ...]]
    """The edges of the line that are read."""
    keep_last: ClassVar[bool]
    """Whether the last items are kept, rather than the first, where there are more than slots."""

    slots: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "slots", self.slots or 2 * self.capacity)
        check_count("slots", self.slots, least=self.capacity)

    @abstractmethod
    def line(self, state: StrengthState, *operands: Tensor) -> tuple[Line, Tensor]:
        """A sequence of steps on a line, and the strength that each of them loses because there is no room: [batch, losses]."""

    @abstractmethod
    def reads_of(self, line: Line) -> Tensor:
        """What is read after each step: [batch, time, read_width]."""

    @property
    def read_width(self) -> int:
        return len(self.edges) * self.width

    @property
    def forms(self) -> dict[str, Form[StrengthState]]:
        return {
            "fused": Form(run=self._fused, available=lambda state, *_: can_run_numba(state.strengths)),
            "closed": Form(run=self._closed, available=anywhere),
        }

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> StrengthState:
        return nothing(batch, self.slots, self.width, device, dtype)

    def size(self, state: StrengthState) -> Tensor:
        return state.strengths.sum(1)

    def contents(self, state: StrengthState) -> Tensor:
        return state.strengths[..., None] * state.values

    def _fused(self, state: StrengthState, *operands: Tensor) -> tuple[StrengthState, Tensor]:
        from neurallambda.structures.strength.line_numba import swept

        line, lost = self.line(state, *operands)
        return self._ended(state, line, lost), swept(line, self.edges)

    def _closed(self, state: StrengthState, *operands: Tensor) -> tuple[StrengthState, Tensor]:
        return _in_blocks(self._block, state, *operands)

    def _block(self, state: StrengthState, *operands: Tensor) -> tuple[StrengthState, Tensor]:
        line, lost = self.line(state, *operands)
        return self._ended(state, line, lost), self.reads_of(line.narrowed())

    def _ended(self, state: StrengthState, line: Line, lost: Tensor) -> StrengthState:
        values, strengths = items_left(line)
        overflow = state.overflow + lost.sum(1).to(state.overflow.dtype)
        grown = StrengthState(values=values, strengths=strengths, overflow=overflow)
        return gathered(grown, self.slots, keep_last=self.keep_last)


def _in_blocks(
    block: Callable[..., tuple[StrengthState, Tensor]], state: StrengthState, *operands: Tensor
) -> tuple[StrengthState, Tensor]:
    """Scan BLOCK steps at a time, so that memory grows with time and not with its square."""
    reads = []
    for part in zip(*(operand.split(BLOCK, dim=1) for operand in operands), strict=True):
        state, read = block(_without_empty_slots(state), *part)
        reads.append(read)
    return state, torch.cat(reads, dim=1)


def _without_empty_slots(state: StrengthState) -> StrengthState:
    """The state with only the slots that hold something in some row, where it is free to look; tiles get smaller."""
    if not values_can_be_read(state.strengths):
        return state
    filled = int((state.strengths > 0).sum(1).max())
    return StrengthState(
        values=state.values[:, :filled], strengths=state.strengths[:, :filled], overflow=state.overflow
    )
