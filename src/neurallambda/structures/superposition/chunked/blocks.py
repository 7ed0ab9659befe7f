"""The weights of what a chunk does to cells, as a row of small matrices instead of one that is almost all zeros.

What lies in a cell after a chunk comes from cells nearby, so the matrix of a chunk is a band along the diagonal, whose
rows, but for those near the ends, are one row moved along. That is how it is kept. To be multiplied with, the rows are
cut into blocks, and of each block there are only the columns around it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 8
"""Steps a chunk: the weights cost time * CHUNK, joining the chunks time / CHUNK."""

LONGEST = 40
"""Rows a block has at most, where a cell comes from nearby: more would multiply more zeros, fewer copy more cells."""


@dataclass(frozen=True)
class Band:
    """What each chunk does, in weights: for each place that is asked for, how surely it holds what lay in each cell.

    The places are CHUNK that are shown, one after each step, and then the cells at the chunk's end. The first axis has
    a row for each chunk of each batch row.

    Attributes:
        near: [rows, CHUNK + cells, seen], what is shown and the first cells, from the first cells.
        between: [rows, above + 1 + below], each of the cells in the middle, from those around it.
        last: [rows, cells, seen], the last cells, from the last cells.
        above: from how far above itself a cell may come.
        below: from how far below itself a cell may come.
        capacity: how many cells there are.
    """

    near: Tensor
    between: Tensor
    last: Tensor
    above: int
    below: int
    capacity: int

    def rows(self, first: int, end: int, left: int, right: int) -> list[Tensor]:
        """The weights of some of the places, from some of the cells.

        Args:
            first: the first of the places.
            end: the one after the last of them; beyond the last place, all weights are zeros.
            left: the first of the cells, which may lie above the first that there is.
            right: the one after the last of them, which may lie below the last that there is.

        Returns:
            [rows, places, cells], a few tensors that together have all the places.
        """
        near, places = self.near.shape[1], CHUNK + self.capacity
        last = places - self.last.shape[1]
        found = []
        if first < near:
            found.append(_seen(self.near[:, first:end], 0, left, right))
        start, stop = max(first, near), min(end, last)
        if start < stop:
            column = start - CHUNK - self.above - left
            found.append(_moved_along(self.between, column, stop - start, right - left))
        start, stop = max(first, last), min(end, places)
        if start < stop:
            seen = self.capacity - self.last.shape[2]
            found.append(_seen(self.last[:, start - last : stop - last], seen, left, right))
        if end > places:
            found.append(self.near.new_zeros(len(self.near), end - max(first, places), right - left))
        return found


@dataclass(frozen=True)
class Blocks:
    """How the places of a chunk are cut into blocks of equally many, and the cells into windows around them.

    Attributes:
        count: how many blocks.
        places: how many places each has; those of the last may be more than there are.
        above: how many cells a window begins above the block's first place, where a cell is CHUNK places on.
        below: how many cells a window goes on below the block's last place.
        capacity: how many cells there are.
    """

    count: int
    places: int
    above: int
    below: int
    capacity: int

    @classmethod
    def of(cls, band: Band) -> "Blocks":
        """The blocks for some weights: one as long as that is short, and then all cells are its window."""
        capacity, asked, around = band.capacity, CHUNK + band.capacity, band.above + band.below
        count = -(-asked // max(LONGEST, 2 * around))
        if count == 1:
            return cls(count=1, places=asked, above=-CHUNK, below=0, capacity=capacity)
        return cls(count=count, places=-(-asked // count), above=band.above, below=band.below, capacity=capacity)

    @property
    def window(self) -> int:
        """How many cells a window has."""
        return self.above + self.places + self.below

    def matrices(self, band: Band) -> Tensor:
        """[rows, count * places, window]: the weights of every block's places from the cells of its window."""
        found = []
        for first in range(0, self.count * self.places, self.places):
            left = first - CHUNK - self.above
            found += band.rows(first, first + self.places, left, left + self.window)
        return torch.cat(found, dim=1)

    def windows(self, cells: Tensor) -> Tensor:
        """[batch * count, window, width] from cells [batch, capacity, width]."""
        if self.count == 1:
            return cells
        room = self.count * self.places
        blocks = functional.pad(cells, [0, 0, CHUNK, room - CHUNK - self.capacity]).unflatten(1, (self.count, -1))
        # In parts that lie in one window or in two; as overlapping views, they would be slow to go back through.
        upper, middle, lower = blocks.split([self.below, self.places - self.above - self.below, self.above], dim=2)
        from_above = functional.pad(lower[:, :-1], [0, 0, 0, 0, 1, 0])
        from_below = functional.pad(upper[:, 1:], [0, 0, 0, 0, 0, 1])
        return torch.cat([from_above, upper, middle, lower, from_below], dim=2).flatten(0, 1)


def _seen(weights: Tensor, first: int, left: int, right: int) -> Tensor:
    """The columns `left` up to `right` of weights whose columns are those from `first` on, and else zeros."""
    return functional.pad(weights, [first - left, right - first - weights.shape[2]])


def _moved_along(row: Tensor, column: int, count: int, width: int) -> Tensor:
    """[rows, count, width]: `row` [rows, reach] again and again, from `column` on and then each time one to the right."""
    # Rows that are one longer than asked for, laid end to end and cut into rows as asked for, move by one each time.
    reach = row.shape[1]
    length = max(width, column + count - 1 + reach)
    band = functional.pad(row, [column, length + 1 - column - reach])
    band = band[:, None].expand(-1, count, -1).flatten(1)[:, : count * length].unflatten(1, (count, length))
    return band[..., :width]
