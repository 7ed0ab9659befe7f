"""Random closed programs that mostly make sense, so that they run on rather than fail at the first step.

Expressions are written to a wanted type; once in a while to another one, so that programs also go wrong, in every way
that programs can. Recursion counts down from a small number, so every program ends within some hundreds of steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from neurallambda.lang.terms import (
    PRIMITIVES,
    And,
    Boolean,
    Cond,
    Define,
    Function,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Or,
    Primitive,
    Program,
    Term,
    Variable,
    apply,
    function,
)

_NAMES = ("x", "y", "n", "f", "xs", "map")  # few, so that they hide one another; one of them from the prelude
_MISTAKE_EVERY = 30
_SMALL = st.integers(-9, 9)
_INTEGERS = st.one_of(_SMALL, _SMALL, _SMALL, st.integers(-256, 255))


@dataclass(frozen=True)
class Arrow:
    """The type of a function, or without parameters of a thunk.

    A counted function calls itself as often as its first argument says: it gets small literals only.
    """

    parameters: tuple["Type", ...]
    result: "Type"
    is_counted: bool = False


Type = str | Arrow
"""`integer`, `boolean`, `list` (of integers), or an arrow."""

Scope = dict[str, Type]

_STEP = Arrow(("integer",), "integer")
_TEST = Arrow(("integer",), "boolean")
_OPERATION = Arrow(("integer", "integer"), "integer")
_TYPES: tuple[Type, ...] = (
    "integer",
    "boolean",
    "list",
    _STEP,
    _TEST,
    _OPERATION,
    Arrow((), "integer"),
    Arrow((_STEP,), "integer"),
)

# Primitives and prelude functions with the types of their operands.
_INTEGER_OPERATIONS = (
    *((name, "integer", "integer") for name in ("+", "-", "*", "/", "mod")),
    ("car", "list"),
    ("length", "list"),
    ("foldl", _OPERATION, "integer", "list"),
)
_BOOLEAN_OPERATIONS = (
    *((name, "integer", "integer") for name in ("<", ">", "<=", ">=")),
    ("not", "boolean"),
    ("any?", _TEST, "list"),
)
_LIST_OPERATIONS = (
    ("cons", "integer", "list"),
    ("cdr", "list"),
    ("append", "list", "list"),
    ("map", _STEP, "list"),
    ("filter", _TEST, "list"),
)


@dataclass(frozen=True)
class Want:
    """An expression that is wanted: its type, what names mean there, and how deep it may nest."""

    type: Type
    scope: Scope
    fuel: int

    def of(self, type_: Type) -> "Want":
        """Another type in the same place."""
        return replace(self, type=type_)

    def under(self, names: Scope) -> "Want":
        """The same inside the scope of more names."""
        return replace(self, scope={**self.scope, **names})


@st.composite
def programs(draw: DrawFn, kind: "type[Writer] | None" = None) -> Program:
    """Well-formed closed programs: up to two definitions, in any order, and an expression; `kind` writes them."""
    writer = (kind or Writer)(draw)
    scope: Scope = {}
    definitions: list[Term] = []
    for name in draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True)):
        if draw(st.booleans()):
            type_ = draw(st.sampled_from(_TYPES))
            value = writer.write(Want(type_, scope, 2))
        else:
            type_ = Arrow(("integer",), draw(st.sampled_from(_TYPES[:3])), is_counted=True)
            value = writer.countdown(name, name, Want(type_, scope, 2))
        definitions.append(Define(name, value))
        scope = {**scope, name: type_}
    main = writer.write(Want(draw(st.sampled_from(_TYPES)), scope, draw(st.integers(1, 4))))
    return Program((*draw(st.permutations(definitions)), main))


class Writer:
    """Writes what is wanted, drawing every choice."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw

    def choose(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def write(self, want: Want) -> Term:
        if self.draw(st.integers(1, _MISTAKE_EVERY)) == _MISTAKE_EVERY:
            want = want.of(self.choose(_TYPES))
        ways = ["literal", *["variable"] * (3 * (want.type in want.scope.values()))]
        if want.fuel > 0:
            special = want.type if isinstance(want.type, str) else "function"
            ways = [*ways[1:], "general", "general", special, special]
        return getattr(self, self.choose(ways))(replace(want, fuel=want.fuel - 1))

    def each(self, types: Iterable[Type], want: Want) -> tuple[Term, ...]:
        return tuple(self.write(want.of(type_)) for type_ in types)

    def some(self, type_: Type, want: Want) -> tuple[Term, ...]:
        return self.each([type_] * self.draw(st.integers(0, 3)), want)

    def literal(self, want: Want) -> Term:
        match want.type:
            case "integer":
                return Integer(self.draw(_INTEGERS))
            case "boolean":
                return Boolean(self.draw(st.booleans()))
            case "list":
                return List(tuple(map(Integer, self.draw(st.lists(_SMALL, max_size=3)))))
            case Arrow(("integer", "integer"), "integer") if self.draw(st.booleans()):
                return Primitive(self.choose(["+", "-", "*", "/", "mod"]))
            case Arrow(("integer",), "integer") if self.draw(st.booleans()):
                return apply(Primitive(self.choose(["+", "-", "*"])), (Integer(self.draw(_SMALL)),))
            case _:
                return self.written_out(replace(want, fuel=0))

    def variable(self, want: Want) -> Term:
        return Variable(self.choose([name for name, has in want.scope.items() if has == want.type]))

    def written_out(self, want: Want) -> Function:
        assert isinstance(want.type, Arrow)
        parameters = want.type.parameters
        names = tuple(self.draw(st.permutations(_NAMES))[: len(parameters)])
        return function(names, self.write(want.of(want.type.result).under(dict(zip(names, parameters, strict=True)))))

    def function(self, want: Want) -> Term:
        """A function written out, or one of one parameter more that has its first argument."""
        assert isinstance(want.type, Arrow)
        if not want.type.parameters or self.draw(st.booleans()):
            return self.written_out(want)
        extra = self.choose(_TYPES[:4])
        longer = replace(want.type, parameters=(extra, *want.type.parameters))
        return apply(self.written_out(want.of(longer)), (self.write(want.of(extra)),))

    def general(self, want: Want) -> Term:
        """What an expression of any type may be."""
        callable_ = [name for name, has in want.scope.items() if isinstance(has, Arrow) and has.result == want.type]
        ways = ["conditional", "cond", "let", "redex", "recursion", "thunk", *["call"] * (3 * bool(callable_))]
        return getattr(self, self.choose(ways))(want)

    def conditional(self, want: Want) -> Term:
        return If(*self.each(("boolean", want.type, want.type), want))

    def cond(self, want: Want) -> Term:
        test, consequent, alternative = self.each(("boolean", want.type, want.type), want)
        return Cond(((test, consequent),), alternative)

    def let(self, want: Want) -> Term:
        bindings, inner = [], want
        for name in self.draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2)):
            bound = self.choose(_TYPES)
            bindings.append((name, self.write(inner.of(bound))))
            inner = inner.under({name: bound})
        return Let(tuple(bindings), self.write(inner))

    def redex(self, want: Want) -> Term:
        arrow = Arrow(tuple(self.draw(st.lists(st.sampled_from(_TYPES), min_size=1, max_size=2))), want.type)
        return apply(self.written_out(want.of(arrow)), self.each(arrow.parameters, want))

    def thunk(self, want: Want) -> Term:
        return apply(self.written_out(want.of(Arrow((), want.type))), ())

    def call(self, want: Want) -> Term:
        arrows = {name: has for name, has in want.scope.items() if isinstance(has, Arrow) and has.result == want.type}
        name = self.choose(sorted(arrows))
        if arrows[name].is_counted:
            return apply(Variable(name), (Integer(self.draw(st.integers(0, 3))),))
        return apply(Variable(name), self.each(arrows[name].parameters, want))

    def recursion(self, want: Want) -> Term:
        """A local function that counts down, or two that count down by turns, and a call."""
        arrow = Arrow(("integer",), want.type, is_counted=True)
        first, second = self.draw(st.permutations(_NAMES))[:2]
        if self.draw(st.booleans()):
            second = first
        inner = replace(want.of(arrow), fuel=want.fuel - 1)
        functions = {name: self.countdown(name, other, inner) for name, other in ((first, second), (second, first))}
        return LetRec(tuple(functions.items()), apply(Variable(first), (Integer(self.draw(st.integers(0, 3))),)))

    def countdown(self, name: str, other: str, want: Want) -> Function:
        """A function of a counter: at 0 something, above that something made of what `other` gives for one less."""
        assert isinstance(want.type, Arrow)
        counter = self.choose([free for free in _NAMES if free not in (name, other)])
        # Recursive calls are written here and nowhere else, so their number stays bounded.
        outside = {key: has for key, has in want.scope.items() if key not in (name, other)}
        inner = replace(want.of(want.type.result), scope={**outside, counter: "integer"})
        base = self.write(inner)
        again: Term = apply(Variable(other), (apply(Primitive("-"), (Variable(counter), Integer(1))),))
        if self.draw(st.booleans()):
            result = self.choose([free for free in _NAMES if free != other])
            again = Let(((result, again),), self.write(inner.under({result: inner.type})))
        return Function((counter,), If(apply(Primitive("<="), (Variable(counter), Integer(0))), base, again))

    def integer(self, want: Want) -> Term:
        return self.operation(self.choose(_INTEGER_OPERATIONS), want)

    def boolean(self, want: Want) -> Term:
        match self.choose(["=", "and", "or", "look", "operation", "operation"]):
            case "=":
                same = self.choose(["integer", "boolean"])
                return self.operation(("=", same, same), want)
            case "and":
                return And(self.some("boolean", want))
            case "or":
                return Or(self.some("boolean", want))
            case "look":
                return self.operation((self.choose(["empty?", "listp"]), self.choose(_TYPES)), want)
            case _:
                return self.operation(self.choose(_BOOLEAN_OPERATIONS), want)

    def list(self, want: Want) -> Term:
        if self.draw(st.integers(0, 4)) == 0:
            return List(self.some("integer", want))
        return self.operation(self.choose(_LIST_OPERATIONS), want)

    def operation(self, signature: tuple[Any, ...], want: Want) -> Term:
        """A call of a primitive, or of a prelude function, whose name may by then mean something else."""
        name, *operands = signature
        return apply(Primitive(name) if name in PRIMITIVES else Variable(name), self.each(operands, want))
