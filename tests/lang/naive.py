"""The textbook's normal order, on terms without names: slow, plain, and what `normalize` must agree with."""

from neurallambda.lang.terms import Apply, Function, Term, Variable

Nameless = tuple
"""`("free", name)`, `("bound", binders in between)`, `("fn", body)` or `("call", function, argument)`."""


def from_term(term: Term, names: tuple[str, ...] = ()) -> Nameless:
    """A term of the pure lambda calculus without the names of its binders; `names` are those around it, innermost first."""
    match term:
        case Variable(name):
            return ("bound", names.index(name)) if name in names else ("free", name)
        case Function(parameters, body):
            nameless = from_term(body, (*reversed(parameters), *names))
            for _ in parameters:
                nameless = ("fn", nameless)
            return nameless
        case Apply(function, arguments):
            nameless = from_term(function, names)
            for argument in arguments:
                nameless = ("call", nameless, from_term(argument, names))
            return nameless
    raise AssertionError(f"not a lambda term: {term!r}")


def normal_form(term: Nameless, max_steps: int) -> Nameless | None:
    """The normal form; None where it takes more than `max_steps`, or a term too large to be worth it."""
    for _ in range(max_steps):
        reduced = _step(term)
        if reduced is None:
            return term
        if _size(reduced) > 500:
            return None
        term = reduced
    return None


def _step(term: Nameless) -> Nameless | None:
    """Reduce the leftmost outermost redex, if there is one."""
    match term:
        case ("call", ("fn", body), argument):
            return _shift(_substitute(body, 0, _shift(argument, 1, 0)), -1, 0)
        case ("call", function, argument):
            reduced = _step(function)
            if reduced is not None:
                return ("call", reduced, argument)
            reduced = _step(argument)
            return None if reduced is None else ("call", function, reduced)
        case ("fn", body):
            reduced = _step(body)
            return None if reduced is None else ("fn", reduced)
    return None


def _substitute(term: Nameless, index: int, argument: Nameless) -> Nameless:
    match term:
        case ("bound", here):
            return argument if here == index else term
        case ("fn", body):
            return ("fn", _substitute(body, index + 1, _shift(argument, 1, 0)))
        case ("call", function, operand):
            return ("call", _substitute(function, index, argument), _substitute(operand, index, argument))
    return term


def _shift(term: Nameless, by: int, cutoff: int) -> Nameless:
    match term:
        case ("bound", here):
            return ("bound", here + by) if here >= cutoff else term
        case ("fn", body):
            return ("fn", _shift(body, by, cutoff + 1))
        case ("call", function, operand):
            return ("call", _shift(function, by, cutoff), _shift(operand, by, cutoff))
    return term


def _size(term: Nameless) -> int:
    return 1 + sum(_size(part) for part in term[1:] if isinstance(part, tuple))
