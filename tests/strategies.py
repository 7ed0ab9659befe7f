"""Hypothesis strategies for terms and programs."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from neurallambda.lang.substitute import free_names, fresh_name
from neurallambda.lang.terms import (
    PRIMITIVES,
    RESERVED,
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
    Or,
    Primitive,
    Program,
    Term,
    Variable,
    apply,
    function,
)
from tests.typed_programs import programs

__all__ = ["alpha_variants", "any_programs", "lambda_terms", "names", "programs", "terms"]

_LETTERS = st.characters(categories=["Lu", "Ll", "Lo"]) | st.sampled_from("abcxyz_")
_MARKS = st.sampled_from("-_?!*<>=+/0123456789")
_ANY_NAME = st.builds(lambda first, rest: first + "".join(rest), _LETTERS, st.lists(_LETTERS | _MARKS, max_size=5))
_NAMES = (st.sampled_from(["x", "y", "z", "x1", "map"]) | _ANY_NAME).filter(lambda name: name not in RESERVED)
_VARIABLES = st.sampled_from(["x", "y", "z", "x1"])

_Compounds = Callable[[SearchStrategy[Term]], SearchStrategy[Term]]

_LEAVES = st.one_of(
    st.builds(Variable, _NAMES),
    st.builds(Integer, st.integers()),
    st.builds(Boolean, st.booleans()),
    st.builds(Primitive, st.sampled_from(PRIMITIVES)),
    st.builds(Hole, _NAMES),
    st.just(List()),
)


def _compounds(inner: SearchStrategy[Term]) -> SearchStrategy[Term]:
    items = st.lists(inner, max_size=4).map(tuple)
    distinct = st.lists(_NAMES, max_size=3, unique=True).map(tuple)
    abstraction = st.builds(function, distinct, inner)
    bindings = st.lists(st.tuples(_NAMES, inner), max_size=3).map(tuple)
    functions = st.lists(st.tuples(_NAMES, abstraction), max_size=2, unique_by=lambda binding: binding[0]).map(tuple)
    clauses = st.lists(st.tuples(inner, inner), max_size=3).map(tuple)
    return st.one_of(
        st.builds(List, items),
        abstraction,
        st.builds(apply, inner, items),
        st.builds(If, inner, inner, inner),
        st.builds(Let, bindings, inner),
        st.builds(LetRec, functions, inner),
        st.builds(And, items),
        st.builds(Or, items),
        st.builds(Cond, clauses, inner),
    )


def _calls_and_functions(inner: SearchStrategy[Term]) -> SearchStrategy[Term]:
    abstraction = st.builds(lambda name, body: function((name,), body), _VARIABLES, inner)
    call = st.builds(lambda operator, argument: apply(operator, (argument,)), inner, inner)
    redex = st.builds(lambda operator, argument: Apply(operator, (argument,)), abstraction, inner)
    return abstraction | call | redex


# What is composite, failing tests call by name; what is not, they spell out, and that grows with the depth.


@st.composite
def _of_depth(draw: DrawFn, leaves: SearchStrategy[Term], compounds: _Compounds, depth: int) -> Term:
    if depth == 0:
        return draw(leaves)
    return draw(leaves | compounds(_of_depth(leaves, compounds, depth - 1)))


@st.composite
def names(draw: DrawFn) -> str:
    """Names that a program may bind, short ones more often."""
    return draw(_NAMES)


@st.composite
def terms(draw: DrawFn) -> Term:
    """Any expression that the parser accepts, in canonical form; most of them mean nothing."""
    return draw(_of_depth(_LEAVES, _compounds, draw(st.integers(0, 4))))


@st.composite
def any_programs(draw: DrawFn) -> Program:
    """Any program that the parser accepts."""
    definitions = draw(st.lists(st.builds(Define, names(), terms()), max_size=3, unique_by=lambda form: form.name))
    expressions = draw(st.lists(terms(), max_size=3))
    return Program(tuple(draw(st.permutations([*definitions, *expressions]))))


@st.composite
def lambda_terms(draw: DrawFn) -> Term:
    """Terms of the pure lambda calculus over few names, so that variables clash, hide one another and are free."""
    return draw(_of_depth(st.builds(Variable, _VARIABLES), _calls_and_functions, draw(st.integers(0, 5))))


@st.composite
def alpha_variants(draw: DrawFn, term: Term) -> Term:
    """The same term or program with other names for its local binders; definitions keep theirs."""
    return _Renaming(draw).rename(term, {})


class _Renaming:
    """Walks a small term and draws a new name for each binder, never one that would capture."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw

    def rename(self, term: Term, new: dict[str, str]) -> Term:
        match term:
            case Variable(name):
                return Variable(new.get(name, name))
            case Function(parameters, body):
                inner = self.enter(parameters, (body,), new)
                return function(tuple(inner[name] for name in parameters), self.rename(body, inner))
            case Let(bindings, body):
                renamed, inner = [], new
                for index, (name, value) in enumerate(bindings):
                    value = self.rename(value, inner)
                    # The whole rest counts as this binder's scope: that is more than need be, and never too little.
                    inner = self.enter((name,), (Let(bindings[index + 1 :], body),), inner)
                    renamed.append((inner[name], value))
                return Let(tuple(renamed), self.rename(body, inner))
            case LetRec(bindings, body):
                inner = self.enter(tuple(name for name, _ in bindings), (*(value for _, value in bindings), body), new)
                functions = []
                for name, value in bindings:
                    renamed_function = self.rename(value, inner)
                    assert isinstance(renamed_function, Function)
                    functions.append((inner[name], renamed_function))
                return LetRec(tuple(functions), self.rename(body, inner))
            case Define(name, value):
                return Define(name, self.rename(value, new))
            case Cond(clauses, alternative):
                renamed = [(self.rename(test, new), self.rename(value, new)) for test, value in clauses]
                return Cond(tuple(renamed), self.rename(alternative, new))
            case Apply(operator, arguments):
                return apply(self.rename(operator, new), self.each(arguments, new))
            case If(condition, consequent, alternative):
                return If(*self.each((condition, consequent, alternative), new))
            case List(items) | And(items) | Or(items) | Program(items):
                return type(term)(self.each(items, new))
            case _:
                return term

    def each(self, items: tuple[Term, ...], new: dict[str, str]) -> tuple[Term, ...]:
        return tuple(self.rename(item, new) for item in items)

    def enter(self, old: tuple[str, ...], scope: tuple[Term, ...], new: dict[str, str]) -> dict[str, str]:
        used = frozenset().union(*map(free_names, scope)) - set(old)
        taken = {new.get(name, name) for name in used}
        inner = dict(new)
        for name in old:
            pool = [name for name in ("x", "y", "n", "f", "xs", "x1", "length") if name not in taken]
            inner[name] = self.draw(st.sampled_from([*pool, fresh_name("v", taken)]))
            taken.add(inner[name])
        return inner
