"""A program, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurallambda.errors import ErrorKind

INTEGERS = range(-256, 256)


@dataclass(frozen=True)
class Example:
    """A program with its value as canonical text, or the error it ends in.

    `holes` gives what each `?name` stands for: an integer, a boolean, or the name of a primitive.
    """

    name: str
    source: str
    value: str | None = None
    error: ErrorKind | None = None
    holes: Mapping[str, int | bool | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert (self.value is None) != (self.error is None), f"{self.name}: a value or an error"
