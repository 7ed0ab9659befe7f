"""The three forms of uncertain programs, `(sample ?a)`, `(flip 3 10)` and `(observe c)`: which programs have them."""

from typing import NoReturn

from neurallambda.errors import SourceError
from neurallambda.lang.scope import free_variables, subterms
from neurallambda.lang.terms import Apply, Hole, Integer, Observe, Position, Sample, Term, Variable


def draws(term: Term) -> bool:
    """Whether a program samples, or tosses a coin.

    >>> from neurallambda.lang.syntax.parser import parse
    >>> draws(parse("(observe (< ?a 3))")), draws(parse("(if (flip 1 2) 1 2)"))
    (False, True)
    """
    flips = _flips(term)
    return any(
        isinstance(part, Sample) or (isinstance(part, Apply) and id(part.function) in flips and _is_coin(part))
        for part in subterms(term)
    )


def _flips(term: Term) -> set[int]:
    """The variables that mean the `flip` of the prelude, unless the program defines one."""
    return {id(variable) for variable, _ in free_variables(term) if variable.name == "flip"}


def _is_coin(call: Apply) -> bool:
    return len(call.arguments) == 2 and all(isinstance(argument, Integer) for argument in call.arguments)


def refuse_random_forms(term: Term, engine: str) -> None:
    """Refuse a program that draws or observes, for an engine that does neither.

    Args:
        term: the program, or an expression.
        engine: what would have run it, as the message names it.

    Raises:
        SourceError: naming the form, its place, and who runs it.
    """
    flips = _flips(term)
    for part in subterms(term):
        match part:
            case Sample():
                _refuse("(sample ?a)", part.at, engine)
            case Observe():
                _refuse("(observe c)", part.at, engine)
            case Apply(Variable("flip") as function, (Integer(), Integer())) if id(function) in flips:
                _refuse("(flip n m)", part.at, engine)
            case _:
                pass


def _refuse(form: str, at: Position | None, engine: str) -> NoReturn:
    line, column = at or (0, 0)
    message = (
        f"line {line}, column {column}: {engine} takes no {form}, which draws or observes; "
        f"the engine worlds runs it, and so does neurallambda.Worlds"
    )
    raise SourceError(message, line=line, column=column)


def hole_names(term: Term) -> list[str]:
    """The names of the holes of a program, in the order of its text; what is only sampled is not among them.

    >>> from neurallambda.lang.syntax.parser import parse
    >>> hole_names(parse("(+ ?b (* ?a (sample ?c)) ?b)"))
    ['b', 'a']
    """
    return list(dict.fromkeys(part.name for part in subterms(term) if isinstance(part, Hole)))


def check_coin(heads: int, sides: int, at: Position | None) -> None:
    """Refuse numbers that are no probability.

    Raises:
        SourceError: naming the place.
    """
    if not 0 <= heads <= sides or sides == 0:
        line, column = at or (0, 0)
        message = (
            f"line {line}, column {column}: (flip {heads} {sides}) is no probability; expected 0 <= n <= m and m > 0, "
            f"as in (flip 3 10) for three tenths"
        )
        raise SourceError(message, line=line, column=column)
