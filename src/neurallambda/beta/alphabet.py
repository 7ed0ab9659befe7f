"""What cells are made of: tags, the symbols of a codebook, and what each tag's columns mean."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from neurallambda.lang.terms import PRIMITIVES

OPERATORS = PRIMITIVES
"""The alphabet of operators, unary ones first."""


class Tag(IntEnum):
    """What a cell is."""

    FREE = 0
    ROOT = 1
    # base: nothing to reduce
    INTEGER = 2
    TRUE = 3
    FALSE = 4
    NIL = 5
    UNARY = 6  # a primitive of one operand
    BINARY = 7
    NAME = 8  # a free variable
    HOLE = 9
    VARIABLE = 10  # the cell that a function's parameter is; a reference to it is an occurrence
    # constructors: values whose parts may be reduced
    FUNCTION = 11
    DELAY = 12
    PAIR = 13
    PARTIAL = 14  # a binary primitive with its first operand
    BRANCH = 15  # what a choice chooses from
    REST = 16  # the operands or clauses that a choice has not come to
    ELSE = 17  # the end of a rest: what is left if nothing was chosen
    # redexes, or what may become one
    APPLY = 18
    FORCE = 19
    IF = 20
    AND = 21
    OR = 22
    COND = 23


BASE = frozenset(tag for tag in Tag if Tag.INTEGER <= tag <= Tag.VARIABLE) | {Tag.FREE}
CONSTRUCTORS = frozenset(tag for tag in Tag if Tag.FUNCTION <= tag <= Tag.ELSE)
REDEXES = frozenset(tag for tag in Tag if tag >= Tag.APPLY)
STUCK = REDEXES | {Tag.NAME, Tag.HOLE, Tag.VARIABLE}
"""Tags of a cell that is reduced at its head and yet waits for a variable or a hole."""

POINTS_FIRST = (CONSTRUCTORS | REDEXES | {Tag.ROOT}) - {Tag.DELAY}
POINTS_SECOND = (CONSTRUCTORS | REDEXES) - {Tag.ELSE, Tag.FORCE}
"""Tags whose column is a reference to a cell. Elsewhere it is a literal, a name, or nothing."""


class Demand(IntEnum):
    """How far a cell that is visited must be reduced."""

    HEAD = 0
    """Until its tag is certain to stay."""
    NORMAL = 1
    """In all its parts; a wrong application stays as it stands, since it may never be met."""
    CERTAIN = 2
    """In all its parts, and a wrong application is the program's error."""


class Flag(IntEnum):
    """What is known of a cell's reduction."""

    HEAD = 0
    IR1 = 1
    """Column 1 is reduced."""
    IR2 = 2
    """Column 2 is reduced."""
    CERTAIN = 3


@dataclass(frozen=True)
class Alphabet:
    """The symbols that cells are written in: addresses, tags, operators, integers, and nothing.

    Attributes:
        cells: how many addresses.
        integers: the declared range.
    """

    cells: int
    integers: range

    @cached_property
    def symbols(self) -> tuple[str | int, ...]:
        """All of them: addresses `A0`, `A1`, ...; `tag` and `operator` names; integers; `nothing`."""
        addresses = (f"A{index}" for index in range(self.cells))
        return (*addresses, *(f"tag {tag.name.lower()}" for tag in Tag), *OPERATORS, "nothing", *self.integers)

    @property
    def addresses(self) -> slice:
        """Where the addresses stand among the symbols; the others likewise."""
        return slice(0, self.cells)

    @property
    def tags(self) -> slice:
        return slice(self.cells, self.cells + len(Tag))

    @property
    def operators(self) -> slice:
        return slice(self.tags.stop, self.tags.stop + len(OPERATORS))

    @property
    def nothing(self) -> int:
        return self.operators.stop

    @property
    def literals(self) -> slice:
        return slice(self.nothing + 1, self.nothing + 1 + len(self.integers))
