"""Terms up to the names of their binders."""

from collections.abc import Generator, Iterable
from typing import Any

from neurallambda.lang.substitute import children
from neurallambda.lang.terms import Apply, Function, Let, LetRec, Program, Term, Variable
from neurallambda.lang.trampoline import trampoline

Nameless = tuple[Any, ...]


def nameless(term: Term) -> Nameless:
    """A flat sequence that is the same for terms that differ only in the names of their binders.

    A bound variable is the number of binders between it and its own; functions and calls are curried.
    """
    written: list[Any] = []
    trampoline(_write(term, (), written))
    return tuple(written)


def alpha_equivalent(left: Term, right: Term) -> bool:
    """Whether two terms are the same but for the names of their binders."""
    return nameless(left) == nameless(right)


def _write(term: Term, names: tuple[Any, ...], written: list[Any]) -> Generator[Any, Any, None]:
    match term:
        case Variable(name):
            depth = _depth(name, names)
            written.append(("free", name) if depth is None else ("bound", depth))
        case Function((), body):
            written.append("thunk")
            yield _write(body, names, written)
        case Function(parameters, body):
            for parameter in parameters:
                written.append("fn")
                names = (parameter, names)
            yield _write(body, names, written)
        case Apply(operator, arguments):
            written.append(("apply", len(arguments)))
            for part in (operator, *arguments):
                yield _write(part, names, written)
        case Let(bindings, body):
            written.append(("let", len(bindings)))
            for name, value in bindings:
                yield _write(value, names, written)
                names = (name, names)
            yield _write(body, names, written)
        case LetRec(bindings, body):
            written.append(("letrec", len(bindings)))
            for name, _ in bindings:
                names = (name, names)
            for _, value in bindings:
                yield _write(value, names, written)
            yield _write(body, names, written)
        case _:
            parts = term.forms if isinstance(term, Program) else children(term)
            leaf = () if parts else tuple(value for key, value in vars(term).items() if key != "at")
            written.append((type(term).__name__, len(parts), *leaf))
            for part in parts:
                yield _write(part, names, written)


def _depth(name: str, names: Iterable[Any]) -> int | None:
    depth = 0
    while names:
        first, names = names
        if first == name:
            return depth
        depth += 1
    return None
