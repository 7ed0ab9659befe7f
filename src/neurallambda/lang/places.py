"""Places in a program's text, as the errors of running programs name them."""

from dataclasses import fields, replace
from typing import TypeVar

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.syntax.diagnostics import excerpt
from neurallambda.lang.terms import Position, Term

TermT = TypeVar("TermT", bound=Term)


def placed(kind: ErrorKind, message: str, at: Position | None, text: str, *, steps: int = 0) -> ProgramError:
    """The error at a place in a text; without a place, the error alone.

    >>> print(placed(ErrorKind.NOT_A_PAIR, "`car` was given 5, which is no pair", Position(1, 4), "(+ (car 5) 1)"))
    not-a-pair: line 1, column 4: `car` was given 5, which is no pair
      (+ (car 5) 1)
         ^
    """
    if at is None:
        return ProgramError(kind, message, steps=steps)
    shown = excerpt(text, *at) if text else ""
    return ProgramError(kind, message, steps=steps, line=at.line, column=at.column, excerpt=shown)


def without_places(term: TermT) -> TermT:
    """The same term with no positions, for text that is not the user's: its errors are placed where it is called from.

    It recurs: for terms that are not nested deeply.
    """
    return replace(term, at=None, **{f.name: _without(getattr(term, f.name)) for f in fields(term) if f.compare})


def _without(part: object) -> object:
    if isinstance(part, Term):
        return without_places(part)
    return tuple(map(_without, part)) if isinstance(part, tuple) else part
