"""The parts of a term by number: to look at one, and to put another in its place."""

from dataclasses import replace

from neurallambda.lang import terms
from neurallambda.lang.substitute import children
from neurallambda.lang.terms import And, Apply, Cond, Function, If, List, Or, Term


def parts_of(term: Term) -> tuple[Term, ...]:
    """The direct parts, in the order of the text; of a function, its body."""
    return (term.body,) if isinstance(term, Function) else children(term)


def part_at(term: Term, index: int) -> Term:
    """One of the parts."""
    return parts_of(term)[index]


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
