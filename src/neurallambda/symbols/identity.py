"""When two symbols are the same one.

Python says `1 == True == 1.0` and `0.0 == -0.0`, but a program in which they are one symbol is wrong.
"""

from collections.abc import Hashable

from neurallambda.errors import ArgumentError


def key(symbol: object) -> Hashable:
    """What stands for a symbol in a dictionary: equal for the same symbol, and for no other.

    Types count, inside tuples and frozensets too, and floats are told apart bit for bit (so NaN is a symbol like any
    other). Objects of classes of your own are the same symbol where they are of one type and equal.

    Args:
        symbol: any hashable object.

    Returns:
        The key.

    Raises:
        ArgumentError: if the object cannot be hashed.

    Example:
        >>> key(1) == key(True), key((1, "a")) == key((1.0, "a")), key((1, "a")) == key((1, "a"))
        (False, False, True)
    """
    match symbol:
        case tuple():
            return type(symbol), tuple(map(key, symbol))
        case frozenset():
            return type(symbol), frozenset(map(key, symbol))
        case float():
            return type(symbol), symbol.hex()
    try:
        hash(symbol)
    except TypeError:
        raise ArgumentError(
            f"symbol: got {describe(symbol)}, which cannot be hashed; expected a hashable object such as a string, "
            f"an integer or a tuple of them (a list is a batch of symbols)"
        ) from None
    return type(symbol), symbol


def describe(symbol: object) -> str:
    """A symbol as messages show it: its text, shortened, and its type."""
    text = repr(symbol)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(symbol).__name__})"
