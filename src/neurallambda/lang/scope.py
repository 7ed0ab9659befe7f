"""Walking a term: its free variables and what is bound around them, its subterms and their number."""

from collections.abc import Iterator, Mapping

from neurallambda.lang.substitute import children
from neurallambda.lang.terms import Define, Function, Let, LetRec, Program, Term, Variable

_Scope = tuple[int, tuple[str, ...]]
"""A mark that opens (+1) or closes (-1) the scope of some names."""


def free_variables(term: Term) -> Iterator[tuple[Variable, Mapping[str, int]]]:
    """Each free variable of a term in the order of the text, and how many binders of each name are around it.

    The counts are a live view: read them before asking for the next variable. The definitions of a program bind their
    names in all of it.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> [variable.name for variable, _ in free_variables(parse_term("(f (fn [x] (x y f)))"))]
    ['f', 'y', 'f']
    """
    bound: dict[str, int] = {}
    todo: list[Term | _Scope] = [term]
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            change, names = item
            for name in names:
                bound[name] = bound.get(name, 0) + change
        elif not isinstance(item, Variable):
            todo.extend(reversed(_inside(item)))
        elif not bound.get(item.name):
            yield item, bound


def subterms(term: Term) -> Iterator[Term]:
    """A term and all the terms in it, in the order of the text.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> list(subterms(parse_term("(f (fn [x] 1))")))
    [<Apply (f (fn [x] 1))>, <Variable f>, <Function (fn [x] 1)>, <Integer 1>]
    """
    todo: list[Term | _Scope] = [term]
    while todo:
        item = todo.pop()
        if isinstance(item, Term):
            yield item
            todo.extend(reversed(_inside(item)))


def tree_size(term: Term) -> int:
    """How many terms `subterms` would give. Time and memory go by the distinct ones: a term may share its parts.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> tree_size(parse_term("(f (fn [x] 1))"))
    4
    """
    sizes: dict[int, int] = {}
    todo = [term]
    while todo:
        item = todo[-1]
        parts = [part for part in _inside(item) if isinstance(part, Term)]
        unknown = [part for part in parts if id(part) not in sizes]
        if unknown:
            todo.extend(unknown)
        else:
            sizes[id(item)] = 1 + sum(sizes[id(part)] for part in parts)
            todo.pop()
    return sizes[id(term)]


def _inside(term: Term) -> list[Term | _Scope]:
    """What to visit in a term, in order."""
    match term:
        case Function(parameters, body):
            return [(1, parameters), body, (-1, parameters)]
        case Let(bindings, body):
            names = tuple(name for name, _ in bindings)
            visits = (visit for name, value in bindings for visit in (value, (1, (name,))))
            return [*visits, body, (-1, names)]
        case LetRec(bindings, body):
            names = tuple(name for name, _ in bindings)
            return [(1, names), *(value for _, value in bindings), body, (-1, names)]
        case Program(forms):
            names = tuple(form.name for form in forms if isinstance(form, Define))
            return [(1, names), *forms, (-1, names)]
        case _:
            return list(children(term))
