"""Sampling a hole that is a list: every part of it is drawn afresh, and a new list is made of them."""

from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.worlds.draw import fork
from neurallambda.worlds.given import Rows
from neurallambda.worlds.heap import Column
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import EMPTY, ERRORS, PAIRS, atom_word, column

_DRAWN = -1000
"""The register, less its distance, in which a part waits for the others; code has no registers below zero."""


def is_list(given: Any) -> bool:
    """Whether what stands for a hole is a list, or may be one."""
    return isinstance(given, (list, tuple, Rows)) or (isinstance(given, Soft) and given.logits.dim() == 3)


def sample_list(run: Run, packet: Packet, name: str) -> tuple[Packet, Column] | None:
    """Draw all parts of a list in each world; gives the worlds and the list of each.

    Args:
        run: the run.
        packet: the worlds.
        name: the hole.
    """
    holes = run.holes
    number = holes.numbers[name]
    left: Packet | None = packet
    for distance in range(holes.most[number], 0, -1):
        here = holes.is_there[number][left.rows, distance]
        if not bool(here.any()):
            continue
        first = holes.leaves[number][left.rows, distance] + holes.leaf_count
        forked = fork(run, left, first, holes.domains[number][left.rows, distance], here)
        if forked is None:
            return None
        left, drawn, here = forked
        left.registers[_DRAWN - distance] = drawn
        if holes.overflows:
            wrong = drawn == ERRORS[ErrorKind.OVERFLOW]
            left = run.fail(left, [(wrong if here is None else wrong & here, ErrorKind.OVERFLOW)])
            if left is None:
                return None
    value = _Writer(run, left).value(holes.given[name])
    left.keep([register for register in left.registers if register >= _DRAWN])
    return left, value


class _Writer:
    """Writes lists of what was drawn, one for each world."""

    def __init__(self, run: Run, packet: Packet) -> None:
        self.run = run
        self.packet = packet
        self.rows = run.original(packet.rows)
        self.taken = 0

    def value(self, given: Any) -> Column:
        """What stands for the hole, with parts that are drawn."""
        if not isinstance(given, Rows):
            self.taken = 0
            return self.copy(given, None)
        found = torch.zeros(len(self.packet), dtype=torch.int64)
        for row in torch.unique(self.rows).tolist():
            mine = (self.rows == row).nonzero().squeeze(1)
            self.taken = 0
            found[mine] = column(self.copy(given.values[row], mine), len(mine))
        return found

    def copy(self, given: Any, worlds: Tensor | None) -> Column:
        """One value, in some worlds; None: in all. Parts are counted from the end."""
        count = len(self.packet) if worlds is None else len(worlds)
        if isinstance(given, Soft) and given.logits.dim() == 3:
            return self.cells(given, count)
        if isinstance(given, (Soft, Chances)):
            self.taken += 1
            drawn = column(self.packet.registers[_DRAWN - self.taken], len(self.packet))
            return drawn if worlds is None else drawn[worlds]
        if not isinstance(given, (list, tuple)):
            return atom_word(given)
        value: Column = EMPTY
        for item in reversed(given):
            head = self.copy(item, worlds)
            value = self.pair(head, value, count)
        return value

    def cells(self, given: Soft, count: int) -> Column:
        """A list as long as it is in each row."""
        time = given.logits.shape[1]
        found = [torch.full((count,), EMPTY)]
        for distance in range(self.taken + 1, self.taken + time + 1):
            register = _DRAWN - distance
            drawn = self.packet.registers.get(register, 0)  # nothing was drawn where no list is so long
            found.append(column(self.pair(drawn, found[-1], count), count))
        self.taken += time
        if given.lengths is None:
            return found[-1]
        return torch.stack(found).gather(0, given.lengths.cpu()[self.rows][None])[0]

    def pair(self, head: Column, tail: Column, count: int) -> Column:
        return self.run.heap.write((head, tail), count, of=PAIRS)
