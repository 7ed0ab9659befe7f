"""Definitions as names in a term stand for them, and whether a recursive call is replaced by the body of its function."""

from collections.abc import Iterable, Sequence, Set
from functools import cached_property
from typing import Any

from neurallambda.errors import ProgramError
from neurallambda.lang.normal.definitions import Group, Recursive, Scope, bind
from neurallambda.lang.normal.reduce import Reducer
from neurallambda.lang.normal.values import Closure, Delayed, Environment, Folded, Free
from neurallambda.lang.prelude import prelude
from neurallambda.lang.substitute import free_names, fresh_name, substitute
from neurallambda.lang.terms import Apply, Define, Function, LetRec, Term, Variable

LOOKAHEAD = 10_000
"""How many steps to look ahead to find out whether a recursive call can decide how to go on."""


class Definitions:
    """The definitions of a program and of the prelude. In its methods, `bound` are names that binders around a term bind."""

    def __init__(self, forms: Sequence[Term]) -> None:
        self.scope = _one_scope(forms)

    @property
    def names(self) -> Set[str]:
        """What is defined."""
        return self.scope.terms.keys()

    def of(self, term: Term, bound: frozenset[str]) -> Recursive | None:
        """What a name is defined as: at the top level, or in the `letrec` that is written around it."""
        match term:
            case Variable(name) if name not in bound:
                return self.scope.find(name)
            case LetRec(bindings, Variable(name)) if name in dict(bindings):
                return Group(dict(bindings)).members[name]
        return None

    def stays(self, call: Apply, bound: frozenset[str]) -> bool:
        """Whether a recursive call stays as it stands, since it could not decide how to go on."""
        definition = self.of(call.function, bound)
        if definition is None or not isinstance(definition.term, Function) or not definition.is_recursive:
            return False
        count = len(definition.term.parameters)
        if len(call.arguments) < count or bool(count) != bool(call.arguments):
            return False
        environment = bind(((name, Free(name)) for name in sorted(bound)), self.scope)
        watching = _Watching(LOOKAHEAD)
        try:
            value = watching.weak_head(Delayed(Apply(call.function, call.arguments[:count]), environment))
        except ProgramError:
            return False
        return isinstance(value, Folded) and value.environment is watching.first

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """All names that definitions use."""
        return frozenset().union(*map(free_names, self.scope.terms.values()))

    def used_by(self, names: Iterable[str]) -> set[str]:
        """The names that are used by what names are defined as, however indirectly."""
        used: set[str] = set()
        todo = list(names)
        while todo:
            definition = self.scope.terms.get(todo.pop())
            new = free_names(definition) - used if definition is not None else ()
            used.update(new)
            todo.extend(new)
        return used


class _Watching(Reducer):
    """Notes how the first recursive call was made."""

    first: Environment = None

    def call(self, closure: Closure, environment: Environment) -> Any:
        if self.first is None and closure.origin is not None and closure.origin.is_recursive:
            self.first = environment
        return super().call(closure, environment)


def _one_scope(forms: Sequence[Term]) -> Scope:
    """The definitions of a program and of the prelude, under names of their own."""
    own = {form.name: form.value for form in forms if isinstance(form, Define)}
    library = {name: form.value for name, form in prelude().items()}
    taken = {*own, *library}.union(*map(free_names, forms))
    others: dict[str, Variable] = {}
    for name in sorted(own.keys() & library.keys()):
        others[name] = Variable(fresh_name(name, taken))
        taken.add(others[name].name)
    if others:
        library = {
            others[name].name if name in others else name: substitute(value, others) for name, value in library.items()
        }
    return Scope({**library, **own})
