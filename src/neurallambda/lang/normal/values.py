"""What terms reduce to at their head, and what keeps them from reducing further.

Besides integers, booleans and the empty list, as in evaluation, there are pairs and calls whose parts are not reduced
yet, and *stuck* values: terms that wait for a free variable or a hole, or that apply a rule to a wrong value.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from neurallambda.errors import ErrorKind
from neurallambda.lang.core import Nil
from neurallambda.lang.terms import And, Cond, Function, If, Or, Position, Term

Environment = Any
"""The names around a term, innermost first: `(name, content, outer)`, with a `Scope` of definitions at the end."""

Content = Any
"""What a name may stand for: a value, a `Delayed` term, or a definition."""

PENDING: Any = object()
"""The value of a delayed term that nobody has asked for."""


@dataclass(slots=True, eq=False)
class Delayed:
    """A term to be reduced when it is needed, and at most once."""

    term: Term
    environment: Environment
    value: Any = PENDING


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    head: Content
    tail: Content


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A primitive that waits for operands."""

    name: str
    operands: tuple[Content, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function whose first `applied` parameters are bound in its environment. `origin` is its definition, if any."""

    function: Function
    environment: Environment
    applied: int = 0
    origin: Any = None

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The parameters that are still to be bound."""
        return self.function.parameters[self.applied :]


class Wrong(NamedTuple):
    """An error that no value of any free variable could prevent, and the form that meets it."""

    kind: ErrorKind
    message: str
    at: Position | None


@dataclass(frozen=True, slots=True, eq=False)
class Stuck:
    """Base of all that cannot reduce. `error` is there where no value of any free variable could help."""

    error: Wrong | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Free(Stuck):
    """A free variable."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Stuck):
    """A hole."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Bound(Stuck):
    """The variable of a binder that is being written: the `level`-th from the outside."""

    level: int


@dataclass(frozen=True, slots=True, eq=False)
class StuckCall(Stuck):
    function: "Value"
    argument: Content


@dataclass(frozen=True, slots=True, eq=False)
class StuckForce(Stuck):
    thunk: "Value"


@dataclass(frozen=True, slots=True, eq=False)
class StuckOperation(Stuck):
    name: str
    operands: tuple[Content, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StuckChoice(Stuck):
    """An `if`, `and`, `or` or `cond` that waits for its condition: operand or clause number `index`."""

    condition: "Value"
    term: If | And | Or | Cond
    index: int
    environment: Environment


@dataclass(frozen=True, slots=True, eq=False)
class Folded(Stuck):
    """A call of a recursive function that cannot decide how to go on. Its arguments are innermost in the environment."""

    origin: Any
    environment: Environment


Value = int | bool | Nil | Pair | Operation | Closure | Stuck
