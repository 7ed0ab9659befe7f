"""From the core back to terms: what a node says, with the values of its variables in their place."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from neurallambda.lang import core, terms
from neurallambda.lang.core import NIL, Binding, Delay, Lambda, Node
from neurallambda.lang.substitute import fresh_name
from neurallambda.lang.terms import And, Cond, Function, If, Let, Or, Term, Variable
from neurallambda.lang.trampoline import trampoline
from neurallambda.lang.values import Closure, Unbound, Value, code_to_term, to_term

Lookup = Callable[[Lambda], Value]
"""The value of a variable, given the function whose parameter it is."""

_Writing = Generator[Any, Any, Term]


def definition_names(root: Node) -> dict[Node, str]:
    """The functions of a program that have names, from `defn` and `letrec`, with their names.

    Args:
        root: the program's core graph.
    """
    names: dict[Node, str] = {}
    for node in nodes_of(root):
        scope = node.scope if isinstance(node, (Lambda, Delay)) else None
        while scope is not None:
            if scope.binding is Binding.DEFINITION:
                names.setdefault(scope.node, scope.name)
            scope = scope.outer
    return names


def nodes_of(root: Node) -> list[Node]:
    """All nodes of a program; the graph may have cycles."""
    seen: dict[Node, None] = {}
    todo = [root]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen[node] = None
            todo += parts_of(node)
    return list(seen)


def parts_of(node: Node) -> list[Node]:
    """The direct parts of a node; of a function its body, and of a known call the function too."""
    match node:
        case Lambda(body=body) | Delay(body=body):
            return [body]
        case core.Bind(first, second) | core.Apply(first, second) | core.Binary(_, first, second):
            return [first, second]
        case core.Force(operand) | core.Unary(_, operand) | core.Observe(operand):
            return [operand]
        case core.If(condition, consequent, alternative):
            return [condition, consequent, alternative]
        case _:
            return []


class Unlowering:
    """Writes nodes of one program as terms.

    Names of functions that the program defines stay names; so the terms are to be read beside its definitions.

    Args:
        names: what `definition_names` gives.
        limit: how many nodes a value may have when it is written.
    """

    def __init__(self, names: Mapping[Node, str], *, limit: int) -> None:
        self.names = names
        self.limit = limit
        self.taken = frozenset(names.values())

    def let_around(self, function: Lambda, argument: Term, lookup: Lookup) -> Term:
        """The call of a known function whose argument is given as a term."""
        return trampoline(self.call(function, argument, lookup))

    def choice_around(self, node: core.If, condition: Term, lookup: Lookup) -> Term:
        """A choice whose condition is given as a term."""
        return trampoline(self.choice(node, condition, lookup))

    def term(self, node: Node, lookup: Lookup) -> Term:
        """A node as a term.

        Args:
            node: what is written.
            lookup: the values of the variables around it.

        Raises:
            ProgramError: `out-of-memory`, where a value has more than `limit` nodes.
        """
        return trampoline(self._term(node, lookup))

    def function(self, code: Lambda | Delay, lookup: Lookup) -> Term:
        """A function as a term: its name, if it has one."""
        if code in self.names:
            return Variable(self.names[code])
        return code_to_term(code, lookup, limit=self.limit)

    def value(self, value: Value) -> Term:
        """A value as a term; a function that the program defines is its name."""
        if isinstance(value, Closure) and value.code in self.names:
            return Variable(self.names[value.code])
        return to_term(value, limit=self.limit)

    def let(self, function: Lambda, argument: Term, lookup: Lookup) -> _Writing:
        """A binding and its body, as `let` writes it; the name is another one where it would capture one from outside."""
        name = function.parameter
        if name in self.taken:
            name = fresh_name(name, self.taken)
        met: set[str] = set()

        def inner(binder: Lambda) -> Value:
            if binder is function:
                return Unbound(name)
            value = lookup(binder)
            if isinstance(value, Unbound):
                met.add(value.name)
            return value

        body = yield self._term(function.body, inner)
        if name in met:
            name = fresh_name(name, met | self.taken)
            body = yield self._term(function.body, inner)
        bindings, rest = (body.bindings, body.body) if isinstance(body, Let) else ((), body)
        return Let(((name, argument), *bindings), rest)

    def call(self, function: Lambda, argument: Term, lookup: Lookup) -> _Writing:
        """The call of a known function."""
        if function in self.names or isinstance(function.source, Function):
            return terms.apply(self.function(function, lookup), (argument,))
        return (yield self.let(function, argument, lookup))

    def choice(self, node: core.If, condition: Term, lookup: Lookup) -> _Writing:
        """A choice, as the form it was written as."""
        if node.word in ("and", "or"):
            form = And if node.word == "and" else Or
            rest = node.consequent if node.word == "and" else node.alternative
            if not isinstance(rest, core.If):
                return form((condition,))
            others = yield self._term(rest, lookup)
            return form((condition, *others.operands) if isinstance(others, form) else (condition, others))
        consequent = yield self._term(node.consequent, lookup)
        alternative = yield self._term(node.alternative, lookup)
        if node.word == "cond":
            clauses, last = ((), alternative)
            if isinstance(alternative, Cond) and isinstance(node.alternative, core.If):
                clauses, last = alternative.clauses, alternative.alternative
            return Cond(((condition, consequent), *clauses), last)
        return If(condition, consequent, alternative)

    def _term(self, node: Node, lookup: Lookup) -> _Writing:
        match node:
            case core.Constant(value):
                return to_term(value)
            case core.Unknown(name):
                return terms.Hole(name)
            case core.Sample(name):
                return terms.Sample(name)
            case core.Flip(heads, sides):
                return terms.apply(Variable("flip"), (terms.Integer(heads), terms.Integer(sides)))
            case core.Observe(condition):
                return terms.Observe((yield self._term(condition, lookup)))
            case core.Variable(binder):
                return self.value(lookup(binder))
            case Lambda() | Delay():
                return self.function(node, lookup)
            case core.Bind(function, argument):
                return (yield self.call(function, (yield self._term(argument, lookup)), lookup))
            case core.Apply(function, argument):
                first = yield self._term(function, lookup)
                return terms.apply(first, ((yield self._term(argument, lookup)),))
            case core.Force(thunk):
                return terms.apply((yield self._term(thunk, lookup)), ())
            case core.If():
                return (yield self.choice(node, (yield self._term(node.condition, lookup)), lookup))
            case core.Unary(operator, operand):
                return terms.apply(terms.Primitive(operator), ((yield self._term(operand, lookup)),))
            case core.Binary("cons", _, _):
                return (yield self._pairs(node, lookup))
            case core.Binary(operator, left, right):
                first = yield self._term(left, lookup)
                return terms.apply(terms.Primitive(operator), (first, (yield self._term(right, lookup))))
        raise AssertionError(f"not a core node: {type(node).__name__}")

    def _pairs(self, node: Node, lookup: Lookup) -> _Writing:
        """Pairs as a list, where they end in the empty list as it stands in the text."""
        heads: list[Term] = []
        while isinstance(node, core.Binary) and node.operator == "cons":
            heads.append((yield self._term(node.left, lookup)))
            node = node.right
        if isinstance(node, core.Constant) and node.value is NIL:
            return terms.List(tuple(heads))
        last = yield self._term(node, lookup)
        for head in reversed(heads):
            last = terms.apply(terms.Primitive("cons"), (head, last))
        return last
