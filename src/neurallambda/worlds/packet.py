"""A packet: worlds that are at the same instruction and equally deep in calls. Each of its columns has an entry a world."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurallambda.worlds.circuit import Weight, joined
from neurallambda.worlds.heap import Column
from neurallambda.worlds.words import column

NOT_DRAWN = -(1 << 62)
"""What stands for the value of a part that a world has not drawn, or that nothing can look at any more."""


@dataclass(slots=True)
class Packet:
    """Worlds that go on together.

    Attributes:
        at: the next instruction.
        depth: how many frames wait.
        registers: the columns of the registers that are still read.
        frame: the address of the frame that waits; 0: none.
        rows: the row of the batch that each world is of.
        weight: the weight of each world.
        known: the values of parts that were drawn and may be looked at again, by the word of the part.
        steps: how many instructions those of the worlds have taken that have taken most.
        behind: how many fewer each world has taken; None: none.
        is_dirty: whether there may be equal worlds among them.
    """

    at: int
    depth: int
    registers: dict[int, Column]
    frame: Column
    rows: Tensor
    weight: Weight
    known: dict[int, Tensor]
    steps: int = 0
    behind: Tensor | None = None
    is_dirty: bool = False

    def __len__(self) -> int:
        return self.rows.shape[0]  # faster than `len` of a tensor

    def keep(self, registers: Collection[int]) -> None:
        """Forget all registers but some."""
        if len(registers) != len(self.registers):
            self.registers = {register: self.registers[register] for register in registers}

    def take(self, index: Tensor) -> "Packet":
        """Some of the worlds, or some of them several times."""
        return Packet(
            self.at,
            self.depth,
            {register: _taken(values, index) for register, values in self.registers.items()},
            _taken(self.frame, index),
            self.rows.index_select(0, index),
            self.weight.take(index),
            {part: values.index_select(0, index) for part, values in self.known.items()},
            self.steps,
            None if self.behind is None else self.behind.index_select(0, index),
            self.is_dirty,
        )

    def split(self, mask: Tensor) -> "tuple[Packet | None, Packet | None]":
        """The worlds for which a mask is true, and the others; None: there are none."""
        chosen = mask.nonzero().squeeze(1)
        if chosen.shape[0] == len(self):
            return self, None
        if not chosen.shape[0]:
            return None, self
        return self.take(chosen), self.take((~mask).nonzero().squeeze(1))


def _taken(values: Column, index: Tensor) -> Column:
    return values if isinstance(values, int) else values.index_select(0, index)


def join(packets: Sequence[Packet], registers: Collection[int]) -> Packet:
    """Several packets at the same instruction as one; `registers` are those that are still read."""
    first = packets[0]
    if len(packets) == 1:
        first.keep(registers)
        return first
    sizes = [len(packet) for packet in packets]
    parts = dict.fromkeys(part for packet in packets for part in packet.known)
    known = {
        part: torch.cat(
            [
                packet.known[part] if part in packet.known else torch.full((size,), NOT_DRAWN, dtype=torch.int64)
                for packet, size in zip(packets, sizes, strict=True)
            ]
        )
        for part in parts
    }
    return Packet(
        first.at,
        first.depth,
        {register: _joined([packet.registers[register] for packet in packets], sizes) for register in registers},
        _joined([packet.frame for packet in packets], sizes),
        torch.cat([packet.rows for packet in packets]),
        joined([packet.weight for packet in packets]),
        known,
        max(packet.steps for packet in packets),
        _behind(packets),
        True,
    )


def _behind(packets: Sequence[Packet]) -> Tensor | None:
    """How far each world is behind the one that has taken most steps."""
    most = max(packet.steps for packet in packets)
    if all(packet.steps == most and packet.behind is None for packet in packets):
        return None
    return torch.cat(
        [most - packet.steps + column(0 if packet.behind is None else packet.behind, len(packet)) for packet in packets]
    )


def _joined(columns: Sequence[Column], sizes: Sequence[int]) -> Column:
    first = columns[0]
    if isinstance(first, int) and all(isinstance(one, int) and one == first for one in columns):
        return first
    return torch.cat([column(one, size) for one, size in zip(columns, sizes, strict=True)])
