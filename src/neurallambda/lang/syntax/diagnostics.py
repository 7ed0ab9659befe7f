"""Syntax errors as people read them: the place, what is wrong there, the line itself and a caret under the place."""

from neurallambda.errors import SourceError

SHOWN_CHARACTERS = 80
"""How much of a long line a message shows."""


def source_error(source: str, line: int, column: int, problem: str) -> SourceError:
    """The error for a problem at a place; line and column count from 1.

    >>> print(source_error("(fn [x) x)", 1, 7, "expected a closing ]"))
    line 1, column 7: expected a closing ]
      (fn [x) x)
            ^
    """
    message = f"line {line}, column {column}: {problem}\n{excerpt(source, line, column)}"
    return SourceError(message, line=line, column=column)


def excerpt(source: str, line: int, column: int) -> str:
    """The text around a place, and a caret under the place.

    >>> print(excerpt("(fn [x) x)", 1, 7))
      (fn [x) x)
            ^
    """
    from rich.cells import cell_len  # only a mistake needs it

    shown, place = _excerpt(_line(source, line), column - 1)
    caret = cell_len(shown[:place])  # some characters take two columns of a terminal, some none
    return f"  {shown}\n  {' ' * caret}^"


def printable(text: str, limit: int = 40) -> str:
    """`text` fit for a message: one line, nothing that a terminal would act on or could not encode, not too long."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _line(source: str, line: int) -> str:
    start = 0
    for _ in range(line - 1):
        start = source.index("\n", start) + 1
    end = source.find("\n", start)
    return source[start:] if end < 0 else source[start:end]


def _excerpt(text: str, place: int) -> tuple[str, int]:
    """The part of a line around a place, and where the place is in that part."""
    text = text.rstrip("\r").replace("\t", " ")
    if len(text) <= SHOWN_CHARACTERS:
        return printable(text, SHOWN_CHARACTERS), place
    start = max(0, min(place - SHOWN_CHARACTERS // 2, len(text) - SHOWN_CHARACTERS))
    window = text[start : start + SHOWN_CHARACTERS]
    before, after = "…" if start else "", "…" if start + SHOWN_CHARACTERS < len(text) else ""
    return before + printable(window, SHOWN_CHARACTERS) + after, place - start + len(before)
