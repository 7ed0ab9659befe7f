"""Symbols as JSON, exactly: every value comes back with its type, and floats bit for bit.

A symbol is a pair of its type's name and its content: `["int", "0x2a"]`, `["tuple", [["str", "a"], ["bool", "true"]]]`.
"""

import json
from collections.abc import Hashable
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.symbols.identity import describe

WRITABLE = "None, bool, int, float, str, bytes, and tuples and frozensets of them"


def to_json(symbols: tuple[Hashable, ...]) -> str:
    """The text of a tuple of symbols.

    Args:
        symbols: any of `WRITABLE`.

    Returns:
        JSON, in ASCII.

    Raises:
        ArgumentError: if a symbol is of another type (a subclass is another type) or nested too deep.

    Example:
        >>> to_json((True, 1, "a"))
        '[["bool", "true"], ["int", "0x1"], ["str", "a"]]'
    """
    try:
        return json.dumps([_encode(symbol) for symbol in symbols])
    except RecursionError:
        raise ArgumentError("symbols: one is nested too deep to be written; expected a few hundred levels") from None


def from_json(text: str) -> tuple[Hashable, ...]:
    """The symbols of a text that `to_json` wrote.

    Args:
        text: JSON.

    Returns:
        The symbols.

    Raises:
        ArgumentError: if the text is not of this form.
    """
    try:
        return tuple(_decode(item) for item in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArgumentError(
            f"symbols: expected JSON of pairs of type and content, got {describe(text)}: {error}"
        ) from None


def _encode(symbol: Hashable) -> list[Any]:
    kind = type(symbol)
    if symbol is None:
        return ["none", ""]
    if isinstance(symbol, bool):
        return ["bool", "true" if symbol else "false"]
    if isinstance(symbol, int) and kind is int:
        return ["int", hex(symbol)]  # in decimal, Python refuses integers of more than 4,300 digits
    if isinstance(symbol, float) and kind is float:
        return ["float", symbol.hex()]
    if isinstance(symbol, str) and kind is str:
        return ["str", symbol]
    if isinstance(symbol, bytes) and kind is bytes:
        return ["bytes", symbol.hex()]
    if isinstance(symbol, tuple) and kind is tuple:
        return ["tuple", [_encode(item) for item in symbol]]
    if isinstance(symbol, frozenset) and kind is frozenset:
        return ["frozenset", sorted((_encode(item) for item in symbol), key=json.dumps)]
    raise ArgumentError(
        f"symbols: got {describe(symbol)}, which a file cannot hold exactly; expected {WRITABLE}. "
        f"Map your own symbols to such ones, or make the codebook again from its seed"
    )


def _decode(item: Any) -> Hashable:
    kind, content = item
    if kind in ("tuple", "frozenset"):
        if not isinstance(content, list):
            raise TypeError(f"the content of a {kind} is no list")
        return _CONTAINERS[kind](_decode(part) for part in content)
    if not isinstance(content, str):
        raise TypeError(f"the content of a {kind} is no text")
    return _LEAVES[kind](content)


_CONTAINERS = {"tuple": tuple, "frozenset": frozenset}
_LEAVES = {
    "none": {"": None}.__getitem__,
    "bool": {"true": True, "false": False}.__getitem__,
    "int": lambda text: int(text, 16),
    "float": float.fromhex,
    "str": str,
    "bytes": bytes.fromhex,
}
