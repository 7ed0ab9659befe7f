"""The rules, as tables that both readers share: the discrete stepper looks up, the superposed step multiplies.

A redex is judged by the tag of the cell under its first column (the function, condition or thunk); primitives then by
their operands. What follows is a response: a move, or a question to the next table.
"""

from enum import IntEnum

from neurallambda.beta.alphabet import OPERATORS, STUCK, Tag
from neurallambda.errors import ErrorKind


class Move(IntEnum):
    """What a step does to the cell that it visits, and to the stack.

    The names of the moves that put something in the place of the cell say where it is found: a path of columns.
    """

    BASE = 0
    """Nothing to reduce: mark the cell as reduced, and pop."""
    REDUCED = 1
    """As reduced as demanded: pop."""
    NORMAL = 2
    """All parts are reduced: mark the cell so, and pop."""
    HEAD = 3
    """The tag stays: mark the head as reduced."""
    VISIT = 4
    """A part must be reduced first: push it."""
    APPLY = 5
    """Beta: the body takes the place of the application, with every reference to the parameter replaced."""
    GO_1 = 6
    GO_11 = 7
    GO_21 = 8
    GO_22 = 9
    GO_221 = 10
    """What the path leads to takes the place of the cell: all references to the cell are replaced, and it is popped."""
    ADOPT_2 = 11
    ADOPT_22 = 12
    """The cell takes over the columns of the cell that the path leads to: a choice goes on with the rest of itself."""
    PAIR = 13
    PARTIAL = 14
    TRUE = 15
    FALSE = 16
    INTEGER = 17
    """The cell becomes this, in place."""
    FINISH = 18
    """The program is reduced."""
    FAIL = 19
    """The program ends in an error."""


class Ask(IntEnum):
    """Responses that are questions to another table."""

    UNARY = 100
    BINARY = 101
    CHOICE = 102
    """The condition waits: so does the choice, for a decision."""
    DECISION = 103
    """Whether that which waits does so for a decision."""


class Wrong(IntEnum):
    """Responses to a wrong application. It stays as it stands unless it is certain to be met; then it is an error."""

    NOT_A_FUNCTION = 200
    NOT_AN_INTEGER = 201
    NOT_A_BOOLEAN = 202
    NOT_A_PAIR = 203
    DIVISION_BY_ZERO = 204

    @property
    def kind(self) -> ErrorKind:
        """The error that it is."""
        return ErrorKind[self.name]


Response = Move | Ask | Wrong

ERRORS = (
    *(wrong.kind for wrong in Wrong),
    ErrorKind.OVERFLOW,
    ErrorKind.OUT_OF_MEMORY,
    ErrorKind.OUT_OF_STEPS,
)
"""The errors that a step may end in."""

_CALLED = {Tag.FUNCTION: Move.APPLY, Tag.UNARY: Ask.UNARY, Tag.BINARY: Move.PARTIAL, Tag.PARTIAL: Ask.BINARY}
_FORCED = {
    Tag.DELAY: Move.GO_11,
    Tag.FUNCTION: Move.GO_1,
    Tag.UNARY: Move.GO_1,
    Tag.BINARY: Move.GO_1,
    Tag.PARTIAL: Move.GO_1,
}
_CHOSEN = {
    Tag.IF: {Tag.TRUE: Move.GO_21, Tag.FALSE: Move.GO_22},
    Tag.COND: {Tag.TRUE: Move.GO_21, Tag.FALSE: Move.ADOPT_22},
    Tag.AND: {Tag.TRUE: Move.ADOPT_2, Tag.FALSE: Move.GO_1},
    Tag.OR: {Tag.TRUE: Move.GO_1, Tag.FALSE: Move.ADOPT_2},
}
FRAMES = frozenset({Tag.CALL, Tag.GIVEN})
"""What stands around a value until it is known whether it waits for a decision. Of two directly around one another the
outer one goes at once, since the inner one never waits for any: so a loop of tail calls takes no room."""

CHOICES = frozenset(_CHOSEN)
"""Redexes that wait for a condition."""

AT_THE_END = {Move.ADOPT_2: Move.GO_21, Move.ADOPT_22: Move.GO_221}
"""What adopting is where there is no rest, but the end of one."""


def respond(tag: Tag, under: Tag) -> Response:
    """What a redex does, by its tag and the tag of the cell under its first column, which is reduced as demanded."""
    if tag in FRAMES:
        return Ask.DECISION if under in STUCK - FRAMES else Move.GO_1
    if under in STUCK:
        return Ask.CHOICE if tag in _CHOSEN else Move.HEAD
    if tag is Tag.APPLY:
        return _CALLED.get(under, Wrong.NOT_A_FUNCTION)
    if tag is Tag.FORCE:
        return _FORCED.get(under, Wrong.NOT_A_FUNCTION)
    return _CHOSEN[tag].get(under, Wrong.NOT_A_BOOLEAN)


def respond_unary(operator: str, operand: Tag) -> Response:
    """What the application of a unary primitive does."""
    if operand in STUCK:
        return Move.HEAD
    match operator:
        case "not":
            return {Tag.TRUE: Move.FALSE, Tag.FALSE: Move.TRUE}.get(operand, Wrong.NOT_A_BOOLEAN)
        case "listp":
            return Move.TRUE if operand in (Tag.PAIR, Tag.NIL) else Move.FALSE
        case "empty?":
            return Move.TRUE if operand is Tag.NIL else Move.FALSE
    if operand is not Tag.PAIR:
        return Wrong.NOT_A_PAIR
    return Move.GO_21 if operator == "car" else Move.GO_22


CONS = OPERATORS.index("cons")


class Part(IntEnum):
    """How far a column must be reduced in a normal form."""

    NOTHING = 0
    """It is no part, or one with nothing to reduce."""
    NORMAL = 1
    """Fully; what is wrong in it may never be met."""
    SAME = 2
    """As the cell itself."""


_INSIDE = (Part.NOTHING, Part.NORMAL)
_ARMS = (Part.NORMAL, Part.NORMAL)
_CHOICE = (Part.SAME, Part.NORMAL)
_ALL = (Part.SAME, Part.SAME)

PARTS = {
    Tag.FUNCTION: _INSIDE,
    Tag.DELAY: _INSIDE,
    Tag.PAIR: _ALL,
    Tag.PARTIAL: _ALL,
    Tag.APPLY: _ALL,
    Tag.FORCE: (Part.SAME, Part.NOTHING),
    Tag.IF: _CHOICE,
    Tag.AND: _CHOICE,
    Tag.OR: _CHOICE,
    Tag.COND: _CHOICE,
    Tag.BRANCH: _ARMS,
    Tag.REST: _ARMS,
    Tag.ELSE: (Part.NORMAL, Part.NOTHING),
    Tag.BODY: (Part.NORMAL, Part.NOTHING),
    Tag.CALL: (Part.NOTHING, Part.SAME),
    Tag.GIVEN: (Part.SAME, Part.NOTHING),
    Tag.LETREC: _CHOICE,
    Tag.BIND: _INSIDE,
}
"""What a normal form demands of the two columns, for every tag but those of base cells and the root."""
