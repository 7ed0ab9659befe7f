"""The parts of a term by number: to look at one, and to put another in its place."""

from collections.abc import Sequence
from dataclasses import replace

from neurallambda.lang import terms
from neurallambda.lang.substitute import children
from neurallambda.lang.terms import And, Apply, Cond, Function, If, List, Or, Term


def parts_of(term: Term) -> tuple[Term, ...]:
    """The direct parts, in the order of the text; of a function, its body."""
    return (term.body,) if isinstance(term, Function) else children(term)


def with_part(term: Term, index: int, part: Term) -> Term:
    """The term with another part in the place of one, in canonical form."""
    parts = [*parts_of(term)]
    parts[index] = part
    match term:
        case Function(parameters, _):
            return terms.function(parameters, part)
        case Apply():
            return terms.apply(parts[0], tuple(parts[1:]))
        case If():
            return If(*parts)
        case List():
            return List(tuple(parts))
        case And() | Or():
            return replace(term, operands=tuple(parts))
        case Cond():
            *clauses, alternative = parts
            return Cond(tuple(zip(clauses[::2], clauses[1::2], strict=True)), alternative)
    raise AssertionError(f"no parts to replace in a {type(term).__name__}")


def with_part_at(term: Term, path: Sequence[int], part: Term) -> Term:
    """The term with another part at the end of a path: at each level, the number of the part to go to."""
    around: list[Term] = []
    for index in path:
        around.append(term)
        term = parts_of(term)[index]
    for whole, index in zip(reversed(around), reversed(path), strict=True):
        part = with_part(whole, index, part)
    return part
