"""Weak head reduction: from the outside in, and no further than needed to see what a term is.

The order is normal order, with every argument reduced at most once, however often it is used. The machine has its own
stack, so no nesting is too deep for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import values as evaluated
from neurallambda.lang.core import NIL, Nil
from neurallambda.lang.normal.definitions import Local, Recursive, is_function_name, look_up
from neurallambda.lang.normal.given import is_given, is_operation
from neurallambda.lang.normal.values import (
    PENDING,
    Closure,
    Content,
    Delayed,
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
    Wrong,
)
from neurallambda.lang.primitives import (
    SOME_FUNCTION,
    SOME_PAIR,
    apply_binary,
    apply_unary,
    arity,
    excessive,
    given,
    no_function,
)
from neurallambda.lang.terms import (
    And,
    Apply,
    Boolean,
    Cond,
    Function,
    Hole,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Or,
    Position,
    Primitive,
    Term,
    Variable,
)

_MANY = 2**62
_State = Any
"""A value, or a term to go on with as `(term, environment)`."""


class Reducer:
    """Reduces terms and counts the steps: each rule applied and each definition looked up is one."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.steps = 0
        self.stack: list[_Frame] = []
        # Whether the value now returned waits for a conditional that was met on the way to it, and not in what was given.
        self.is_undecided = False
        self._known_uses: dict[int, tuple[LetRec, dict[str, frozenset[str]]]] = {}

    def weak_head(self, content: Content) -> Value:
        """What a term is: its value, with the parts of pairs, functions and stuck terms left as they are.

        Raises:
            ProgramError: `out-of-steps`.
        """
        self.stack = []
        state = self.enter(content)
        while True:
            while type(state) is tuple:
                state = self._start(*state)
            if not self.stack:
                return state
            state = self.stack.pop().take(state, self)

    def spend(self) -> None:
        """Count a step."""
        self.steps += 1
        if self.steps > self.max_steps:
            message = f"no normal form within {self.max_steps:,} steps; allow more to go on"
            raise ProgramError(ErrorKind.OUT_OF_STEPS, message, steps=self.max_steps)

    def enter(self, content: Content) -> _State:
        """Go on with what a name stands for."""
        if type(content) is Recursive:
            self.spend()
            content = content.content
        self.is_undecided = False
        if type(content) is not Delayed:  # a value, or a state
            return content
        if content.value is not PENDING:
            return content.value
        self.stack.append(_Update(content))
        return content.term, content.environment

    def call(self, closure: Closure, environment: Environment) -> _State:
        """Go on with the body of a function whose parameters are all bound."""
        origin = closure.origin
        if origin is not None and origin.is_recursive:
            # The last of a chain of tail calls is the furthest reduced: it is the one to fold back to.
            if self.stack and type(self.stack[-1]) is _Unfolded:
                self.stack.pop()
            self.stack.append(_Unfolded(origin, environment))
        return closure.function.body, environment

    def operate(self, name: str, operands: tuple[Content | _State, ...], at: Position | None) -> _State:
        """Go on with a primitive that has all its operands, contents or terms to be reduced in place."""
        if name == "cons":
            self.spend()
            return Pair(*operands)
        self.stack.append(_Operand(name, (), operands[1:], at))
        return self.enter(operands[0])

    def expect_given(self) -> None:
        """What is reduced next was given to the function that is called: it is not for that to decide anything in it."""
        if self.stack and type(self.stack[-1]) is _Unfolded:
            self.stack.pop()
        if not self.stack or type(self.stack[-1]) is not _Given:
            self.stack.append(_Given())

    def choose(self, term: If | And | Or | Cond, index: int, environment: Environment) -> _State:
        """Go on with a condition: the `index`-th operand of `and` or `or`, that of the `index`-th clause of `cond`."""
        match term:
            case If(condition, _, _):
                pass
            case And(operands) | Or(operands):
                if index == len(operands):
                    return isinstance(term, And)
                condition = operands[index]
            case Cond(clauses, alternative):
                if index == len(clauses):
                    return alternative, environment
                condition = clauses[index][0]
        self.stack.append(_Choice(term, index, environment, condition.at or term.at))
        return condition, environment

    def _start(self, term: Term, environment: Environment) -> _State:
        match term:
            case Variable():
                return self.enter(delay(term, environment))
            case Apply(Primitive(name), operands) if is_operation(term):
                return self.operate(name, tuple((operand, environment) for operand in operands), term.at)
            case Apply(function, arguments):
                if is_given(term, lambda name: is_function_name(name, environment)):
                    self.expect_given()
                takes = _takes(function, environment)
                waiting = [
                    _Argument(delay(argument, environment), term, takes if index >= takes else None)
                    for index, argument in enumerate(arguments)
                ]
                waiting.reverse()
                self.stack.extend(waiting or [_Force(term.at)])
                return function, environment
            case If() | And() | Or() | Cond():
                return self.choose(term, 0, environment)
            case List(items):
                rest: Value = NIL
                for item in reversed(items):
                    rest = Pair(delay(item, environment), rest)
                return rest
            case Let(bindings, body):
                for name, value in bindings:
                    self.spend()
                    environment = (name, delay(value, environment), environment)
                return body, environment
            case LetRec(bindings, body):
                # Kept with its term, whose identity is the key.
                _, known_uses = self._known_uses.setdefault(id(term), (term, {}))
                return body, Local(dict(bindings), environment, known_uses).environment
            case _:
                return delay(term, environment)


def delay(term: Term, environment: Environment) -> Content:
    """A term to be reduced later, or its value where that takes no step."""
    match term:
        case Variable(name):
            content = look_up(name, environment)
            return Free(name) if content is None else content
        case Integer(value) | Boolean(value):
            return value
        case List(()):
            return NIL
        case Primitive(name):
            return Operation(name)
        case Hole(name):
            return Unknown(name)
        case Function():
            return Closure(term, environment)
        case _:
            return Delayed(term, environment)


def _takes(function: Term, environment: Environment) -> int:
    """How many arguments a function takes that is known where it is called; more than anybody gives where it is not."""
    match function:
        case Primitive(name):
            return arity(name)
        case Function(parameters):
            return len(parameters)
        case Variable(name):
            content = look_up(name, environment)
            known = content.term if isinstance(content, Recursive) else content
            known = known.function if isinstance(known, Closure) else known
            return len(known.parameters) if isinstance(known, Function) else _MANY
        case _:
            return _MANY


class _Frame(ABC):
    """What waits for a value."""

    __slots__ = ()

    @abstractmethod
    def take(self, value: Value, reducer: Reducer) -> _State:
        """Go on with the value."""


@dataclass(slots=True, eq=False)
class _Update(_Frame):
    """A delayed term keeps its value, which is given to whoever asks for it."""

    delayed: Delayed

    def take(self, value: Value, reducer: Reducer) -> _State:
        self.delayed.value = value
        self.delayed.environment = None
        reducer.is_undecided = False
        return value


@dataclass(slots=True, eq=False)
class _Given(_Frame):
    """The value comes out of what was given to a function: what it waits for is nothing for that function to decide."""

    def take(self, value: Value, reducer: Reducer) -> _State:
        reducer.is_undecided = False
        return value


@dataclass(slots=True, eq=False)
class _Argument(_Frame):
    """A call that waits for its function. `takes` is there where that has as many arguments as it takes already."""

    argument: Content
    term: Apply
    takes: int | None

    def take(self, value: Value, reducer: Reducer) -> _State:
        if isinstance(value, Closure) and value.function.parameters:
            return self._bind(value, reducer)
        if isinstance(value, Operation):
            operands = (*value.operands, self.argument)
            if len(operands) == arity(value.name):
                return reducer.operate(value.name, operands, self.term.at)
            return Operation(value.name, operands)
        if isinstance(value, Stuck):
            return StuckCall(value, self.argument, error=value.error)
        return StuckCall(value, self.argument, error=Wrong(ErrorKind.NOT_A_FUNCTION, self._reason(value), self.term.at))

    def _reason(self, value: Value) -> str:
        """What is wrong where the value, which is no function of an argument, is given one."""
        function, count = self.term.function, len(self.term.arguments)
        if self.takes is not None:
            return excessive(function.name if isinstance(function, Variable | Primitive) else None, self.takes, count)
        return excessive(None, 0, count) if isinstance(value, Closure) else no_function(_evaluated(value))

    def _bind(self, closure: Closure, reducer: Reducer) -> _State:
        """Bind as many parameters as there are arguments."""
        parameters, applied = closure.function.parameters, closure.applied
        environment, stack = closure.environment, reducer.stack
        argument = self.argument
        while True:
            reducer.spend()
            environment = (parameters[applied], argument, environment)
            applied += 1
            if applied == len(parameters):
                return reducer.call(closure, environment)
            waiting = stack[-1] if stack else None
            if not isinstance(waiting, _Argument):
                return Closure(closure.function, environment, applied, closure.origin)
            stack.pop()
            argument = waiting.argument


@dataclass(slots=True, eq=False)
class _Force(_Frame):
    """A call without arguments."""

    at: Position | None

    def take(self, value: Value, reducer: Reducer) -> _State:
        if isinstance(value, Closure) and not value.function.parameters:
            reducer.spend()
            return reducer.call(value, value.environment)
        if isinstance(value, Closure | Operation):
            return value
        if isinstance(value, Stuck):
            return StuckForce(value, error=value.error)
        return StuckForce(value, error=Wrong(ErrorKind.NOT_A_FUNCTION, no_function(_evaluated(value)), self.at))


@dataclass(slots=True, eq=False)
class _Choice(_Frame):
    term: If | And | Or | Cond
    index: int
    environment: Environment
    at: Position | None

    def take(self, value: Value, reducer: Reducer) -> _State:
        if not isinstance(value, bool):
            reducer.is_undecided = True
            word = type(self.term).__name__.lower()
            wrong = Wrong(ErrorKind.NOT_A_BOOLEAN, given(word, _evaluated(value), "boolean"), self.at)
            error = value.error if isinstance(value, Stuck) else wrong
            return StuckChoice(value, self.term, self.index, self.environment, error=error)
        reducer.spend()
        match self.term:
            case If(_, consequent, alternative):
                return consequent if value else alternative, self.environment
            case Cond(clauses, _) if value:
                return clauses[self.index][1], self.environment
            case And() if not value:
                return False
            case Or() if value:
                return True
        return reducer.choose(self.term, self.index + 1, self.environment)


@dataclass(slots=True, eq=False)
class _Operand(_Frame):
    """A primitive that needs the value of its next operand."""

    name: str
    done: tuple[Value, ...]
    rest: tuple[Content | _State, ...]
    at: Position | None

    def take(self, value: Value, reducer: Reducer) -> _State:
        operands = (*self.done, value)
        if isinstance(value, Stuck):
            rest = (delay(*operand) if type(operand) is tuple else operand for operand in self.rest)
            return StuckOperation(self.name, (*operands, *rest), error=value.error)
        if self.rest:
            reducer.stack.append(_Operand(self.name, operands, self.rest[1:], self.at))
            return reducer.enter(self.rest[0])
        reducer.spend()
        if isinstance(value, Pair) and self.name in ("car", "cdr"):
            return reducer.enter(value.head if self.name == "car" else value.tail)
        apply: Callable[..., Any] = apply_binary if self.done else apply_unary
        try:
            return apply(self.name, *map(_evaluated, operands))
        except ProgramError as error:
            reducer.is_undecided = False
            return StuckOperation(self.name, operands, error=Wrong(error.kind, error.message, self.at))


@dataclass(slots=True, eq=False)
class _Unfolded(_Frame):
    """A recursive function was called. If it cannot decide how to go on, the call stays as it was."""

    origin: Recursive
    environment: Environment

    def take(self, value: Value, reducer: Reducer) -> _State:
        if isinstance(value, Stuck) and reducer.is_undecided:
            reducer.is_undecided = False
            return Folded(self.origin, self.environment, error=value.error)
        return value


def _evaluated(value: Value) -> evaluated.Value:
    """An evaluator's value that primitives treat alike; what is in a pair, or what a function does, is no matter."""
    if isinstance(value, int | Nil):
        return value
    return SOME_PAIR if isinstance(value, Pair) else SOME_FUNCTION
