"""Keys of a rule file, taken with a message for what is not as it should be."""

import json
from collections.abc import Mapping
from typing import Any

from neurallambda.automata.rules.problem import MachineError


def take(data: Mapping[str, Any], key: str, *types: type, default: Any = None) -> Any:
    """What stands under a key.

    Args:
        data: the JSON object.
        key: the key.
        types: what may stand there.
        default: what a missing key means.

    Raises:
        MachineError: something else stands there.
    """
    value = data.get(key, default)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(_TYPES[one] for one in types)
        raise MachineError(f"expected {expected}, got {name_of(value)}", place=key)
    return value


def symbols_field(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The declared symbols.

    Raises:
        MachineError: they are no list of texts.
    """
    symbols = take(data, "symbols", list)
    for index, symbol in enumerate(symbols):
        if not isinstance(symbol, str):
            raise MachineError(f'a symbol is text, such as "a"; got {name_of(symbol)}', place=f"symbols[{index}]")
    return tuple(symbols)


def name_of(value: object) -> str:
    """A JSON value for a message: what it is, and the value itself where it is short."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{_TYPES.get(type(value), 'a number')} that starts with {text[:40]}"


_TYPES: dict[type, str] = {
    str: "text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "true or false",
    type(None): "null",
}
