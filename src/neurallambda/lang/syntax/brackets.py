"""The first look at a source text: its size, its brackets and how deep they nest.

It costs a fraction of parsing, so what cannot be a program is refused before any work is done on it, and a bracket that
is never closed is reported where it was opened rather than at the end of the text.
"""

import re

from neurallambda.errors import SourceError
from neurallambda.lang.syntax.diagnostics import source_error
from neurallambda.lang.terms import Position

MAX_CHARACTERS = 1_000_000
"""The longest source text that is read, not counting blanks and comments: what is read can be printed and read again."""
MAX_NESTING = 100_000
"""How deep brackets may nest."""

_BRACKET_OR_COMMENT = re.compile(r"[()\[\]]|;[^\n]*")
_CODE_OR_COMMENT = re.compile(r"[^\s;]+|;[^\n]*")
_CLOSING = {"(": ")", "[": "]"}


def check_brackets(source: str) -> None:
    """Refuse text that is too long, nests too deep, or whose brackets do not match.

    Raises:
        SourceError: naming the place, and for a bracket left open, where it was opened.
    """
    if len(source) > MAX_CHARACTERS and (length := _code_length(source)) > MAX_CHARACTERS:
        raise SourceError(
            f"the source is too long: {length:,} characters of code, and at most {MAX_CHARACTERS:,} are read; split it up"
        )
    still_open: list[int] = []
    for match in _BRACKET_OR_COMMENT.finditer(source):
        bracket, offset = source[match.start()], match.start()
        if bracket in _CLOSING:
            still_open.append(offset)
            if len(still_open) > MAX_NESTING:
                raise _error(source, offset, f"brackets nest more than {MAX_NESTING:,} deep here; flatten the program")
        elif bracket != ";":
            if not still_open:
                raise _error(source, offset, f"this {bracket} closes nothing: no bracket is open here")
            opened = still_open.pop()
            if _CLOSING[source[opened]] != bracket:
                raise _error(source, offset, _mismatch(source, opened, bracket))
    if still_open:
        missing = _CLOSING[source[still_open[-1]]]
        problem = f"this {source[still_open[-1]]} is never closed: expected a closing {missing}"
        if len(still_open) > 1:
            problem += f" (and {len(still_open) - 1:,} more, for the brackets open around it)"
        raise _error(source, still_open[-1], problem)


def is_incomplete(source: str) -> bool:
    """Whether more text could still make this a program: its brackets are well matched but some are open.

    >>> is_incomplete("(fn [x]"), is_incomplete("(fn [x] x)"), is_incomplete("(fn [x)")
    (True, False, False)
    """
    nesting = Nesting()
    nesting.feed(source)
    return nesting.incomplete


class Nesting:
    """Follows the brackets of a text that comes in pieces, each of whole lines.

    >>> nesting = Nesting()
    >>> for line in ("(let [x 1] ; (", "(+ x 1))"):
    ...     nesting.feed(line)
    ...     print(nesting.incomplete)
    True
    False
    """

    def __init__(self) -> None:
        self._awaited: list[str] = []
        self._matches = True

    def feed(self, text: str) -> None:
        """Go on with more of the text."""
        for match in _BRACKET_OR_COMMENT.finditer(text):
            bracket = text[match.start()]
            if bracket in _CLOSING:
                self._awaited.append(_CLOSING[bracket])
            elif bracket != ";" and (not self._awaited or self._awaited.pop() != bracket):
                self._matches = False

    @property
    def incomplete(self) -> bool:
        """Whether more text could still make this a program."""
        return self._matches and bool(self._awaited)


def position(source: str, offset: int) -> Position:
    """The line and column of an offset into the text."""
    return Position(source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset))


def _code_length(source: str) -> int:
    words = (match.group() for match in _CODE_OR_COMMENT.finditer(source))
    return sum(len(word) for word in words if not word.startswith(";"))


def _mismatch(source: str, opened: int, got: str) -> str:
    line, column = position(source, opened)
    bracket = source[opened]
    return f"expected a closing {_CLOSING[bracket]} for the {bracket} opened at line {line}, column {column}, got {got}"


def _error(source: str, offset: int, problem: str) -> SourceError:
    line, column = position(source, offset)
    return source_error(source, line, column, problem)
