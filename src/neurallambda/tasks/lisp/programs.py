"""Random programs of the Lisp: lists of tokens, about as long as is asked for.

Every expression is written to a wanted type, so that most programs make sense; those that do not end in a value within the
declared range of integers are for the caller to leave out. Recursion counts down from a digit, so every program ends.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from neurallambda.errors import ArgumentError
from neurallambda.lang import Outcome, evaluate

INTEGERS = range(-99, 100)
"""The declared range: each integer is one token."""
LITERALS = range(-9, 10)
"""The integers that programs are written with."""
NAMES = ("x", "y", "z")
WORDS = (
    *("(", ")", "'(", "[", "]"),
    *("fn", "if", "let", "letrec", "f", "n", *NAMES),
    *("+", "-", "*", "=", "<", ">", "<=", ">=", "not", "car", "cdr", "cons", "empty?", "true", "false"),
)
SYMBOLS = (*WORDS, *map(str, INTEGERS))
"""All tokens of programs and of their values."""
_TOKEN = re.compile(r"'\(|[()\[\]]|[^\s()\[\]]+")

Type = Literal["integer", "boolean", "list"]
Tokens = list[str]
_TYPES: tuple[Type, ...] = ("integer", "boolean", "list")
_RECURSION = "( letrec [ f ( fn [ n ] ( if ( = n 0 ) {base} ( {join} {value} ( f ( - n 1 ) ) ) ) ) ] ( f {count} ) )"
_AROUND = len(_RECURSION.split()) - 4
"""How many tokens of a recursion are the same in all."""


def tokens(text: str) -> Tokens:
    """The tokens of a program or value.

    >>> tokens("(car '(1 -2))")
    ['(', 'car', "'(", '1', '-2', ')', ')']
    """
    return _TOKEN.findall(text)


def numbers(words: Sequence[str]) -> list[int]:
    """The tokens by their places in `SYMBOLS`.

    Raises:
        ArgumentError: if one is not there.
    """
    unknown = [word for word in words if word not in _NUMBER]
    if unknown:
        raise ArgumentError(f"program: {unknown[0]!r} is none of the tokens, which are {' '.join(WORDS)} and -99 to 99")
    return [_NUMBER[word] for word in words]


_NUMBER = {word: place for place, word in enumerate(SYMBOLS)}


def value_of(program: Sequence[str]) -> Outcome:
    """How a program ends, as the reference evaluator says."""
    return evaluate(" ".join(program), integers=INTEGERS, max_steps=10_000)


def write_program(length: int, random: Random) -> Tokens:
    """A random program of one expression, which mostly makes sense; some end in an error, such as the `car` of nothing.

    Args:
        length: the most tokens it has, at least 1; nearly all programs have as many or a few less.
        random: the source of randomness.

    Example:
        >>> program = write_program(20, Random(0))
        >>> len(program) <= 20, value_of(program).error
        (True, None)
    """
    while True:
        # Only an integer or a boolean can be written with one token.
        program = _Writer(random).write(_Want(random.choice(_TYPES), length, {}))
        if len(program) <= length:
            return program


@dataclass(frozen=True)
class _Want:
    """An expression that is wanted: its type, how many tokens it may have, and the types of the names around it."""

    type: Type
    size: int
    scope: Mapping[str, Type]

    def of(self, type_: Type, size: int) -> "_Want":
        """Another expression in the same place."""
        return replace(self, type=type_, size=size)


class _Writer:
    """Writes what is wanted, drawing every choice."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def write(self, want: _Want) -> Tokens:
        shortest = 4 if want.type == "boolean" else 5  # (not true)
        ways: list[tuple[int, Callable[[_Want], Tokens]]] = [(shortest, self.operation), (6, self.conditional)]
        ways += [(8, self.let), (10, self.call), (_AROUND + 4, self.recursion)]
        possible = [way for least, way in ways if want.size >= least]
        if not possible or (want.size < 8 and self.random.random() < 0.1):
            return self.leaf(want)
        return self.random.choice([self.operation, *possible])(want)

    def split(self, want: _Want, types: Sequence[Type], around: int) -> list[_Want]:
        """The wants of parts that share the size, but for the tokens around them; each part gets at least one."""
        spare = max(want.size - around - len(types), 0)
        cuts = sorted(self.random.randint(0, spare) for _ in types[1:])
        sizes = [after - before for before, after in zip([0, *cuts], [*cuts, spare], strict=True)]
        return [want.of(type_, 1 + size) for type_, size in zip(types, sizes, strict=True)]

    def each(self, want: _Want, types: Sequence[Type], around: int) -> Tokens:
        return [token for part in self.split(want, types, around) for token in self.write(part)]

    def leaf(self, want: _Want) -> Tokens:
        names = [name for name, type_ in want.scope.items() if type_ == want.type]
        if names and self.random.random() < 0.7:
            return [self.random.choice(names)]
        match want.type:
            case "integer":
                return [str(self.random.choice(LITERALS))]
            case "boolean":
                return [self.random.choice(["true", "false"])]
            case "list":
                items = self.random.randint(0, max(0, min(want.size - 2, 4)))
                return ["'(", *(str(self.random.choice(LITERALS)) for _ in range(items)), ")"]

    def operation(self, want: _Want) -> Tokens:
        match want.type:
            case "integer":
                name, *types = self.random.choice([*[[sign, "integer", "integer"] for sign in "+-*"], ["car", "list"]])
            case "boolean":
                signs = [[sign, "integer", "integer"] for sign in ("=", "<", ">", "<=", ">=")]
                choices = [*signs, ["not", "boolean"], ["empty?", "list"]]
                name, *types = self.random.choice(choices) if want.size > 4 else ["not", "boolean"]
            case "list":
                name, *types = self.random.choice([["cons", "integer", "list"]] * 2 + [["cdr", "list"]])
        return ["(", name, *self.each(want, types, 3), ")"]  # pyright: ignore[reportArgumentType]

    def conditional(self, want: _Want) -> Tokens:
        return ["(", "if", *self.each(want, ("boolean", want.type, want.type), 3), ")"]

    def let(self, want: _Want) -> Tokens:
        name, bound, (value, body) = self.binding(want, around=6)
        return ["(", "let", "[", name, *self.write(value), "]", *self.under(name, bound, body), ")"]

    def call(self, want: _Want) -> Tokens:
        name, bound, (value, body) = self.binding(want, around=8)
        return ["(", "(", "fn", "[", name, "]", *self.under(name, bound, body), ")", *self.write(value), ")"]

    def binding(self, want: _Want, around: int) -> tuple[str, Type, list[_Want]]:
        """A name, the type of its value, and what is wanted for the value and for the body."""
        bound = self.random.choice(_TYPES)
        return self.random.choice(NAMES), bound, self.split(want, (bound, want.type), around)

    def under(self, name: str, bound: Type, body: _Want) -> Tokens:
        return self.write(replace(body, scope={**body.scope, name: bound}))

    def recursion(self, want: _Want) -> Tokens:
        """A function that counts down: at 0 one value, above that a value joined to what it gives for one less."""
        if want.type == "boolean":
            return self.conditional(want)
        first, other = self.split(want, (want.type, "integer"), _AROUND + 2)
        inside = {**{name: type_ for name, type_ in want.scope.items() if name not in ("f", "n")}, "n": "integer"}
        base, value = (" ".join(self.write(replace(part, scope=inside))) for part in (first, other))
        join = "cons" if want.type == "list" else self.random.choice("+-")
        return _RECURSION.format(base=base, join=join, value=value, count=self.random.randint(0, 5)).split()
