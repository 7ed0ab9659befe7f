"""JSON whose numbers are kept as they are written: of any length, and never rounded."""

import json
from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class Number:
    """A number, as its digits."""

    text: str

    def __repr__(self) -> str:
        return self.text


def read_json(text: str) -> Any:
    """Read a value.

    Raises:
        ValueError: where the text is not JSON.

    >>> read_json('{"id": 7, "mass": 1e999}')
    {'id': 7, 'mass': 1e999}
    """
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def write_json(value: Any) -> str:
    """Write a value; numbers may be `Number`s.

    >>> write_json({"mass": Number("1e999"), "steps": 3, "names": ["a", None]})
    '{"mass": 1e999, "steps": 3, "names": ["a", null]}'
    """
    match value:
        case Number(text):
            return text
        case dict():
            return "{" + ", ".join([f"{json.dumps(key)}: {write_json(part)}" for key, part in value.items()]) + "}"
        case list():
            return "[" + ", ".join([write_json(part) for part in value]) + "]"
        case _:
            return json.dumps(value)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")
