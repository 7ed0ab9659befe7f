"""The heap: records that are written once and never changed, shared by all worlds of all rows.

A record is a hash of all that can be reached from it, then for each hole how far into it one can see from here, then its
fields. An address is where it starts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurallambda.worlds.words import INDEX, LEAST_OF_A_KIND, Kind, chain, column, is_part, is_pointer, part_of, word

Column = Tensor | int
"""A word for each row; a number: the same for all."""


class Heap:
    """Records, one after another.

    Args:
        holes: how many holes have parts that are drawn.
        hashing: whether records are hashed; where nothing is ever drawn, nothing is ever merged.
        mask: which bits of hashes count; fewer make hashes collide, for tests.
    """

    def __init__(self, holes: int, *, hashing: bool, mask: int = -1) -> None:
        self.holes = holes
        self.hashing = hashing
        self.mask = mask
        self.words = torch.zeros(1 << 12, dtype=torch.int64)
        self.used = 1  # address 0 is no record: the frame under the first one
        self.first = 1 + holes

    def write(self, fields: Sequence[Column], rows: int, sights: Sequence[Column] | None = None) -> Column:
        """Write a record for each row; gives their addresses, one for all where all are the same.

        Args:
            fields: the fields, each a column.
            rows: how many rows there are.
            sights: for each hole, how far one sees besides what the fields show.
        """
        is_same = all(isinstance(field, int) for field in fields) and not any(
            isinstance(sight, Tensor) for sight in sights or ()
        )
        count = 1 if is_same else rows
        width = self.first + len(fields)
        self._make_room(count * width)
        block = self.words[self.used : self.used + count * width].view(count, width)
        if self.hashing:
            hashes = torch.zeros(count, dtype=torch.int64)
            for field in fields:
                hashes = chain(hashes, self.hash(field))
            block[:, 0] = hashes & self.mask
        for hole in range(self.holes):
            sight = torch.zeros(count, dtype=torch.int64) if sights is None else column(sights[hole], count)
            for field in fields:
                seen = self.sight(field, hole)
                sight = sight.clamp_min(seen) if isinstance(seen, int) else torch.maximum(sight, seen)
            block[:, 1 + hole] = sight
        for index, field in enumerate(fields):
            block[:, self.first + index] = field
        start = self.used
        self.used += count * width
        if is_same:
            return start
        return torch.arange(start, start + count * width, width)

    def read(self, addresses: Column, field: int) -> Column:
        """A field of the records at some addresses."""
        place = addresses + self.first + field
        return int(self.words[place]) if isinstance(place, int) else self.words[place]

    def hash(self, values: Column) -> Column:
        """Words that agree exactly where values are made of the same parts, but for collisions."""
        if isinstance(values, int):
            return int(self.words[values & INDEX]) if LEAST_OF_A_KIND <= values < word(Kind.ATOM, 0) else values
        points = is_pointer(values)
        if not bool(points.any()):
            return values
        return torch.where(points, self.words[torch.where(points, values & INDEX, 0)], values)

    def sight(self, values: Column, hole: int) -> Column:
        """How far one sees into a hole from each of these values; 0: not at all."""
        if isinstance(values, int):
            if values < LEAST_OF_A_KIND:
                return 0
            if values < word(Kind.ATOM, 0):
                return int(self.words[(values & INDEX) + 1 + hole])
            of, distance = part_of(values)
            return distance if values >= word(Kind.PART, 0) and of == hole else 0
        if not len(values) or int(values.max()) < LEAST_OF_A_KIND:
            return 0
        points = is_pointer(values)
        behind = self.words[torch.where(points, (values & INDEX) + 1 + hole, 0)]
        own, distance = part_of(values)  # pyright: ignore[reportArgumentType]
        parts = is_part(values) & (own == hole)  # pyright: ignore[reportOperatorIssue]
        return torch.where(points, behind, torch.where(parts, distance, 0))

    def frame_hash(self, frames: Column) -> Column:
        """The hashes of frames, which are addresses without a kind."""
        return int(self.words[frames]) if isinstance(frames, int) else self.words[frames]

    def frame_sight(self, frames: Column, hole: int) -> Column:
        """How far one sees into a hole from frames."""
        place = frames + 1 + hole
        if isinstance(place, int):
            return 0 if frames == 0 else int(self.words[place])
        return torch.where(frames == 0, 0, self.words[place])  # pyright: ignore[reportArgumentType]

    def _make_room(self, words: int) -> None:
        if self.used + words > len(self.words):
            size = max(2 * len(self.words), self.used + words)
            larger = torch.zeros(size, dtype=torch.int64)
            larger[: self.used] = self.words[: self.used]
            self.words = larger
