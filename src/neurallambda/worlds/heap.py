"""The heap: records that are written once and never changed, shared by all worlds of all rows.

A record is a hash of all that can be reached from it, then for each hole which of its parts one can see from here, then its
fields. An address is where it starts.

Which parts one sees is kept as two numbers, two *sights*: how far from the end of the hole the first of them is, and how far
from its start the last. Of several values one sees what one sees from any of them: both numbers are maxima. 0 is nothing.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from neurallambda.worlds.words import (
    INDEX,
    LEAST_OF_A_KIND,
    MOST_PARTS,
    PAIRS,
    Kind,
    combined,
    is_part,
    is_pointer,
    part_of,
    word,
)

Column = Tensor | int
"""A word for each row; a number: the same for all."""

Number = TypeVar("Number", int, Tensor)

_AFTER_POINTERS, _PARTS = word(Kind.ATOM, 0), word(Kind.PART, 0)
_AFTER_PAIRS = PAIRS + INDEX + 1


class Heap:
    """Records, one after another.

    Args:
        holes: how many holes have parts that are drawn.
        hashing: whether records are hashed; where nothing is ever drawn, nothing is ever merged.
        mask: which bits of hashes count; fewer make hashes collide, for tests.
    """

    def __init__(self, holes: int, *, hashing: bool, mask: int = -1) -> None:
        self.sights = 2 * holes
        self.hashing = hashing
        self.mask = mask
        self.room = 1 << 60  # so many words may be used
        self.words = torch.zeros(max(1 << 12, 1 + 2 * holes), dtype=torch.int64)
        self.first = 1 + self.sights
        self.used = self.first  # at address 0 is the frame under the first one, from which one sees nothing

    def write(self, fields: Sequence[Column], rows: int, sights: Sequence[Column] | None = None, of: int = 0) -> Column:
        """Write a record for each row; gives their words, one for all where all are the same.

        Args:
            fields: the fields, each a column.
            rows: how many rows there are.
            sights: what one sees besides what the fields show.
            of: the first word of the kind of the records; 0: they are frames, whose words are their addresses.
        """
        hashed = combined([self.hash(field) for field in fields]) if self.hashing else 0
        seen = self._sights(fields, sights) if self.sights else []
        record = (hashed & self.mask, *seen, *fields)
        width = len(record)
        is_same = not any(isinstance(part, Tensor) for part in record)
        count = 1 if is_same else rows
        self._make_room(count * width)
        start, stop, words = self.used, self.used + count * width, self.words
        self.used = stop
        if is_same:
            words[start:stop] = torch.tensor(record)
            return start + of
        for index, part in enumerate(record, start):
            words[index:stop:width] = part
        return torch.arange(start + of, stop + of, width)

    def _sights(self, fields: Sequence[Column], besides: Sequence[Column] | None) -> Sequence[Column]:
        """What one sees from a record: what one sees from any of its fields, and besides."""
        found: Sequence[Column] = besides or [0] * self.sights
        for field in fields:
            if (seen := self.all_sights(field)) is not None:
                found = [larger(one, other) for one, other in zip(found, seen, strict=True)]
        return found

    def read(self, values: Column, field: int, of: int = 0) -> Column:
        """A field of records that are all of one kind; `of` is the first word of that kind, 0 for frames."""
        place = values + (self.first + field - of)
        return int(self.words[place]) if isinstance(place, int) else self.words.index_select(0, place)

    def read_all(self, values: Column, fields: range, of: int = 0) -> list[Column]:
        """Several fields, one after another, of such records."""
        if isinstance(values, int) or len(fields) < 2:
            return [self.read(values, field, of) for field in fields]
        start = self.first + fields.start - of
        places = values + torch.arange(start, start + len(fields))[:, None]
        return list(self.words.index_select(0, places.view(-1)).view(len(fields), -1))

    def tail(self, values: Column) -> Column:
        """The lists after the first items of lists; what is no list with an item stays as it is."""
        least, most = (values, values) if isinstance(values, int) else bounds(values)
        if least >= PAIRS and most < _AFTER_PAIRS:
            return self.read(values, 1, PAIRS)
        if isinstance(values, int) or most < PAIRS or least >= _AFTER_PAIRS:
            return values
        is_pair = (values >= PAIRS) & (values < _AFTER_PAIRS)
        behind = self.words[torch.where(is_pair, (values & INDEX) + self.first + 1, 0)]
        return torch.where(is_pair, behind, values)

    def hash(self, values: Column) -> Column:
        """Words that agree exactly where values are made of the same parts, but for collisions."""
        if isinstance(values, int):
            return int(self.words[values & INDEX]) if LEAST_OF_A_KIND <= values < _AFTER_POINTERS else values
        least, most = bounds(values)
        if most < LEAST_OF_A_KIND or least >= _AFTER_POINTERS:
            return values
        if least >= LEAST_OF_A_KIND and most < _AFTER_POINTERS:
            return self.words[values & INDEX]
        points = is_pointer(values)
        return torch.where(points, self.words[torch.where(points, values & INDEX, 0)], values)

    def sight(self, values: Column, number: int) -> Column:
        """One of the sights from each of these values."""
        if isinstance(values, int):
            if values < LEAST_OF_A_KIND:
                return 0
            if values < _AFTER_POINTERS:
                return int(self.words[(values & INDEX) + 1 + number])
            of, distance = part_of(values)
            return as_sight(distance, number) if values >= _PARTS and of == number // 2 else 0
        least, most = bounds(values)
        if most < LEAST_OF_A_KIND or (least >= _AFTER_POINTERS and most < _PARTS):
            return 0
        if least >= LEAST_OF_A_KIND and most < _AFTER_POINTERS:
            return self.words[(values & INDEX) + 1 + number]
        points = is_pointer(values)
        behind = self.words[torch.where(points, (values & INDEX) + 1 + number, 0)]
        of, distance = part_of(values)
        parts = is_part(values) & (of == number // 2)
        return torch.where(points, behind, torch.where(parts, as_sight(distance, number), 0))

    def all_sights(self, values: Column) -> Sequence[Column] | None:
        """All sights from each of these values; None: one sees nothing from any of them."""
        if isinstance(values, int):
            if LEAST_OF_A_KIND <= values < _AFTER_POINTERS:
                return self.frame_sights(values & INDEX)
            return [self.sight(values, number) for number in range(self.sights)] if values >= _PARTS else None
        least, most = bounds(values)
        if most < LEAST_OF_A_KIND or (least >= _AFTER_POINTERS and most < _PARTS):
            return None
        if least >= LEAST_OF_A_KIND and most < _AFTER_POINTERS:
            return self.frame_sights(values & INDEX)
        return [self.sight(values, number) for number in range(self.sights)]

    def frame_sights(self, frames: Column) -> Sequence[Column]:
        """All sights from frames, or from other records by their addresses."""
        if isinstance(frames, int):
            return self.words[frames + 1 : frames + 1 + self.sights].tolist()
        places = frames + torch.arange(1, 1 + self.sights)[:, None]
        return list(self.words.index_select(0, places.view(-1)).view(self.sights, -1))

    def frame_hash(self, frames: Column) -> Column:
        """The hashes of frames, which are addresses without a kind."""
        return int(self.words[frames]) if isinstance(frames, int) else self.words[frames]

    def frame_sight(self, frames: Column, number: int) -> Column:
        """One of the sights from frames."""
        place = frames + (1 + number)
        return int(self.words[place]) if isinstance(place, int) else self.words.index_select(0, place)

    def _make_room(self, words: int) -> None:
        if self.used + words > len(self.words):
            size = max(2 * len(self.words), self.used + words)
            larger = torch.empty(size, dtype=torch.int64)
            larger[: self.used] = self.words[: self.used]
            self.words = larger


def distinct(values: Tensor) -> list[int]:
    """The different words of a column."""
    least, most = bounds(values)
    return [least] if least == most else torch.unique(values).tolist()


def bounds(values: Tensor) -> tuple[int, int]:
    """The least and the greatest word of a column: they say whether all are of one kind."""
    if not values.shape[0]:
        return 0, 0
    least, most = torch.aminmax(values)
    return int(least), int(most)


def as_sight(distance: Number, number: int) -> Number:
    """The distance of a part from the end of its hole as a sight of this number."""
    return MOST_PARTS + 1 - distance if number % 2 else distance


def larger(one: Column, other: Column) -> Column:
    """What one sees from either."""
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    if isinstance(one, int):
        one, other = other, one
    assert isinstance(one, Tensor)
    return one.clamp_min(other) if isinstance(other, int) else torch.maximum(one, other)
