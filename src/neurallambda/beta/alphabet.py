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
    DELAY = 12  # a thunk: what forcing it gives, and how that is written
    PAIR = 13
    PARTIAL = 14  # a binary primitive with its first operand
    BRANCH = 15  # what a choice chooses from
    REST = 16  # the operands or clauses that a choice has not come to
    ELSE = 17  # the end of a rest: what is left if nothing was chosen
    BODY = 18  # of a recursive function: the body, and how a call of the function is written
    LETREC = 19  # a call written in a `letrec` of its own, and the functions of that
    BIND = 20  # a variable for a function of a `letrec`; then the function, and the rest of them
    # redexes, or what may become one
    APPLY = 21
    FORCE = 22
    IF = 23
    AND = 24
    OR = 25
    COND = 26
    CALL = 27  # a call of a recursive function: what it unfolds to, and how it is written
    GIVEN = 28  # what a function was given: what it waits for is nothing for the function to decide


BASE = frozenset(tag for tag in Tag if Tag.INTEGER <= tag <= Tag.VARIABLE) | {Tag.FREE}
CONSTRUCTORS = frozenset(tag for tag in Tag if Tag.FUNCTION <= tag <= Tag.BIND)
REDEXES = frozenset(tag for tag in Tag if tag >= Tag.APPLY)
STUCK = REDEXES | {Tag.NAME, Tag.HOLE, Tag.VARIABLE}
"""Tags of a cell that is reduced at its head and yet waits for a variable or a hole."""

OWNERS = frozenset({Tag.FUNCTION, Tag.BIND})
"""Tags of a cell whose first column is a variable of its own."""

POINTS_FIRST = CONSTRUCTORS | REDEXES | {Tag.ROOT}
POINTS_SECOND = (CONSTRUCTORS | REDEXES) - {Tag.ELSE, Tag.FORCE, Tag.GIVEN}
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
    WAITS = 4
    """Reduced at its head, it waits for a conditional that was met on the way to it, and not in what was given."""
    WRONG = 5
    """Reduced at its head, it waits for a wrong application: nothing could help."""


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
