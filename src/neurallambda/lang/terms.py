"""Terms: what the parser gives and the printer takes.

Every node is a frozen dataclass. Equality, hashing and `repr` never recurse, so a term nested a hundred thousand deep
is as good as any other; the source position `at` takes no part in them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from neurallambda.errors import ArgumentError

UNARY_PRIMITIVES = ("not", "car", "cdr", "listp", "empty?")
BINARY_PRIMITIVES = ("+", "-", "*", "/", "mod", "=", "<", ">", "<=", ">=", "cons")
PRIMITIVES = UNARY_PRIMITIVES + BINARY_PRIMITIVES
KEYWORDS = (
    "fn",
    "if",
    "let",
    "letrec",
    "and",
    "or",
    "cond",
    "else",
    "def",
    "defn",
    "defn-memo",
    "true",
    "false",
    "sample",
    "observe",
)
RESERVED = frozenset(PRIMITIVES + KEYWORDS)
"""Names that a program cannot bind."""


class Position(NamedTuple):
    """Where a term starts in its source; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, eq=False, repr=False)
class Term:
    """Base of all terms."""

    at: Position | None = field(default=None, kw_only=True, compare=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Term):
            return NotImplemented
        mine, theirs = _tokens(self), _tokens(other)
        return all(a == b and type(a) is type(b) for a, b in zip(mine, theirs, strict=False)) and (
            next(mine, None) is None and next(theirs, None) is None
        )

    def __hash__(self) -> int:
        value = 0
        for token in _tokens(self):
            value = hash((value, token))
        return value

    def __repr__(self) -> str:
        from neurallambda.lang.syntax.printer import to_text

        try:
            return f"<{type(self).__name__} {to_text(self, limit=100_000)}>"
        except ArgumentError:  # shared parts can make it far larger as text than in memory
            return f"<{type(self).__name__} of more than 100,000 nodes>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Notebooks and Hypothesis ask for this: without it they show a dataclass field by field."""
        printer.text(repr(self))


def _tokens(term: Term) -> Iterator[object]:
    """The preorder sequence of a term's node types, leaves and tuple lengths: equal terms have equal sequences."""
    todo: list[object] = [term]
    while todo:
        item = todo.pop()
        if isinstance(item, Term):
            yield type(item)
            todo.extend(getattr(item, f.name) for f in reversed(fields(item)) if f.compare)
        elif isinstance(item, tuple):
            yield len(item)
            todo.extend(reversed(item))
        else:
            yield item


@dataclass(frozen=True, eq=False, repr=False)
class Integer(Term):
    value: int


@dataclass(frozen=True, eq=False, repr=False)
class Boolean(Term):
    value: bool


@dataclass(frozen=True, eq=False, repr=False)
class List(Term):
    """`'(e ...)`: the list of the values of its items; without items, the empty list."""

    items: tuple[Term, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Variable(Term):
    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Primitive(Term):
    """One of `PRIMITIVES`, as a value."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Hole(Term):
    """`?name`: an integer, boolean or primitive whose distribution the caller gives. `name` is without the `?`."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Sample(Term):
    """`(sample ?name)`: a fresh, independent draw from the hole's distribution, each time it is evaluated."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Observe(Term):
    """`(observe condition)`: true where the condition is true; where it is false, what runs here is ruled out."""

    condition: Term


@dataclass(frozen=True, eq=False, repr=False)
class Function(Term):
    """`(fn [x y ...] body)`, curried; without parameters, a thunk."""

    parameters: tuple[str, ...]
    body: Term


@dataclass(frozen=True, eq=False, repr=False)
class Apply(Term):
    """`(f a b ...)`; without arguments, the forcing of a thunk."""

    function: Term
    arguments: tuple[Term, ...]


@dataclass(frozen=True, eq=False, repr=False)
class If(Term):
    condition: Term
    consequent: Term
    alternative: Term


@dataclass(frozen=True, eq=False, repr=False)
class Let(Term):
    """`(let [x e ...] body)`, sequential."""

    bindings: tuple[tuple[str, Term], ...]
    body: Term


@dataclass(frozen=True, eq=False, repr=False)
class LetRec(Term):
    """`(letrec [f (fn ...) ...] body)`: functions that see one another."""

    bindings: tuple[tuple[str, Function], ...]
    body: Term


@dataclass(frozen=True, eq=False, repr=False)
class And(Term):
    operands: tuple[Term, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Or(Term):
    operands: tuple[Term, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Cond(Term):
    """`(cond c e ... else alternative)`."""

    clauses: tuple[tuple[Term, Term], ...]
    alternative: Term


@dataclass(frozen=True, eq=False, repr=False)
class Define(Term):
    """`(def name e)`; `(defn name [x ...] body)` where the value is a function. Top level only.

    `is_memo` is that of `(defn-memo name [x ...] body)`: the same, and a wish that each call is run once for its arguments.
    """

    name: str
    value: Term
    is_memo: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, eq=False, repr=False)
class Program(Term):
    """The top-level forms of a source text, in order: `Define`s and expressions.

    `text` is what the positions in them are places in; it takes no part in comparisons, as they do not.
    """

    forms: tuple[Term, ...]
    text: str = field(default="", kw_only=True, compare=False)


def function(parameters: tuple[str, ...], body: Term, *, at: Position | None = None) -> Function:
    """A function in canonical form: directly nested functions with distinct parameters are one function."""
    if isinstance(body, Function) and parameters and body.parameters and set(parameters).isdisjoint(body.parameters):
        return Function(parameters + body.parameters, body.body, at=at)
    return Function(parameters, body, at=at)


def apply(operator: Term, arguments: tuple[Term, ...], *, at: Position | None = None) -> Apply:
    """An application in canonical form: `((f a) b)` is `(f a b)`."""
    if isinstance(operator, Apply) and operator.arguments and arguments:
        return Apply(operator.function, operator.arguments + arguments, at=at)
    return Apply(operator, arguments, at=at)
