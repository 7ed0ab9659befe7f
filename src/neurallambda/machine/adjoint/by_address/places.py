"""Where numbers stand in what a step backward gathers from, and in what it gathers."""

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor, cat

from neurallambda.machine.alphabet import NARROW_FIELDS, WIDE_FIELDS, Field
from neurallambda.machine.layout import WIDE, Layout

SET_TARGETS, SET_SOURCES = 2, 3
"""Environments are sets: those of the register and of the record come from control, from the frame and from the register."""


@dataclass(frozen=True)
class Places:
    """Where numbers stand.

    `arriving` is what arrives at all that a step makes: at the new record without its literal, at the three registers, at
    the next control as far as it is code; then the products with sets, what arrives at binding and at computing, a one
    and a zero. `found` is what is carried to what the step took in: to the records under control and under continuation without
    their literals, to control, environment, environment once more, and continuation.

    Literals are most of a record and most steps leave them alone, so they are kept apart.
    """

    layout: Layout
    width: int

    @cached_property
    def record(self) -> int:
        """How many numbers a record has besides its literal."""
        return self.layout.narrow - self.layout.integers + WIDE * self.width

    @cached_property
    def sizes(self) -> dict[Field, int]:
        """How many numbers each field has."""
        return dict(zip(NARROW_FIELDS, self.layout.sizes, strict=True)) | dict.fromkeys(WIDE_FIELDS, self.width)

    @cached_property
    def at(self) -> dict[Field, int]:
        """Where the fields of such a record begin."""
        starts, place = {}, 0
        for field, size in self.sizes.items():
            if field is not Field.LITERAL:
                starts[field] = place
                place += size
        return starts

    @cached_property
    def without_pointers(self) -> int:
        """Where tags and operators of such a record end."""
        return self.at[Field.KIND]

    @cached_property
    def registers(self) -> int:
        """Where control, environment and continuation begin in `arriving`."""
        return self.record

    @cached_property
    def next_code(self) -> int:
        """Where the next control as far as it is code begins."""
        return self.record + WIDE * self.width

    @cached_property
    def sets(self) -> int:
        """Where the products with sets begin."""
        return self.next_code + self.layout.code

    @cached_property
    def binds(self) -> int:
        """Where what arrives at binding stands."""
        return self.sets + SET_TARGETS * SET_SOURCES

    @cached_property
    def share(self) -> int:
        """Where what arrives at computing stands."""
        return self.binds + 1

    @cached_property
    def one(self) -> int:
        """Where a one stands; the last number is a zero."""
        return self.share + 1

    @cached_property
    def arriving(self) -> int:
        """How many numbers arrive."""
        return self.one + 2

    @cached_property
    def nothing(self) -> int:
        """Where a zero stands in `found`: no rule takes a frame's third pointer."""
        return self.record + self.at[Field.THIRD]

    @cached_property
    def control(self) -> int:
        """Where the registers begin in `found`."""
        return 2 * self.record

    @cached_property
    def found(self) -> int:
        """How many numbers are found."""
        return self.control + 4 * self.width

    def without_literal(self, records: Float[Tensor, "*batch record"]) -> Float[Tensor, "*batch short"]:
        """Records without their literals."""
        literal = self.layout.slices[Field.LITERAL]
        return cat([records[..., : literal.start], records[..., literal.stop :]], dim=-1)
