"""How a program ends, the same for every engine."""

from dataclasses import dataclass

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Term


@dataclass(frozen=True)
class Outcome:
    """The end of one program: a value or a named error, and the steps it took.

    A step is one rule of the machine; the rule that ends the program counts. `term` is None exactly where `error` is not.
    """

    term: Term | None = None
    error: ErrorKind | None = None
    message: str = ""
    steps: int = 0

    @property
    def text(self) -> str:
        """The value as text.

        Raises:
            ProgramError: where the program ended in an error.
        """
        if self.term is None:
            assert self.error is not None
            raise ProgramError(self.error, self.message, steps=self.steps)
        return to_text(self.term)

    def __str__(self) -> str:
        return f"{self.error}: {self.message}" if self.error else self.text
