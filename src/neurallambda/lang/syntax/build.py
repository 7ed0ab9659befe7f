"""What the parser does at each rule: build the term, in canonical form, in time linear in the text."""

from dataclasses import dataclass, replace
from typing import Any

from lark import Token, Transformer

from neurallambda.lang.terms import (
    And,
    Apply,
    Boolean,
    Cond,
    Define,
    Function,
    Hole,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Observe,
    Or,
    Position,
    Primitive,
    Program,
    Sample,
    Term,
    Variable,
)

MAX_DIGITS = 100_000
"""The longest integer that is read."""
_CHUNK = 600  # Python converts integers of up to 640 digits whatever its digit limit is set to

Children = list[Any]


class RefusedError(Exception):
    """Text that is grammatical and still not allowed, at its place."""

    def __init__(self, token: Token, problem: str) -> None:
        super().__init__(problem)
        self.at = token_position(token)
        self.problem = problem


@dataclass(slots=True)
class _FunctionDraft:
    """A function that may yet become part of the function around it; its parameters are collected inside out."""

    reversed_parameters: list[str]
    names: set[str]
    body: Term
    at: Position


@dataclass(slots=True)
class _CallDraft:
    """A call that may yet become the operator of the call around it."""

    operator: Term
    arguments: list[Term]
    at: Position


class Builder(Transformer[Token, Any]):
    """One method per rule of the grammar. Every opening bracket kept as first child gives the term its position."""

    def integer(self, children: Children) -> Term:
        return Integer(_integer(children[0]), at=token_position(children[0]))

    def true(self, children: Children) -> Term:
        return Boolean(True, at=token_position(children[0]))

    def false(self, children: Children) -> Term:
        return Boolean(False, at=token_position(children[0]))

    def variable(self, children: Children) -> Term:
        return Variable(str(children[0]), at=token_position(children[0]))

    def primitive(self, children: Children) -> Term:
        return Primitive(str(children[0]), at=token_position(children[0]))

    def hole(self, children: Children) -> Term:
        return Hole(str(children[0])[1:], at=token_position(children[0]))

    def list(self, children: Children) -> Term:
        quote, _, *items = children
        return List(tuple(map(_finish, items)), at=token_position(quote))

    def call(self, children: Children) -> Any:
        opening, operator, *arguments = children
        at = token_position(opening)
        finished = [_finish(argument) for argument in arguments]
        if isinstance(operator, _CallDraft) and operator.arguments and finished:
            operator.arguments.extend(finished)
            operator.at = at
            return operator
        return _CallDraft(_finish(operator), finished, at)

    def fn(self, children: Children) -> Any:
        opening, parameters, body = children
        at = token_position(opening)
        if isinstance(body, _FunctionDraft) and body.names and parameters and body.names.isdisjoint(parameters):
            body.reversed_parameters.extend(reversed(parameters))
            body.names.update(parameters)
            body.at = at
            return body
        return _FunctionDraft(parameters[::-1], set(parameters), _finish(body), at)

    def parameters(self, children: Children) -> Any:
        _refuse_repeats(children, "the parameter")
        return [str(name) for name in children]

    def conditional(self, children: Children) -> Term:
        opening, *parts = children
        return If(*map(_finish, parts), at=token_position(opening))

    def let(self, children: Children) -> Term:
        opening, *bindings, body = children
        named = tuple((str(name), value) for name, value in bindings)
        return Let(named, _finish(body), at=token_position(opening))

    def letrec(self, children: Children) -> Term:
        opening, *bindings, body = children
        _refuse_repeats([name for name, _ in bindings], "the name")
        named = tuple((str(name), value) for name, value in bindings)
        return LetRec(named, _finish(body), at=token_position(opening))

    def binding(self, children: Children) -> Any:
        name, value = children
        return name, _finish(value)

    recursive_binding = binding

    def conjunction(self, children: Children) -> Term:
        opening, *operands = children
        return And(tuple(map(_finish, operands)), at=token_position(opening))

    def disjunction(self, children: Children) -> Term:
        opening, *operands = children
        return Or(tuple(map(_finish, operands)), at=token_position(opening))

    def cond(self, children: Children) -> Term:
        opening, *clauses, alternative = children
        return Cond(tuple(clauses), _finish(alternative), at=token_position(opening))

    def sample(self, children: Children) -> Term:
        opening, hole = children
        return Sample(str(hole)[1:], at=token_position(opening))

    def observe(self, children: Children) -> Term:
        opening, condition = children
        return Observe(_finish(condition), at=token_position(opening))

    def clause(self, children: Children) -> Any:
        condition, consequent = children
        return _finish(condition), _finish(consequent)

    def define(self, children: Children) -> Any:
        opening, name, value = children
        return name, Define(str(name), _finish(value), at=token_position(opening))

    def defn(self, children: Children) -> Any:
        opening, name, parameters, body = children
        return self.define([opening, name, self.fn([opening, parameters, body])])

    def memo(self, children: Children) -> Any:
        name, form = self.defn(children)
        return name, replace(form, is_memo=True)

    def program(self, children: Children) -> Program:
        """Definitions arrive as `(name token, term)`, for the place of a repeated name."""
        _refuse_repeats([child[0] for child in children if isinstance(child, tuple)], "the top-level name")
        forms = (child[1] if isinstance(child, tuple) else _finish(child) for child in children)
        return Program(tuple(forms), at=Position(1, 1))

    def term(self, children: Children) -> Term:
        return _finish(children[0])


def _finish(draft: Any) -> Term:
    if isinstance(draft, _CallDraft):
        return Apply(draft.operator, tuple(draft.arguments), at=draft.at)
    if isinstance(draft, _FunctionDraft):
        return Function(tuple(reversed(draft.reversed_parameters)), draft.body, at=draft.at)
    return draft


def token_position(token: Token) -> Position:
    """Where a token read from a source starts."""
    assert token.line is not None
    assert token.column is not None
    return Position(token.line, token.column)


def _refuse_repeats(names: list[Token], what: str) -> None:
    first: dict[str, Token] = {}
    for name in names:
        earlier = first.setdefault(name, name)
        if earlier is not name:
            line, column = token_position(earlier)
            raise RefusedError(
                name, f"{what} `{name}` is here already, at line {line}, column {column}; rename one of them"
            )


def _integer(token: Token) -> int:
    sign, digits = (-1, token[1:]) if token.startswith("-") else (1, str(token))
    if len(digits) > MAX_DIGITS:
        raise RefusedError(token, f"an integer of {len(digits):,} digits; at most {MAX_DIGITS:,} are read")
    value = 0
    for start in range(0, len(digits), _CHUNK):
        chunk = digits[start : start + _CHUNK]
        value = value * 10 ** len(chunk) + int(chunk)
    return sign * value
