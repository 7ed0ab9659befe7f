"""Definitions: what names mean at the top level and in `letrec`, and which of them recur."""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property

from neurallambda.lang.normal.values import Closure, Content, Delayed, Environment
from neurallambda.lang.prelude import prelude
from neurallambda.lang.substitute import free_names
from neurallambda.lang.terms import Define, Function, Term


class Recursive:
    """A function that may call itself: one of a group whose members see one another."""

    def __init__(self, name: str, term: Term, group: "Group") -> None:
        self.name = name
        self.term = term
        self.group = group

    @cached_property
    def content(self) -> Content:
        """What the name stands for."""
        if isinstance(self.term, Function):
            return Closure(self.term, self.group.environment, origin=self)
        return Delayed(self.term, self.group.environment)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The names in its group that the definition needs, directly or through others; its own only if it recurs."""
        seen: set[str] = set()
        todo = [self.name]
        while todo:
            new = self.group.uses(todo.pop()) - seen
            seen |= new
            todo.extend(new)
        return tuple(name for name in self.group.terms if name in seen)

    @cached_property
    def is_recursive(self) -> bool:
        """Whether the definition needs itself."""
        return self.name in self.needs


class Group:
    """Definitions that see one another. `environment` is where they live; `known_uses` is what `uses` found already."""

    def __init__(self, terms: Mapping[str, Term], known_uses: dict[str, frozenset[str]] | None = None) -> None:
        self.terms = terms
        self.members = {name: Recursive(name, term, self) for name, term in terms.items()}
        self.environment: Environment = None
        self.known_uses = {} if known_uses is None else known_uses

    def uses(self, name: str) -> frozenset[str]:
        """The members that a member names."""
        if name not in self.known_uses:
            self.known_uses[name] = free_names(self.terms[name]).intersection(self.terms)
        return self.known_uses[name]


class Scope(Group):
    """Top-level definitions, and the scope for the names that they do not define, if there is one."""

    def __init__(self, terms: Mapping[str, Term], outer: "Scope | None" = None) -> None:
        super().__init__(terms)
        self.outer = outer
        self.environment = self

    def find(self, name: str) -> Recursive | None:
        """The definition a name stands for, if any."""
        found = self.members.get(name)
        return found if found or not self.outer else self.outer.find(name)


class Local(Group):
    """The functions of a `letrec` in an environment."""

    def __init__(self, terms: Mapping[str, Term], outer: Environment, known_uses: dict[str, frozenset[str]]) -> None:
        super().__init__(terms, known_uses)
        self.outer = outer
        self.environment = bind(self.members.items(), outer)


@cache
def library() -> Scope:
    """The scope of the prelude."""
    return Scope({name: form.value for name, form in prelude().items()})


def top_level(forms: Iterable[Term]) -> Scope:
    """The scope of a program: its own definitions, then the prelude's."""
    return Scope({form.name: form.value for form in forms if isinstance(form, Define)}, library())


def bind(contents: Iterable[tuple[str, Content]], environment: Environment) -> Environment:
    """An environment with more names, the last one innermost."""
    for name, content in contents:
        environment = (name, content, environment)
    return environment


def look_up(name: str, environment: Environment) -> Content | None:
    """What a name stands for; None where it is free."""
    while type(environment) is tuple:
        if environment[0] == name:
            return environment[1]
        environment = environment[2]
    return environment.find(name)


def is_function_name(name: str, environment: Environment) -> bool:
    """Whether a name is that of a function, by a `defn`, a `def` of one, or a `letrec`."""
    content = look_up(name, environment)
    return isinstance(content, Recursive) and isinstance(content.term, Function)
