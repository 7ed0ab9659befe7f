"""Reduction one step at a time, on the term itself, as it is done on paper: the leftmost outermost redex first.

The result is that of `normalize`, up to the names of variables. An argument is copied to every place where it is used, and
each copy is reduced on its own, so there may be more steps.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.lang import terms
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.normal.contracting import contract_choice, contract_primitive, is_value
from neurallambda.lang.normal.parts import parts_of, with_part_at
from neurallambda.lang.normal.unfolding import Definitions
from neurallambda.lang.primitives import arity
from neurallambda.lang.substitute import free_names, fresh_name, substitute
from neurallambda.lang.syntax.diagnostics import printable
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import (
    And,
    Apply,
    Cond,
    Function,
    If,
    Let,
    LetRec,
    Or,
    Primitive,
    Program,
    Term,
    Variable,
)
from neurallambda.lang.trampoline import trampoline

SHOWN = 40
"""How many characters of an argument a rule's name shows."""


@dataclass(frozen=True)
class Reduction:
    """One reduction.

    Attributes:
        term: the term before it.
        redex: the part that is reduced.
        path: where that is: the number of the part to go to at each level, from the outside in.
        rule: the name of the rule, and what it binds.
        contractum: what comes in the place of the redex.
    """

    term: Term
    redex: Term
    path: tuple[int, ...]
    rule: str
    contractum: Term

    @property
    def result(self) -> Term:
        """The term after it."""
        return with_part_at(self.term, self.path, self.contractum)


@dataclass(frozen=True)
class _Found:
    """A redex, with the way to it from the inside out."""

    redex: Term
    rule: str
    contractum: Term
    way: tuple[int, ...] = ()

    def inside(self, index: int) -> "_Found":
        return replace(self, way=(*self.way, index))


_Search = Generator[Any, Any, _Found | None]


def reductions(source: str | Term) -> Iterator[Reduction]:
    """The reductions of a term to its normal form, one by one; without an end where it has none.

    Args:
        source: the text of a program, a program, or an expression. Of a program, its last expression counts.

    Raises:
        SourceError: where the text is not a program, or the program has no expression.

    >>> for reduction in reductions("((fn [x y] (+ y x)) 1 2)"):
    ...     print(reduction.rule, "->", reduction.result)
    β  x := 1 -> <Apply ((fn [y] (+ y 1)) 2)>
    β  y := 2 -> <Apply (+ 2 1)>
    δ  + -> <Integer 3>
    """
    parsed = parse(source) if isinstance(source, str) else source
    forms = parsed.forms if isinstance(parsed, Program) else (parsed,)
    term = expressions_of(forms)[-1]
    finder = _Finder(Definitions(forms))
    while found := trampoline(finder.find(term, frozenset())):
        reduction = Reduction(term, found.redex, found.way[::-1], found.rule, found.contractum)
        yield reduction
        term = reduction.result


class _Finder:
    """Finds the next redex. In its methods, `bound` are the names that binders around a part bind."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions

    def find(self, term: Term, bound: frozenset[str]) -> _Search:
        """The leftmost outermost redex, if there is one."""
        found = yield self.head(term, bound)
        if found is not None:
            return found
        if isinstance(term, Function):
            renamed = self.renamed(term, bound)
            if renamed is not None:
                return renamed
            inner = yield self.find(term.body, bound | set(term.parameters))
            return inner and inner.inside(0)
        if isinstance(term, LetRec):
            return None
        for index, part in enumerate(parts_of(term)):
            if index == 0 and isinstance(term, Apply) and self.definitions.stays(term, bound):
                continue
            inner = yield self.find(part, bound)
            if inner is not None:
                return inner.inside(index)
        return None

    def head(self, term: Term, bound: frozenset[str]) -> _Search:
        """The redex that must be reduced before it is known what a term is."""
        match term:
            case Variable(name):
                definition = self.definitions.of(term, bound)
                return definition and _Found(term, f"definition of {name}", definition.term)
            case Apply(Primitive(name), arguments) if len(arguments) >= arity(name):
                return (yield self.primitive(term, name, arguments, bound))
            case Apply(Function(parameters, body), arguments) if bool(parameters) == bool(arguments):
                return _beta(term, parameters, body, arguments)
            case Apply(Function() | Primitive() as function, ()):
                return _Found(term, "force", function)
            case Apply(Apply(Primitive(name), operands) as function, ()) if 0 < len(operands) < arity(name):
                return _Found(term, "force", function)
            case Apply(function, _):
                if self.definitions.stays(term, bound):
                    return None
                found = yield self.head(function, bound)
                return found and found.inside(0)
            case If() | And() | Or() | Cond():
                contracted = contract_choice(term)
                if contracted is not None:
                    return _Found(term, type(term).__name__.lower(), contracted)
                found = yield self.head(parts_of(term)[0], bound)
                return found and found.inside(0)
            case Let(bindings, body) if bindings:
                (name, value), rest = bindings[0], bindings[1:]
                inner = Let(rest, body) if rest else body
                return _Found(term, f"let  {name} := {_short(value)}", substitute(inner, {name: value}))
            case Let(_, body):
                return _Found(term, "let", body)
            case LetRec(bindings, body):
                local: dict[str, Term] = {name: LetRec(bindings, Variable(name)) for name, _ in bindings}
                whole = dict(bindings)[body.name] if isinstance(body, Variable) and body.name in local else body
                return _Found(term, "letrec", substitute(whole, local))
        return None

    def primitive(self, term: Apply, name: str, arguments: tuple[Term, ...], bound: frozenset[str]) -> _Search:
        operands, rest = arguments[: arity(name)], arguments[arity(name) :]
        if name != "cons":
            for index, operand in enumerate(operands):
                if not is_value(operand):
                    found = yield self.head(operand, bound)
                    return found and found.inside(index + 1)
        result = contract_primitive(name, operands)
        if result is None:
            return None
        return _Found(term, f"δ  {name}", terms.apply(result, rest) if rest else result)

    def renamed(self, term: Function, bound: frozenset[str]) -> _Found | None:
        """A function whose parameter has a name that a definition uses, which may come to stand in its body."""
        if self.definitions.mentioned.isdisjoint(term.parameters):
            return None
        inside = free_names(term.body)
        used = self.definitions.used_by(inside - bound - set(term.parameters))
        for name in term.parameters:
            if name in used:
                new = fresh_name(name, inside | used | bound | set(term.parameters) | self.definitions.names)
                names = tuple(new if parameter == name else parameter for parameter in term.parameters)
                body = substitute(term.body, {name: Variable(new)})
                return _Found(term, f"α  {name} is renamed {new}", terms.function(names, body))
        return None


def _short(term: Term) -> str:
    """A term in at most so many characters."""
    try:
        return printable(to_text(term, limit=1_000), SHOWN)
    except ArgumentError:
        return "…"


def _beta(term: Term, parameters: tuple[str, ...], body: Term, arguments: tuple[Term, ...]) -> _Found:
    """A function meets its first argument; a thunk is forced."""
    if not parameters:
        return _Found(term, "force", body)
    rest = parameters[1:]
    result = substitute(Function(rest, body) if rest else body, {parameters[0]: arguments[0]})
    if arguments[1:]:
        result = terms.apply(result, arguments[1:])
    return _Found(term, f"β  {parameters[0]} := {_short(arguments[0])}", result)
