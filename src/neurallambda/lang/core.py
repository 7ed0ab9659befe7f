"""The core: what every engine runs.

A dozen node kinds, names resolved, currying made explicit, sugar gone. Three decisions make it small and quick:

- **Recursion is a cycle.** A reference to a `defn` or `letrec` function *is* that function's node, so the graph is cyclic
  where the program is recursive and no engine needs a rule for recursion.
- **A known call is a binding.** `(let [x e] b)`, `((fn [x] b) e)` and a call of a function the program defines are all
  `Bind`: evaluate the argument, bind the parameter, go on with the body.
- **A saturated primitive is an operation.** `(+ a b)` is `Binary`; only a primitive used as a value is applied in general.

`depth` counts the variables bound around a node. A variable bound at depth d and read at depth e is the (e - d - 1)-th
innermost; a closure of a function defined at depth d keeps the d outermost.
"""

from dataclasses import dataclass, field
from enum import Enum

from neurallambda.errors import SourceError
from neurallambda.lang.terms import Position, Term


class Nil:
    """The empty list; `NIL` is its one instance."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'()"


NIL = Nil()


@dataclass(frozen=True, slots=True)
class Operator:
    """A primitive as a value."""

    name: str


Atom = int | bool | Nil | Operator
"""A value that is a leaf of the code too."""


@dataclass(eq=False, slots=True)
class Node:
    """Base of all core nodes; identity is equality."""

    at: Position | None = field(default=None, kw_only=True)


@dataclass(eq=False, slots=True)
class Constant(Node):
    value: Atom


@dataclass(eq=False, slots=True)
class Unknown(Node):
    """A hole: an atom whose distribution the caller gives."""

    name: str


@dataclass(eq=False, slots=True)
class Sample(Node):
    """A fresh draw from the distribution of a hole."""

    name: str


@dataclass(eq=False, slots=True)
class Flip(Node):
    """A coin: true with a probability of `heads / sides`."""

    heads: int
    sides: int


@dataclass(eq=False, slots=True)
class Lambda(Node):
    """A function of one parameter. It is also the identity of that parameter: variables point at it.

    `is_memo` says that its calls with all arguments may be run once for the same arguments.
    """

    parameter: str
    source: Term
    depth: int
    scope: "Scope | None" = field(default=None, init=False)
    body: Node = field(init=False)
    is_memo: bool = field(default=False, init=False)


@dataclass(eq=False, slots=True)
class Delay(Node):
    """A thunk: a body to be forced."""

    source: Term
    depth: int
    scope: "Scope | None" = field(default=None, init=False)
    body: Node = field(init=False)


@dataclass(eq=False, slots=True)
class Variable(Node):
    binder: Lambda


@dataclass(frozen=True, slots=True)
class Excess:
    """A call with more arguments than a known function takes: the result is applied to the rest."""

    name: str | None
    takes: int
    given: int


@dataclass(eq=False, slots=True)
class Apply(Node):
    """The call of what may be any function. `excess` is there where a known function has all its arguments already."""

    function: Node
    argument: Node
    excess: Excess | None = None


@dataclass(eq=False, slots=True)
class Bind(Node):
    """The call of a function that is known here."""

    function: Lambda
    argument: Node


@dataclass(eq=False, slots=True)
class Force(Node):
    thunk: Node


@dataclass(eq=False, slots=True)
class If(Node):
    """A choice; `word` is the form it was written as: `if`, `cond`, `and` or `or`."""

    condition: Node
    consequent: Node
    alternative: Node
    word: str = "if"


@dataclass(eq=False, slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(eq=False, slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(eq=False, slots=True)
class Observe(Node):
    """Only where the condition is true does anything go on."""

    condition: Node


class Binding(Enum):
    """What a name stands for."""

    VARIABLE = "a parameter"
    LOCAL = "a function bound by let"
    DEFINITION = "a function that may be recursive, from defn or letrec"


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """The names around a function, innermost first: what it takes to write a closure down again."""

    name: str
    node: Lambda | Delay
    binding: Binding
    outer: "Scope | None"


def unfilled_hole(name: str, node: Node) -> SourceError:
    """The refusal of a program with a hole that nobody fills."""
    line, column = node.at or (0, 0)
    message = f"line {line}, column {column}: the hole ?{name} is not filled; give it a value or a distribution"
    return SourceError(message, line=line, column=column)
