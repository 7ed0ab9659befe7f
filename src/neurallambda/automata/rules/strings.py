"""Text to symbols, and whether text can be read back as it was written."""

import re
from collections.abc import Iterable, Sequence

from neurallambda.errors import ArgumentError


def longest_first(symbols: Iterable[str]) -> str:
    """A pattern for one symbol: the longest that fits, or else a single character."""
    ordered = sorted({symbol for symbol in symbols if symbol}, key=lambda symbol: (-len(symbol), symbol))
    return "|".join([*(re.escape(symbol) for symbol in ordered), "."])


def split(text: str, pattern: str, separator: str) -> tuple[str, ...]:
    """Cut text into symbols: at the separator where there is one, by the pattern of `longest_first` otherwise.

    Example:
        >>> split("<b>x</b>", longest_first(["<b>", "</b>", "x"]), "")
        ('<b>', 'x', '</b>')
        >>> split("up up down", longest_first(["up", "down"]), " ")
        ('up', 'up', 'down')
    """
    if separator:
        return tuple(text.split(separator)) if text else ()
    return tuple(re.findall(pattern, text, flags=re.DOTALL))


def symbols_of(string: Sequence[str]) -> tuple[str, ...]:
    """A sequence of symbols as a tuple.

    Raises:
        ArgumentError: it is no sequence, or something in it is not text.
    """
    if not isinstance(string, Sequence) or not all(isinstance(symbol, str) for symbol in string):
        raise ArgumentError(f"string: got {string!r}, expected text or a sequence of symbols, each of them text")
    return tuple(string)


def misread(symbols: Iterable[str], separator: str) -> tuple[str, str] | None:
    """Two symbols that show that text is not always read back as it was written; None where it always is.

    Without a separator reading takes the longest symbol that fits, so it errs where a symbol that was not written can be
    put together from one that was and the beginning of others. With a separator it errs where the separator is found
    too early, inside a symbol or across its end.

    Args:
        symbols: those of which the strings are made.
        separator: what is written between two of them.

    Returns:
        A symbol that may be written, and the symbol or the separator that is read in its place.

    Example:
        >>> misread(["0", "1", "10"], "")
        ('1', '10')
        >>> misread(["0", "1", "10"], " ") is None, misread(["<", "<b>"], "") is None
        (True, True)
    """
    known = [symbol for symbol in dict.fromkeys(symbols) if symbol]
    if separator:
        for symbol in known:
            if (symbol + separator).find(separator) < len(symbol):
                return symbol, separator
        return None
    for longer in known:
        goes_on = _beginnings(longer, known)
        for symbol in known:
            if len(symbol) < len(longer) and longer.startswith(symbol) and goes_on[len(symbol)]:
                return symbol, longer
    return None


def _beginnings(text: str, symbols: Sequence[str]) -> list[bool]:
    """For each place in the text: does some sequence of symbols begin with what follows?"""
    found = [False] * len(text) + [True]
    for place in reversed(range(len(text))):
        rest = text[place:]
        found[place] = any(
            symbol.startswith(rest) or (rest.startswith(symbol) and found[place + len(symbol)]) for symbol in symbols
        )
    return found
