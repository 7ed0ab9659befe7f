"""How a program ends, the same for every engine."""

from dataclasses import dataclass

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Term


@dataclass(frozen=True)
class Outcome:
    """The end of one program: a value or a named error, and the steps it took.

    A step is one rule of the machine; the rule that ends the program counts. `term` is None exactly where `error` is not.
    Of an error, `message` says what was wrong, `line` and `column` where (both count from 1; 0 where that is not known),
    and `excerpt` shows the text around that place.
    """

    term: Term | None = None
    error: ErrorKind | None = None
    message: str = ""
    steps: int = 0
    line: int = 0
    column: int = 0
    excerpt: str = ""

    @staticmethod
    def of(error: ProgramError) -> "Outcome":
        """The end of a program that an error was raised for."""
        return Outcome(
            error=error.kind,
            message=error.message,
            steps=error.steps,
            line=error.line,
            column=error.column,
            excerpt=error.excerpt,
        )

    @property
    def text(self) -> str:
        """The value as text.

        Raises:
            ProgramError: where the program ended in an error.
        """
        if self.term is None:
            raise self.raised()
        return to_text(self.term)

    def raised(self) -> ProgramError:
        """The exception for the error that the program ended in."""
        assert self.error is not None
        return ProgramError(
            self.error, self.message, steps=self.steps, line=self.line, column=self.column, excerpt=self.excerpt
        )

    def __str__(self) -> str:
        """The value as text, or the error in one line."""
        return str(self.raised()).partition("\n")[0] if self.error else self.text
