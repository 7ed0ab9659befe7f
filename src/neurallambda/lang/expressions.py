"""The expressions of a program: what is left to evaluate once its definitions are known."""

from collections.abc import Iterable

from neurallambda.errors import SourceError
from neurallambda.lang.terms import Define, Term


def expressions_of(forms: Iterable[Term]) -> list[Term]:
    """The forms that are no definitions.

    Raises:
        SourceError: where there is none.
    """
    forms = list(forms)
    if not forms:
        raise SourceError("the program is empty; write an expression, such as (+ 1 2)")
    expressions = [form for form in forms if not isinstance(form, Define)]
    if not expressions:
        raise SourceError("the program has definitions only; add an expression whose value is wanted")
    return expressions
