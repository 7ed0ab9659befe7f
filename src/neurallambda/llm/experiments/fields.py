"""The fields that a result must have: a file that lacks one, or was changed by hand, is named before it is put into a table."""

from pathlib import Path
from types import NoneType
from typing import Any

from neurallambda.errors import ArgumentError

NUMBER = (int, float)
EACH = str
"""Stands in a record for the names of all its fields."""
LARGEST = 2**63
"""From here on integers are none: what is shown of them would not fit into a float, or into a line."""
TRAINING = {
    "hardware": {"cpu": str, "torch_threads": int},
    "versions": {"torch": str},
    "commit": (str, NoneType),
    "dirty": (bool, NoneType),
}
"""Those of where it ran, as far as they are shown."""


def check_fields(path: Path, value: Any, wanted: Any, name: str = "") -> None:
    """Refuse a result that is not as it must be.

    Args:
        path: of its file, for the message.
        value: what it holds.
        wanted: a type or several, a list with what each item must be, or a record with what must be in each field, where there may be
            more, or, under `EACH`, in all of them.
        name: of the field, for the message.

    Raises:
        ArgumentError: which file, which field, what came and what was expected.
    """
    kind = dict if isinstance(wanted, dict) else list if isinstance(wanted, list) else wanted
    if not _is_of(value, kind):
        kinds = " or ".join(_NAMES[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise ArgumentError(
            f"{path}: {name or 'the whole'}: got {value!r:.40}, expected {kinds}; remove it, or make it again"
        )
    if isinstance(wanted, list):
        for place, item in enumerate(value):
            check_fields(path, item, wanted[0], f"{name}[{place}]")
    if isinstance(wanted, dict):
        each = dict.fromkeys(value, wanted[EACH]) if EACH in wanted else wanted
        for field, inner in each.items():
            full = f"{name}.{field}" if name else field
            if field not in value:
                raise ArgumentError(f"{path}: {full} is missing; remove the file, or make it again")
            check_fields(path, value[field], inner, full)


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, or of one of several; to JSON, true and false are no numbers."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) and not (isinstance(value, int) and abs(value) >= LARGEST)


_NAMES = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    list: "a list",
    dict: "a record",
}
