"""Worlds that have become equal become one, and their weights are added up.

Equal hashes say which worlds may be equal; what they are made of is then compared, so that a collision of hashes keeps two
worlds apart that might be taken for one, and never joins two that differ.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurallambda.worlds.code import Code, Op
from neurallambda.worlds.heap import Column, Heap, as_sight, larger
from neurallambda.worlds.packet import NOT_DRAWN, Packet
from neurallambda.worlds.words import INDEX, SHIFT, Kind, combined, is_pointer, part_of


def merge(packet: Packet, heap: Heap, code: Code) -> Packet:
    """Merge the equal worlds of a packet, whose registers are those that are still read."""
    packet.is_dirty = False
    if len(packet) <= 1:
        return packet
    order = sorted(packet.registers)
    values = [one for one in (packet.registers[register] for register in order) if isinstance(one, Tensor)]
    parts = [packet.known[part] for part in sorted(packet.known)]
    keys = [packet.rows, heap.frame_hash(packet.frame), *parts, *map(heap.hash, values)]
    found, group = torch.unique(combined(keys) & heap.mask, return_inverse=True)
    groups = len(found)
    if groups == len(packet):
        return packet
    size = len(packet)
    first = torch.full((groups,), size, dtype=torch.int64).scatter_reduce_(0, group, torch.arange(size), "amin")
    leader = first[group]
    same = packet.rows == packet.rows[leader]
    for one in parts:
        same &= one == one[leader]
    equality = Equality(heap, code)
    for one in values:
        same = equality.among(same, one, one[leader])
    if isinstance(packet.frame, Tensor):
        same = equality.among_frames(same, packet.frame, packet.frame[leader])
    if not bool(same.all()):
        apart = (~same).nonzero().squeeze(1)
        group = group.clone()
        group[apart] = groups + torch.arange(len(apart))
        first = torch.cat([first, apart])
        groups += len(apart)
        if groups == size:
            return packet
    weight = packet.weight.total(group, groups)
    merged = packet.take(first)
    merged.weight = weight
    if packet.behind is not None:
        most = torch.full((groups,), packet.steps, dtype=torch.int64)
        merged.behind = most.scatter_reduce_(0, group, packet.behind, "amin")
    return merged


def forget(packet: Packet, heap: Heap, holes: Sequence[str], seen: frozenset[str], tails: frozenset[int]) -> None:
    """Forget the parts that were drawn and that nothing can look at any more.

    Args:
        packet: the worlds, whose registers are those that are still read.
        heap: where their values are.
        holes: the names of the holes, by number.
        seen: the holes that the code from here on names.
        tails: the registers of which only the list after the first item is read.
    """
    if not packet.known:
        return
    sights: dict[int, Column] = {}
    for part in list(packet.known):
        hole, distance = part_of(part)
        if holes[hole] in seen:
            continue
        hidden: Tensor | bool = False
        for number in (2 * hole, 2 * hole + 1):
            if number not in sights:
                sights[number] = _sight(packet, heap, number, tails)
            hidden = hidden | (sights[number] < as_sight(distance, number))
        if isinstance(hidden, bool):
            if hidden:
                del packet.known[part]
            continue
        left = torch.where(hidden, NOT_DRAWN, packet.known[part])
        if bool((left == NOT_DRAWN).all()):
            del packet.known[part]
        else:
            packet.known[part] = left


def _sight(packet: Packet, heap: Heap, number: int, tails: frozenset[int]) -> Column:
    """One of the sights of each world, from its registers and frames."""
    sight = heap.frame_sight(packet.frame, number)
    for register, values in packet.registers.items():
        seen = heap.tail(values) if register in tails else values
        sight = larger(sight, heap.sight(seen, number))
    return sight


class Equality:
    """Whether values are made of the same parts, however deep."""

    def __init__(self, heap: Heap, code: Code) -> None:
        self.heap = heap
        self.code = code

    def among(self, same: Tensor, ones: Tensor, others: Tensor) -> Tensor:
        """`same`, and false as well where these two values differ."""
        todo = [((same & (ones != others)).nonzero().squeeze(1), ones, others)]
        return self._finish(same, todo, [])

    def among_frames(self, same: Tensor, ones: Tensor, others: Tensor) -> Tensor:
        """The same for frames."""
        return self._finish(same, [], [((same & (ones != others)).nonzero().squeeze(1), ones, others)])

    def _finish(
        self, same: Tensor, todo: list[tuple[Tensor, Tensor, Tensor]], frames: list[tuple[Tensor, Tensor, Tensor]]
    ) -> Tensor:
        """Take apart what differs as words; the first of each triple says which worlds differ, and which entries of both."""
        same = same.clone()
        values = [(index, ones[index], others[index]) for index, ones, others in todo]
        waiting = [(index, ones[index], others[index]) for index, ones, others in frames]
        while values or waiting:
            if waiting:
                self._frames(same, *waiting.pop(), values, waiting)
                continue
            index, ones, others = values.pop()
            differ = (ones != others) & same[index]
            if not bool(differ.any()):
                continue
            index, ones, others = index[differ], ones[differ], others[differ]
            words = self.heap.words
            alike = is_pointer(ones) & (ones >> SHIFT == others >> SHIFT)
            alike &= words[ones & INDEX * alike] == words[others & INDEX * alike]
            same[index[~alike]] = False
            index, ones, others = index[alike], ones[alike], others[alike]
            kinds = ones >> SHIFT
            for kind in torch.unique(kinds).tolist():
                chosen = kinds == kind
                self._fields(same, index[chosen], ones[chosen] & INDEX, others[chosen] & INDEX, kind, values)
        return same

    def _fields(
        self,
        same: Tensor,
        index: Tensor,
        ones: Tensor,
        others: Tensor,
        kind: int,
        values: list[tuple[Tensor, Tensor, Tensor]],
    ) -> None:
        """Compare the fields of records of one kind."""
        if kind != Kind.CLOSURE:
            values += [(index, self._read(ones, field), self._read(others, field)) for field in (0, 1)]
            return
        function = self._read(ones, 0)
        alike = function == self._read(others, 0)
        same[index[~alike]] = False
        for number in torch.unique(function[alike]).tolist():
            chosen = alike & (function == number)
            for field in range(1, 1 + len(self.code.functions[number].captured)):
                values.append((index[chosen], self._read(ones[chosen], field), self._read(others[chosen], field)))

    def _frames(
        self,
        same: Tensor,
        index: Tensor,
        ones: Tensor,
        others: Tensor,
        values: list[tuple[Tensor, Tensor, Tensor]],
        waiting: list[tuple[Tensor, Tensor, Tensor]],
    ) -> None:
        """Compare frames: where they return to, what waits under them, and what they keep."""
        differ = (ones != others) & same[index]
        index, ones, others = index[differ], ones[differ], others[differ]
        if not len(index):
            return
        place = self._read(ones, 0)
        alike = (self.heap.words[ones] == self.heap.words[others]) & (ones != 0) & (others != 0)
        alike &= place == self._read(others, 0)
        same[index[~alike]] = False
        for at in torch.unique(place[alike]).tolist():
            chosen = alike & (place == at)
            some, one, other = index[chosen], ones[chosen], others[chosen]
            waiting.append((some, self._read(one, 1), self._read(other, 1)))
            assert self.code.instructions[at].op in (Op.CALL, Op.SUMMARY, Op.APPLY, Op.FORCE)
            for field in range(2, 2 + len(self.code.instructions[at].after)):
                values.append((some, self._read(one, field), self._read(other, field)))

    def _read(self, addresses: Tensor, field: int) -> Tensor:
        return self.heap.words[addresses + self.heap.first + field]
