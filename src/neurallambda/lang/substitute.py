"""Free names of a term, and substitution that never captures."""

from collections.abc import Generator, Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple

from neurallambda.lang import terms
from neurallambda.lang.terms import (
    And,
    Apply,
    Boolean,
    Cond,
    Define,
    Function,
    Hole,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Observe,
    Or,
    Primitive,
    Program,
    Sample,
    Term,
    Variable,
)
from neurallambda.lang.trampoline import trampoline

Recursive = Generator[Any, Any, Any]


def free_names(term: Term) -> frozenset[str]:
    """The names that `term` uses and does not bind.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> sorted(free_names(parse_term("(fn [x] (f x y))")))
    ['f', 'y']
    """
    free: set[str] = set()
    bound: dict[str, int] = {}
    # Items to visit, and marks that open (+1) or close (-1) the scope of some names.
    todo: list[Term | tuple[int, tuple[str, ...]]] = [term]
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            change, names = item
            for name in names:
                bound[name] = bound.get(name, 0) + change
        elif isinstance(item, Variable):
            if not bound.get(item.name):
                free.add(item.name)
        else:
            todo.extend(reversed(_visits(item)))
    return frozenset(free)


def _visits(term: Term) -> list[Term | tuple[int, tuple[str, ...]]]:
    """What to visit under `term`, in order, with the marks that open and close scopes."""
    match term:
        case Function(parameters, body):
            return [(1, parameters), body, (-1, parameters)]
        case Let(bindings, body):
            visits: list[Term | tuple[int, tuple[str, ...]]] = []
            for name, value in bindings:
                visits += [value, (1, (name,))]
            return [*visits, body, (-1, tuple(name for name, _ in bindings))]
        case LetRec(bindings, body):
            names = tuple(name for name, _ in bindings)
            return [(1, names), *(value for _, value in bindings), body, (-1, names)]
        case Program(forms):
            names = tuple(form.name for form in forms if isinstance(form, Define))
            return [(1, names), *forms, (-1, names)]
        case _:
            return list(children(term))


def children(term: Term) -> tuple[Term, ...]:
    """The direct subterms of a term that binds nothing."""
    match term:
        case List(items) | And(items) | Or(items):
            return items
        case Apply(function, arguments):
            return (function, *arguments)
        case If(condition, consequent, alternative):
            return (condition, consequent, alternative)
        case Cond(clauses, alternative):
            return (*(part for clause in clauses for part in clause), alternative)
        case Define(_, value):
            return (value,)
        case Observe(condition):
            return (condition,)
        case _:
            return ()


class _Replacement(NamedTuple):
    """What stands in the place of a name, and the names that are free in it."""

    term: Term
    free: frozenset[str]


def substitute(
    term: Term, replacements: Mapping[str, Term], *, free: Mapping[str, frozenset[str]] | None = None
) -> Term:
    """Replace free variables by terms; a binder that would capture is renamed (`x` to `x1`, `x2`, ...).

    Args:
        term: where to replace.
        replacements: what each name becomes.
        free: the names that are free in replacements, where they are known: finding them out takes time in their size.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> from neurallambda.lang.syntax.printer import to_text
    >>> to_text(substitute(parse_term("(fn [y] x)"), {"x": parse_term("y")}))
    '(fn [y1] y)'
    """
    known = {} if free is None else free
    together = {
        name: _Replacement(other, known[name] if name in known else free_names(other))
        for name, other in replacements.items()
    }
    return trampoline(_substitute(term, together))


def fresh_name(name: str, taken: Iterable[str]) -> str:
    """The first of `name1`, `name2`, ... that is not taken."""
    taken = frozenset(taken) | terms.RESERVED
    return next(candidate for n in count(1) if (candidate := f"{name}{n}") not in taken)


def _substitute(term: Term, replacements: dict[str, _Replacement]) -> Recursive:
    match term:
        case Variable(name):
            return replacements[name].term if name in replacements else term
        case Integer() | Boolean() | Primitive() | Hole() | Sample():
            return term
        case Function(parameters, body):
            parameters, inner = _enter(parameters, replacements, (body,))
            return terms.function(parameters, (yield _substitute(body, inner)), at=term.at)
        case Let(bindings, body):
            inner, written = replacements, []
            for index, (name, value) in enumerate(bindings):
                value = yield _substitute(value, inner)
                rest = (*(later for _, later in bindings[index + 1 :]), body)
                (name,), inner = _enter((name,), inner, rest)
                written.append((name, value))
            return Let(tuple(written), (yield _substitute(body, inner)), at=term.at)
        case LetRec(bindings, body):
            old = tuple(name for name, _ in bindings)
            names, inner = _enter(old, replacements, (*(value for _, value in bindings), body))
            written = []
            for name, (_, value) in zip(names, bindings, strict=True):
                written.append((name, (yield _substitute(value, inner))))
            return LetRec(tuple(written), (yield _substitute(body, inner)), at=term.at)
        case List(items):
            return List((yield _each(items, replacements)), at=term.at)
        case And(operands):
            return And((yield _each(operands, replacements)), at=term.at)
        case Or(operands):
            return Or((yield _each(operands, replacements)), at=term.at)
        case Apply(operator, arguments):
            operator = yield _substitute(operator, replacements)
            return terms.apply(operator, (yield _each(arguments, replacements)), at=term.at)
        case Observe(condition):
            return Observe((yield _substitute(condition, replacements)), at=term.at)
        case If():
            return If(*(yield _each(children(term), replacements)), at=term.at)
        case Cond():
            *parts, alternative = yield _each(children(term), replacements)
            return Cond(tuple(zip(parts[::2], parts[1::2], strict=True)), alternative, at=term.at)
    raise AssertionError(f"not a term inside an expression: {type(term).__name__}")


def _each(items: tuple[Term, ...], replacements: dict[str, _Replacement]) -> Recursive:
    written = []
    for item in items:
        written.append((yield _substitute(item, replacements)))
    return tuple(written)


def _enter(
    names: tuple[str, ...], replacements: dict[str, _Replacement], scope: tuple[Term, ...]
) -> tuple[tuple[str, ...], dict[str, _Replacement]]:
    """Go under the binders `names` around `scope`: their new names, and the replacements that hold inside."""
    inner = {name: other for name, other in replacements.items() if name not in names}
    arriving: set[str] = set()
    for other in inner.values():
        arriving |= other.free
    if not arriving & set(names):
        return names, inner
    # Only what really arrives in this scope can be captured.
    used = frozenset().union(*(free_names(term) for term in scope))
    arriving = set().union(*(other.free for name, other in inner.items() if name in used))
    taken = arriving | used | set(names)
    renamed = []
    for name in names:
        if name in arriving:
            new = fresh_name(name, taken)
            taken.add(new)
            inner[name] = _Replacement(Variable(new), frozenset({new}))
            name = new
        renamed.append(name)
    return tuple(renamed), inner
