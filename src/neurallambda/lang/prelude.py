"""The functions that come with the language, and linking them into the programs that use them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.nearest import suggestion
from neurallambda.lang.places import placed, without_places
from neurallambda.lang.scope import free_variables
from neurallambda.lang.substitute import free_names, fresh_name, substitute
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import KEYWORDS, PRIMITIVES, Define, Program, Variable


@dataclass(frozen=True)
class _Entry:
    """A prelude definition and the prelude names it needs, itself included, however indirectly."""

    form: Define
    needs: frozenset[str]


@cache
def prelude() -> Mapping[str, Define]:
    """The prelude's definitions by name, in the order of `prelude.lisp`."""
    text = files("neurallambda.lang").joinpath("prelude.lisp").read_text(encoding="utf-8")
    forms = (without_places(form) for form in parse(text).forms)
    return MappingProxyType({form.name: form for form in forms if isinstance(form, Define)})


def link(program: Program) -> Program:
    """Put the prelude definitions that a program needs in front of it, so that every name in it is defined.

    A name means the program's own definition where there is one, and the prelude's otherwise. Prelude functions go on
    calling one another whatever the program defines: one whose name the program takes gets another name (`map1`).

    Raises:
        ProgramError: `unbound`, where a name is neither bound, nor defined, nor in the prelude.

    >>> link(parse("(defn length [xs] 0) (product (rest '(1 2)))"))
    <Program (defn rest [xs] (cdr xs)) (defn product [xs] (if (empty? xs) 1 (* (car xs) (product (cdr xs))))) (defn length [xs] 0) (product (rest '(1 2)))>
    """
    wanted = free_names(program)
    entries = _entries()
    if not wanted <= entries.keys():
        raise _unbound(program, entries.keys())
    needed = frozenset().union(*(entries[name].needs for name in wanted))
    defined = frozenset(form.name for form in program.forms if isinstance(form, Define))
    taken = defined | wanted | entries.keys()
    names = {name: Variable(fresh_name(name, taken)) for name in needed & defined}
    linked = (_renamed(entry.form, names) for name, entry in entries.items() if name in needed)
    return Program((*linked, *program.forms), at=program.at, text=program.text)


@cache
def _entries() -> Mapping[str, _Entry]:
    uses = {name: free_names(form.value) for name, form in prelude().items()}
    return MappingProxyType({name: _Entry(form, _reachable(name, uses)) for name, form in prelude().items()})


def _reachable(name: str, uses: Mapping[str, Iterable[str]]) -> frozenset[str]:
    seen: set[str] = set()
    todo = [name]
    while todo:
        used = todo.pop()
        if used not in seen:
            seen.add(used)
            todo.extend(uses[used])
    return frozenset(seen)


def _renamed(form: Define, names: Mapping[str, Variable]) -> Define:
    if not names:
        return form
    name = names[form.name].name if form.name in names else form.name
    return Define(name, substitute(form.value, names), at=form.at)


def _unbound(program: Program, known: Iterable[str]) -> ProgramError:
    """The error for the first name in the text that means nothing, with the name that was perhaps meant."""
    known = frozenset(known)
    variable, bound = next(found for found in free_variables(program) if found[0].name not in known)
    in_scope = (name for name, count in bound.items() if count)
    meant = suggestion(variable.name, (*in_scope, *known, *PRIMITIVES, *KEYWORDS))
    return placed(ErrorKind.UNBOUND, f"`{variable.name}` is not defined; {meant}", variable.at, program.text)
