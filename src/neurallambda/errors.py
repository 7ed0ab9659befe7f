"""Everything that can go wrong, by name.

Two families. A *program* may end in one of the `ErrorKind`s: that is an outcome, data like any value. A *caller* may
hand over something that cannot be used (text that does not parse, a tensor of the wrong shape): that is an exception
whose message says what, what came, what was expected, and the likely fix.
"""

from enum import StrEnum


class ErrorKind(StrEnum):
    """The named errors a program can end in; the value of each member is the name users see."""

    UNBOUND = "unbound"
    NOT_A_FUNCTION = "not-a-function"
    NOT_AN_INTEGER = "not-an-integer"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_PAIR = "not-a-pair"
    DIVISION_BY_ZERO = "division-by-zero"
    OVERFLOW = "overflow"
    OUT_OF_MEMORY = "out-of-memory"
    OUT_OF_STEPS = "out-of-steps"
    IMPOSSIBLE = "impossible"


class NeurallambdaError(Exception):
    """Base of every exception this package raises on purpose."""


class SourceError(NeurallambdaError):
    """Program text that cannot be used, with the place where it goes wrong.

    `line` and `column` count from 1; they are 0 where the text as a whole is at fault (too large, not UTF-8).
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ProgramError(NeurallambdaError):
    """A program ended in a named error where the caller asked for its value.

    `line` and `column` count from 1 and say where in the text; they are 0 where that is not known. `excerpt` is the text
    around that place, with a caret under it.
    """

    def __init__(
        self, kind: ErrorKind, message: str, *, steps: int = 0, line: int = 0, column: int = 0, excerpt: str = ""
    ) -> None:
        place = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{kind}: {place}{message}" + (f"\n{excerpt}" if excerpt else ""))
        self.kind = kind
        self.message = message
        self.steps = steps
        self.line = line
        self.column = column
        self.excerpt = excerpt


class ArgumentError(NeurallambdaError, ValueError):
    """An argument of a public function that cannot be used: which one, what came, what was expected."""


_NO_COUNT = 2**63
"""From here on an integer counts nothing: tensors have no such sizes, and generators no such seeds."""


def how_to_install(extra: str) -> str:
    """The commands that bring an optional part of the package, for messages.

    Example:
        >>> how_to_install("fast")
        "pip install 'neurallambda[fast]', or in a clone of the project: pip install -e '.[fast]'"
    """
    return f"pip install 'neurallambda[{extra}]', or in a clone of the project: pip install -e '.[{extra}]'"


def check_count(name: str, value: object, *, least: int = 1) -> None:
    """Refuse anything but an integer of at least `least`.

    Raises:
        ArgumentError: naming the argument and what came.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {least}")
    if value >= _NO_COUNT:
        raise ArgumentError(f"{name}: got {value!r:.40}, expected an integer below 2**63")


def check_integers(value: object) -> None:
    """Refuse anything but a range of integers that can be declared.

    Raises:
        ArgumentError: saying what came.
    """
    if not isinstance(value, range):
        raise ArgumentError(f"integers: got {value!r:.60}, expected a range, such as range(-256, 256)")
    if value.step != 1 or not value:
        raise ArgumentError(f"integers: got {value}; expected a range of step 1 that is not empty")


def check_instance(name: str, value: object, expected: type | tuple[type, ...], description: str) -> None:
    """Refuse a value of another type.

    Raises:
        ArgumentError: naming the argument, what came and what was expected.
    """
    if not isinstance(value, expected):
        shown = repr(value)
        shown = shown if len(shown) <= 60 and "\n" not in shown else f"an object of type {type(value).__name__}"
        raise ArgumentError(f"{name}: got {shown}, expected {description}")
