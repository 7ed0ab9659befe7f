"""What programs evaluate to, and how a value is written down again as a term."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

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


Value = Atom | Pair | Partial | Closure


LARGEST = 2_000_000
"""How many nodes a value may have as a term. In memory it shares its parts, and may be far smaller than as a term."""


def outcome_of(value: Value, steps: int) -> Outcome:
    """The end of a program in a value; one that is too large to be written down is `out-of-memory`."""
    try:
        return Outcome(term=to_term(value, limit=LARGEST), steps=steps)
    except ProgramError as error:
        return Outcome(error=error.kind, message=error.message, steps=steps)


def to_term(value: Value, *, limit: int = LARGEST) -> Term:
    """Write a value as a term; captured variables are replaced by their values.

    The names of functions that the program defines stay names.

    Raises:
        ProgramError: `out-of-memory`, where it has more than `limit` nodes.
    """
    return trampoline(_to_term(value, _Budget(limit)))


class _Budget:
    """Counts down the nodes that may still be written."""

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            message = f"the value has more than {self.limit:,} nodes when written out; make a part of it the value"
            raise ProgramError(ErrorKind.OUT_OF_MEMORY, message)


def _to_term(value: Value, budget: _Budget) -> Generator[Any, Any, Term]:
    budget.spend()
    match value:
        case bool():
            return terms.Boolean(value)
        case int():
            return terms.Integer(value)
        case Nil():
            return terms.List()
        case Operator(name):
            return terms.Primitive(name)
        case Partial(name, operand):
            return terms.apply(terms.Primitive(name), ((yield _to_term(operand, budget)),))
        case Pair():
            return (yield _pair_to_term(value, budget))
        case Closure():
            return (yield _code_to_term(value.code, value.lookup, budget))
    raise AssertionError(f"not a value: {value!r}")


def _code_to_term(
    code: Lambda | Delay, lookup: Callable[[Lambda], Value], budget: _Budget
) -> Generator[Any, Any, Term]:
    captured: dict[str, Term] = {}
    for name in sorted(free_names(code.source)):
        meaning = _meaning(code.scope, name)
        if meaning is None or meaning.binding is Binding.DEFINITION:
            continue
        if meaning.binding is Binding.LOCAL:
            captured[name] = yield _code_to_term(meaning.node, lookup, budget)
        else:
            assert isinstance(meaning.node, Lambda)
            captured[name] = yield _to_term(lookup(meaning.node), budget)
    return substitute(code.source, captured) if captured else code.source


def _pair_to_term(pair: Pair, budget: _Budget) -> Generator[Any, Any, Term]:
    items: list[Term] = []
    rest: Value = pair
    while isinstance(rest, Pair):
        items.append((yield _to_term(rest.head, budget)))
        budget.spend()
        rest = rest.tail
    if rest is NIL:
        return terms.List(tuple(items))
    written: Term = yield _to_term(rest, budget)
    for item in reversed(items):
        written = terms.Apply(terms.Primitive("cons"), (item, written))
    return written


def _meaning(scope: Scope | None, name: str) -> Scope | None:
    """What `name` stands for at a place in the program."""
    while scope is not None and scope.name != name:
        scope = scope.outer
    return scope
