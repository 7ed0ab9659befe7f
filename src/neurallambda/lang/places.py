"""Places in a program's text, as the errors of running programs name them."""

from collections.abc import Generator
from dataclasses import fields, replace
from typing import Any, TypeVar

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.syntax.diagnostics import excerpt
from neurallambda.lang.terms import Position, Term
from neurallambda.lang.trampoline import trampoline

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
    """The same term with no positions, for text that is not what the user sees: errors are placed where it is called."""
    return trampoline(_without(term))


def _without(part: Any) -> Generator[Any, Any, Any]:
    if isinstance(part, Term):
        parts = {}
        for field in fields(part):
            if field.compare:
                parts[field.name] = yield _without(getattr(part, field.name))
        return replace(part, at=None, **parts)
    if not isinstance(part, tuple):
        return part
    items = []
    for item in part:
        items.append((yield _without(item)))
    return tuple(items)
