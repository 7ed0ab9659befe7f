"""Writing values down: what weak head reduction left undone is reduced on the way, under binders too."""

from collections.abc import Generator, Iterable
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import terms
from neurallambda.lang.core import NIL
from neurallambda.lang.normal import compound
from neurallambda.lang.normal.definitions import Local, Recursive, Scope, bind
from neurallambda.lang.normal.naming import Keys, Reference, Sketch, binder, branch, choose_names
from neurallambda.lang.normal.reduce import Reducer, delay
from neurallambda.lang.normal.values import (
    Bound,
    Closure,
    Content,
    Environment,
    Folded,
    Free,
    Operation,
    Pair,
    Stuck,
    StuckCall,
    StuckChoice,
    StuckForce,
    StuckOperation,
    Unknown,
    Value,
)
from neurallambda.lang.places import placed
from neurallambda.lang.terms import (
    And,
    Boolean,
    Cond,
    Hole,
    If,
    Integer,
    List,
    Or,
    Primitive,
    Term,
)
from neurallambda.lang.trampoline import trampoline

_Recursion = Generator[Any, Any, Any]


def normal_form(content: Content, reducer: Reducer, scope: Scope, text: str = "") -> Term:
    """The normal form of what `content` stands for, as a term in which the names of `scope` keep their meaning.

    `text` is what the places in the terms are places in, for the error.

    Raises:
        ProgramError: `out-of-steps`, or the error in a part that call by value would certainly evaluate.
    """
    writer = _Writer(reducer, scope, text)
    return choose_names(trampoline(writer.quote(content, 0, certain=True)), writer.keys)


class _Writer:
    """`level` counts the binders around a part; `certain` says whether it is evaluated whatever the variables are."""

    def __init__(self, reducer: Reducer, scope: Scope, text: str) -> None:
        self.reducer = reducer
        self.scope = scope
        self.text = text
        self.keys = Keys()
        # A value written twice in the same place is written once and shared. It is kept, for its identity is the key;
        # its sketch is None while it is being written.
        self.written: dict[tuple[int, int, bool], tuple[Any, Sketch | None]] = {}

    def quote(self, content: Content, level: int, *, certain: bool) -> _Recursion:
        value = self.reducer.weak_head(content)
        if certain and isinstance(value, Stuck) and value.error is not None:
            wrong = value.error
            raise placed(wrong.kind, wrong.message, wrong.at, self.text, steps=self.reducer.steps)
        match value:
            case bool():
                return Boolean(value)
            case int():
                return Integer(value)
            case Free(name):
                return self.reference(name)
            case Bound(binder_level):
                return self.reference(binder_level)
            case Unknown(name):
                return Hole(name)
            case Operation(name, ()):
                return Primitive(name)
        if value is NIL:
            return List()
        key = (id(value), level, certain)
        if key not in self.written:
            self.written[key] = value, None
            self.written[key] = value, (yield self.compound(value, level, certain))
        _, sketch = self.written[key]
        if sketch is None:
            raise self.without_end()
        return sketch

    def without_end(self) -> ProgramError:
        """The error for a value that is a part of itself."""
        steps = self.reducer.steps
        return ProgramError(ErrorKind.OUT_OF_STEPS, f"after {steps:,} steps the value contains itself", steps=steps)

    def reference(self, key: int | str) -> Reference:
        return Reference(key, self.keys.bit(key))

    def each(self, contents: Iterable[Content], level: int, certain: bool) -> _Recursion:
        sketches: list[Sketch] = []
        for content in contents:
            sketches.append((yield self.quote(content, level, certain=certain)))
        return sketches

    def compound(self, value: Value, level: int, certain: bool) -> _Recursion:
        match value:
            case Pair():
                return (yield self.pair(value, level, certain))
            case Closure():
                return (yield self.function(value, level))
            case Operation(name, operands) | StuckOperation(name, operands):
                return branch(compound.application, [Primitive(name), *(yield self.each(operands, level, certain))])
            case StuckCall():
                arguments: list[Content] = []
                while isinstance(value, StuckCall):
                    arguments.append(value.argument)
                    value = value.function
                return branch(compound.application, (yield self.each([value, *reversed(arguments)], level, certain)))
            case StuckForce(thunk):
                return branch(compound.forcing, (yield self.each([thunk], level, certain)))
            case StuckChoice():
                return (yield self.choice(value, level, certain))
            case Folded(origin, _):
                if self.scope.find(origin.name) is origin:
                    return (yield self.call(self.reference(origin.name), value, level, certain))
                return (yield self.call_in_letrec(origin, value, level, certain))
        raise AssertionError(f"not a value: {value!r}")

    def pair(self, value: Pair, level: int, certain: bool) -> _Recursion:
        """A list, or pairs ending in something else."""
        items: list[Sketch] = []
        spine: set[int] = set()
        rest: Value = value
        while isinstance(rest, Pair):
            if id(rest) in spine:
                raise self.without_end()
            spine.add(id(rest))
            items.append((yield self.quote(rest.head, level, certain=certain)))
            rest = self.reducer.weak_head(rest.tail)
        if rest is NIL:
            return branch(compound.elements, items)
        sketch = yield self.quote(rest, level, certain=certain)
        for item in reversed(items):
            sketch = branch(compound.application, (Primitive("cons"), item, sketch))
        return sketch

    def function(self, closure: Closure, level: int) -> _Recursion:
        names = closure.waits_for
        environment = _bind_levels(names, level, closure.environment)
        body = yield self.quote(delay(closure.function.body, environment), level + len(names), certain=False)
        return binder(terms.function, names, level, (body,), self.keys)

    def choice(self, stuck: StuckChoice, level: int, certain: bool) -> _Recursion:
        """Only the condition is sure to be evaluated."""
        match stuck.term:
            case If(_, consequent, alternative):
                others, build = [consequent, alternative], If
            case And(operands):
                others, build = operands[stuck.index + 1 :], compound.conjunction
            case Or(operands):
                others, build = operands[stuck.index + 1 :], compound.disjunction
            case Cond(clauses, alternative):
                (_, first), *later = clauses[stuck.index :]
                others, build = (
                    [first, *(part for clause in later for part in clause), alternative],
                    compound.conditional,
                )
        condition = yield self.quote(stuck.condition, level, certain=certain)
        rest = yield self.each((delay(term, stuck.environment) for term in others), level, False)
        return branch(build, (condition, *rest))

    def call(self, operator: Sketch, folded: Folded, level: int, certain: bool) -> _Recursion:
        """A call that stays folded. Its arguments are the innermost in its environment."""
        arguments: list[Content] = []
        environment = folded.environment
        for _ in folded.origin.term.parameters:
            _, argument, environment = environment
            arguments.append(argument)
        sketches = yield self.each(reversed(arguments), level, certain)
        return branch(compound.application if arguments else compound.forcing, (operator, *sketches))

    def call_in_letrec(self, origin: Recursive, folded: Folded, level: int, certain: bool) -> _Recursion:
        """A folded call of a function that has no name where it is written: the functions it needs come with it."""
        group, names = origin.group, origin.needs
        outer = group.outer if isinstance(group, Local) else group.environment
        inside = level + len(names)
        environment = _bind_levels(names, level, outer)
        functions = yield self.each((delay(group.terms[name], environment) for name in names), inside, False)
        operator = self.reference(level + names.index(origin.name))
        call = yield self.call(operator, folded, inside, certain)
        return binder(compound.recursive, names, level, (*functions, call), self.keys)


def _bind_levels(names: tuple[str, ...], level: int, environment: Environment) -> Environment:
    return bind(((name, Bound(level + index)) for index, name in enumerate(names)), environment)
