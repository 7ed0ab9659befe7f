"""What a rule moves, backward: where what arrives at each number that it moved comes from.

A number may be moved to one place, the environment to two.
"""

from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from neurallambda.machine.adjoint.by_address.places import Places
from neurallambda.machine.alphabet import FIELDS_OF, Field, Tag
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.moves import STAY, moves
from neurallambda.machine.rules import RULES

(_COPYING,) = (index for index, rule in enumerate(RULES) if rule.copies)
_COPIED = (Field.OPERATOR, Field.KIND, Field.FIRST, Field.SECOND, Field.ENVIRONMENT, Field.LINK, Field.VALUE)


def cases(rule: Int[Tensor, "*steps batch"], control: Int[Tensor, "*steps batch"]) -> Int[Tensor, "*steps batch"]:
    """The row of each program: its rule; where that copies control, which tag it copies, since it has no other fields."""
    return torch.where(rule == _COPYING, STAY + 1 + control, rule)


class Inverse:
    """From `Places.found` to where that stands in `Places.arriving`, one row a case, each made when it is first asked for.

    Args:
        layout: how records are laid out.
        width: how many addresses memory has.
    """

    def __init__(self, layout: Layout, width: int) -> None:
        self.places, self.moves = Places(layout, width), moves(layout, width)
        self.nothing = self.places.arriving - 1
        self.rows = torch.full((STAY + 1 + len(Tag), self.places.found), self.nothing)
        self.known: set[int] = set()
        self.parts: dict[int, tuple[Tensor, Tensor]] = {}
        self.sources, self.targets = self._sources(), self._targets()

    def of_one(self, case: int) -> tuple[Int[Tensor, " records"], Int[Tensor, " registers"]]:
        """The row of a case, in two parts: of the records, of the registers."""
        if case not in self.parts:
            row, split = self.of(frozenset((case,)))[case], self.places.control
            self.parts[case] = row[:split], row[split:]
        return self.parts[case]

    def of(self, present: frozenset[int]) -> Int[Tensor, "cases found"]:
        """The table, with the rows of some cases ready."""
        for case in present - self.known:
            self._fill(case)
            self.known.add(case)
        return self.rows

    def _sources(self) -> Int[Tensor, " sources"]:
        """Of each source of a move, where it stands in `found`; literals and constants do not."""
        places, literal = self.places, self.places.layout.slices[Field.LITERAL]
        one = torch.arange(places.record)
        nowhere = torch.full((literal.stop - literal.start,), -1)
        record = torch.cat([one[: literal.start], nowhere, one[literal.start :]])
        control = torch.arange(places.control, places.control + 2 * places.width)
        continuation = torch.arange(places.control + 3 * places.width, places.found)
        frame = torch.where(record < 0, -1, record + places.record)
        return torch.cat([record, frame, control, continuation, torch.full((places.width + 2,), -1)])

    def _targets(self) -> Int[Tensor, " targets"]:
        """Of each target of a move, where it stands in `arriving`; literals do not."""
        places, literal = self.places, self.places.layout.slices[Field.LITERAL]
        one = torch.arange(places.record + WIDE * places.width)
        nowhere = torch.full((literal.stop - literal.start,), -1)
        return torch.cat([one[: literal.start], nowhere, one[literal.start :]])

    def _fill(self, case: int) -> None:
        places, width = self.places, self.places.width
        rule = case if case <= STAY else _COPYING
        moved = self.moves.of({rule})[rule]
        targets = self.targets.clone()
        control = (
            self.moves.record
        )  # a pointer at code that control moves along is more than that: it may be a variable
        from_code = (moved[control : control + width] % self.moves.record) < places.layout.narrow
        from_code &= moved[control : control + width] < 2 * self.moves.record
        code = torch.arange(places.next_code, places.next_code + width)
        targets[control : control + width] = torch.where(from_code, code, targets[control : control + width])
        sources = self.sources[moved]
        some = (sources >= 0) & (targets >= 0)
        sources, targets = sources[some], targets[some]
        row = self.rows[case]
        row[sources] = targets
        again = row[sources] != targets
        environment = places.control + width
        assert bool(((sources[again] >= environment) & (sources[again] < environment + width)).all())
        row[sources[again] + width] = targets[again]
        if case > STAY:
            has = FIELDS_OF.get(Tag(case - STAY - 1), frozenset())
            for field in _COPIED:
                if (Field.LITERAL if field is Field.KIND else field) not in has:  # a kind stands for a literal
                    row[places.at[field] : places.at[field] + places.sizes[field]] = self.nothing


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they are kept, and filled by other runs
def inverse(layout: Layout, width: int) -> Inverse:
    """The moves backward within memory of one size."""
    return Inverse(layout, width)
