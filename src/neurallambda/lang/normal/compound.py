"""Terms made of their parts, one after the other, as a sketch gives them."""

from typing import cast

from neurallambda.lang import terms
from neurallambda.lang.terms import And, Apply, Cond, Function, LetRec, List, Or, Term


def application(operator: Term, *arguments: Term) -> Term:
    """`(operator argument ...)`."""
    return terms.apply(operator, arguments)


def forcing(thunk: Term) -> Term:
    """`(thunk)`."""
    return Apply(thunk, ())


def thunk(body: Term) -> Term:
    """`(fn [] body)`."""
    return terms.function((), body)


def elements(*items: Term) -> Term:
    """`'(item ...)`."""
    return List(items)


def conjunction(*operands: Term) -> Term:
    """`(and operand ...)`."""
    return And(operands)


def disjunction(*operands: Term) -> Term:
    """`(or operand ...)`."""
    return Or(operands)


def conditional(*parts: Term) -> Term:
    """`cond`: a condition and a consequent, again and again, and the alternative."""
    *clauses, alternative = parts
    return Cond(tuple(zip(clauses[::2], clauses[1::2], strict=True)), alternative)


def recursive(names: tuple[str, ...], *parts: Term) -> Term:
    """`letrec`: a function for each name, and the body."""
    *functions, body = parts
    return LetRec(tuple(zip(names, cast("list[Function]", functions), strict=True)), body)
