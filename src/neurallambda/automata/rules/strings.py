"""Text to symbols."""

import re
from collections.abc import Iterable


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
