"""What programs evaluate to, and how a value is written down again as a term."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import terms
from neurallambda.lang.core import NIL, Atom, Binding, Delay, Lambda, Nil, Operator, Scope
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.substitute import free_names, substitute
from neurallambda.lang.terms import Term
from neurallambda.lang.trampoline import trampoline


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    head: "Value"
    tail: "Value"


@dataclass(frozen=True, eq=False, slots=True)
class Partial:
    """A binary primitive that has its first operand."""

    operator: str
    operand: "Value"


class Closure(ABC):
    """A function or thunk with its variables, as an engine represents it."""

    __slots__ = ()
    code: Lambda | Delay

    @abstractmethod
    def lookup(self, binder: Lambda) -> "Value":
        """The value of an enclosing parameter."""


@dataclass(frozen=True, slots=True)
class Unbound:
    """A variable that has no value yet: in code that is written down before it has run."""

    name: str


Value = Atom | Pair | Partial | Closure | Unbound


LARGEST = 2_000_000
"""How many nodes a value may have as a term. In memory it shares its parts, and may be far smaller than as a term."""


def outcome_of(value: Value, steps: int) -> Outcome:
    """The end of a program in a value; one that is too large to be written down is `out-of-memory`."""
    try:
        return Outcome(term=to_term(value, limit=LARGEST), steps=steps)
    except ProgramError as error:
        return replace(Outcome.of(error), steps=steps)


def to_term(value: Value, *, limit: int = LARGEST) -> Term:
    """Write a value as a term; captured variables are replaced by their values.

    The names of functions that the program defines stay names.

    Raises:
        ProgramError: `out-of-memory`, where it has more than `limit` nodes.
    """
    return trampoline(_to_term(value, _Budget(limit))).term


def code_to_term(code: Lambda | Delay, lookup: Callable[[Lambda], Value], *, limit: int = LARGEST) -> Term:
    """Write a function or thunk as a term; its variables are replaced by their values.

    Args:
        code: the function.
        lookup: the value of a variable, given the function whose parameter it is.
        limit: how many nodes the term may have.

    Raises:
        ProgramError: `out-of-memory`, where it has more.
    """
    return trampoline(_code_to_term(code, lookup, _Budget(limit), {})).term


class _Budget:
    """Counts down the nodes that may still be written."""

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit

    def spend(self, nodes: int = 1) -> None:
        self.left -= nodes
        if self.left < 0:
            message = f"the value has more than {self.limit:,} nodes when written out; make a part of it the value"
            raise ProgramError(ErrorKind.OUT_OF_MEMORY, message)


class _Written(NamedTuple):
    """A value as a term, and the names that are free in it: functions that the program defines.

    They are carried along, for looking them up again in all that a closure captures takes quadratic time.
    """

    term: Term
    free: frozenset[str] = frozenset()


_Writing = Generator[Any, Any, _Written]


def _to_term(value: Value, budget: _Budget) -> _Writing:
    budget.spend()
    match value:
        case bool():
            return _Written(terms.Boolean(value))
        case int():
            return _Written(terms.Integer(value))
        case Nil():
            return _Written(terms.List())
        case Operator(name):
            return _Written(terms.Primitive(name))
        case Partial(name, operand):
            written: _Written = yield _to_term(operand, budget)
            return _Written(terms.apply(terms.Primitive(name), (written.term,)), written.free)
        case Pair():
            return (yield _pair_to_term(value, budget))
        case Unbound(name):
            return _Written(terms.Variable(name), frozenset((name,)))
        case Closure():
            return (yield _code_to_term(value.code, value.lookup, budget, {}))
    raise AssertionError(f"not a value: {value!r}")


def _code_to_term(
    code: Lambda | Delay,
    lookup: Callable[[Lambda], Value],
    budget: _Budget,
    local: dict[Lambda | Delay, tuple[_Written, int]],
) -> _Writing:
    """Write a function. `local` holds the functions of a `let` around it that are written, and what each has cost."""
    captured: dict[str, _Written] = {}
    free: set[str] = set()
    for name in sorted(free_names(code.source)):
        meaning = meaning_of(code.scope, name)
        if meaning is None or meaning.binding is Binding.DEFINITION:
            free.add(name)
            continue
        if meaning.binding is Binding.LOCAL:
            if meaning.node in local:
                captured[name], cost = local[meaning.node]
                budget.spend(cost)  # as text it is there once more
            else:
                before = budget.left
                budget.spend()
                captured[name] = yield _code_to_term(meaning.node, lookup, budget, local)
                local[meaning.node] = captured[name], before - budget.left
        else:
            assert isinstance(meaning.node, Lambda)
            captured[name] = yield _to_term(lookup(meaning.node), budget)
        free |= captured[name].free
    if not captured:
        return _Written(code.source, frozenset(free))
    term = substitute(
        code.source,
        {name: written.term for name, written in captured.items()},
        free={name: written.free for name, written in captured.items()},
    )
    return _Written(term, frozenset(free))


def _pair_to_term(pair: Pair, budget: _Budget) -> _Writing:
    items: list[_Written] = []
    rest: Value = pair
    while isinstance(rest, Pair):
        items.append((yield _to_term(rest.head, budget)))
        budget.spend()
        rest = rest.tail
    free = frozenset[str]().union(*(item.free for item in items))
    if rest is NIL:
        return _Written(terms.List(tuple(item.term for item in items)), free)
    last: _Written = yield _to_term(rest, budget)
    written = last.term
    for item in reversed(items):
        written = terms.Apply(terms.Primitive("cons"), (item.term, written))
    return _Written(written, free | last.free)


def meaning_of(scope: Scope | None, name: str) -> Scope | None:
    """What `name` stands for at a place in the program."""
    while scope is not None and scope.name != name:
        scope = scope.outer
    return scope
