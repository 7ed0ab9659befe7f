"""What a function was given, and what it works out itself: the difference decides when a recursive call unfolds.

A call of a recursive function unfolds for as long as it can decide how to go on: until its value waits, at its head, for
a conditional met in the course of the call. Being stuck in what was *given* is nothing for the call to decide: in the
value of a parameter, in the result of calling one, or in a part of a pair.
"""

from collections.abc import Callable

from neurallambda.lang.primitives import arity
from neurallambda.lang.terms import Apply, Primitive, Term, Variable


def is_given(term: Term, is_function_name: Callable[[str], bool]) -> bool:
    """Whether what a term stands for was given.

    Args:
        term: where the value of a function's body comes from.
        is_function_name: whether a name is that of a function in `defn`, `def` or `letrec`; other names are parameters.
    """
    while isinstance(term, Apply):
        if isinstance(term.function, Primitive):
            return term.function.name in ("car", "cdr")
        term = term.function
    return isinstance(term, Variable) and not is_function_name(term.name)


def is_operation(term: Term) -> bool:
    """Whether a term is a primitive with all its operands, whose result is none of them: it waits where they do."""
    match term:
        case Apply(Primitive(name), operands):
            return name not in ("car", "cdr", "cons") and len(operands) == arity(name)
    return False
