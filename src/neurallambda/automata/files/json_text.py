"""JSON read strictly, with one clear message for whatever is wrong."""

import json
from typing import Any

from neurallambda.automata.rules.problem import MachineError

_BYTE_ORDER_MARK = "\ufeff"


def parse_json(text: str) -> Any:
    """Parsed JSON. A key that comes twice in one object is an error; the mark with which some editors begin a file is none.

    Raises:
        MachineError: with line and column, where the text is not JSON.
    """
    try:
        return json.loads(
            text.removeprefix(_BYTE_ORDER_MARK), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise MachineError(
            f"not JSON: line {error.lineno}, column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}",
            line=error.lineno,
            column=error.colno,
        ) from error
    except RecursionError:
        raise MachineError("the JSON is nested too deeply; a rule file nests five levels") from None
    except ValueError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(f"not JSON that can be used: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MachineError(f"the key {key!r} comes twice in one object; keep one", place=key)
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise MachineError(f"{name} is not JSON")
