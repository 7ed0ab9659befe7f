"""What is wrong with a machine or its rule file, and where."""

from neurallambda.errors import SourceError


class MachineError(SourceError, ValueError):
    """A machine that cannot be built.

    `place` is where in the rule file the fault lies, such as `rules[3][0][1]` (the second part of the left side of the
    fourth rule), or "" where the file as a whole is at fault. `line` and `column` are known for text that is not JSON.
    """

    def __init__(self, message: str, *, place: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(f"{place}: {message}" if place else message, line=line, column=column)
        self.place = place
