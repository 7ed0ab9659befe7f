"""Lowering: a program becomes a core graph."""

from collections.abc import Generator
from typing import Any

from neurallambda.arguments import checked
from neurallambda.lang import core, terms
from neurallambda.lang.core import NIL, Bind, Binding, Constant, Delay, Lambda, Node, Operator, Scope
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.order import definition_order
from neurallambda.lang.prelude import link
from neurallambda.lang.random_forms import check_coin
from neurallambda.lang.terms import Define, Function, Position, Program, Term
from neurallambda.lang.trampoline import trampoline

Recursive = Generator[Any, Any, Any]


@checked
def lower(program: Program) -> Node:
    """The core graph of a program: prelude linked in, names resolved, sugar gone.

    Values are evaluated first, each after the values it needs; then the expressions, in order. The value of the last one
    is the program's.

    Raises:
        ProgramError: `unbound`, where a name has no definition or a value's definition needs that value.
        SourceError: where there is no expression to evaluate.
    """
    text = program.text
    own = {form.name for form in program.forms if isinstance(form, Define)}
    program = link(program)
    expressions = expressions_of(program.forms)
    definitions = {form.name: form for form in program.forms if isinstance(form, Define)}
    return trampoline(_Lowering().program(definitions, expressions, text, own))


class _Lowering:
    """One pass over a program. `names` holds what each name means here, the innermost meaning last."""

    def __init__(self) -> None:
        self.names: dict[str, list[Scope]] = {}
        self.scope: Scope | None = None
        self.coin: Node | None = None
        """The prelude's `flip`: only where the name means it is a call of it with two numbers a coin."""

    def open(self, name: str, node: Lambda | Delay, binding: Binding) -> None:
        self.scope = Scope(name, node, binding, self.scope)
        self.names.setdefault(name, []).append(self.scope)

    def close(self, name: str) -> None:
        self.scope = self.names[name].pop().outer

    def program(self, definitions: dict[str, Define], expressions: list[Term], text: str, own: set[str]) -> Recursive:
        """A function is placed just inside the values it needs; a value's depth is its rank in the order."""
        order = definition_order(definitions, text)
        functions: list[tuple[Function, Lambda | Delay]] = []
        for name, depth in order.functions:
            function = definitions[name].value
            assert isinstance(function, Function)
            shell = _shell(function, depth)
            if isinstance(shell, Lambda):
                shell.is_memo = definitions[name].is_memo
            functions.append((function, shell))
            self.open(name, functions[-1][1], Binding.DEFINITION)
            if name == "flip" and name not in own:
                self.coin = functions[-1][1]
        binders: list[Lambda] = []
        for name in order.values:
            binders.append(Lambda(name, definitions[name], depth=len(binders)))
            self.open(name, binders[-1], Binding.VARIABLE)
        for function, shell in functions:
            yield self.fill(shell, function)
        arguments: list[Node] = []
        for rank, name in enumerate(order.values):
            arguments.append((yield self.lower(definitions[name].value, rank)))
        for expression in expressions[:-1]:  # evaluated for its errors alone: nothing reads its parameter
            arguments.append((yield self.lower(expression, len(binders))))
            binders.append(Lambda("_", expression, depth=len(binders)))
        root = yield self.lower(expressions[-1], len(binders))
        return _nest(binders, arguments, root)

    def lower(self, term: Term, depth: int) -> Recursive:
        at = term.at
        match term:
            case terms.Integer(value) | terms.Boolean(value):
                return Constant(value, at=at)
            case terms.Primitive(name):
                return Constant(Operator(name), at=at)
            case terms.Hole(name):
                return core.Unknown(name, at=at)
            case terms.Sample(name):
                return core.Sample(name, at=at)
            case terms.Observe(condition):
                return core.Observe((yield self.lower(condition, depth)), at=at)
            case terms.Variable(name):
                node = self.names[name][-1].node
                if self.names[name][-1].binding is not Binding.VARIABLE:
                    return node
                assert isinstance(node, Lambda)
                return core.Variable(node, at=at)
            case terms.List(items):
                nodes = yield self.each(items, depth)
                return _fold("cons", nodes, Constant(NIL, at=at), at)
            case Function():
                shell = _shell(term, depth)
                yield self.fill(shell, term)
                return shell
            case terms.Apply(terms.Variable("flip"), (terms.Integer(heads), terms.Integer(sides))) if (
                self.coin is not None and self.names["flip"][-1].node is self.coin
            ):
                check_coin(heads, sides, at)
                return core.Flip(heads, sides, at=at)
            case terms.Apply(function, arguments):
                return (yield self.apply(function, arguments, depth, at))
            case terms.If(condition, consequent, alternative):
                nodes = yield self.each((condition, consequent, alternative), depth)
                return core.If(*nodes, at=condition.at)
            case terms.Let():
                return (yield self.let(term, depth))
            case terms.LetRec(bindings, body):
                shells = [_shell(function, depth) for _, function in bindings]
                for (name, _), shell in zip(bindings, shells, strict=True):
                    self.open(name, shell, Binding.DEFINITION)
                for (_, function), shell in zip(bindings, shells, strict=True):
                    yield self.fill(shell, function)
                node = yield self.lower(body, depth)
                for name, _ in reversed(bindings):
                    self.close(name)
                return node
            case terms.And(operands):
                nodes = yield self.each(operands, depth)
                return _connective("and", nodes, operands)
            case terms.Or(operands):
                nodes = yield self.each(operands, depth)
                return _connective("or", nodes, operands)
            case terms.Cond(clauses, alternative):
                pairs = []
                for clause in clauses:
                    pairs.append((yield self.each(clause, depth)))
                node = yield self.lower(alternative, depth)
                for (condition, consequent), (written, _) in zip(reversed(pairs), reversed(clauses), strict=True):
                    node = core.If(condition, consequent, node, "cond", at=written.at)
                return node
        raise AssertionError(f"not an expression: {type(term).__name__}")

    def each(self, items: tuple[Term, ...], depth: int) -> Recursive:
        nodes = []
        for item in items:
            nodes.append((yield self.lower(item, depth)))
        return nodes

    def fill(self, shell: Lambda | Delay, function: Function) -> Recursive:
        """Lower the body of a function whose node exists already, so that the body may refer to it."""
        shell.scope = self.scope
        if isinstance(shell, Delay):
            shell.body = yield self.lower(function.body, shell.depth)
            return
        self.open(shell.parameter, shell, Binding.VARIABLE)
        rest = function.parameters[1:]
        body = Function(rest, function.body, at=function.at) if rest else function.body
        shell.body = yield self.lower(body, shell.depth + 1)
        self.close(shell.parameter)

    def apply(self, function: Term, arguments: tuple[Term, ...], depth: int, at: Position | None) -> Recursive:
        operator = yield self.lower(function, depth)
        nodes = yield self.each(arguments, depth)
        if not nodes:
            return core.Force(operator, at=at)
        match operator, nodes:
            case Constant(Operator(name)), [operand, *rest] if name in terms.UNARY_PRIMITIVES:
                node: Node = core.Unary(name, operand, at=at)
            case Constant(Operator(name)), [left, right, *rest]:
                node = core.Binary(name, left, right, at=at)
            case Lambda(), [argument, *rest]:
                node = Bind(operator, argument, at=at)
            case _:
                node, rest = core.Apply(operator, nodes[0], at=at), nodes[1:]
        takes = _takes(operator)
        name = function.name if isinstance(function, (terms.Variable, terms.Primitive)) else None
        given = len(nodes) - len(rest)
        if takes == 0:
            assert isinstance(node, core.Apply)
            node.excess = core.Excess(name, 0, len(nodes))
        for argument in rest:
            is_excess = takes is not None and given >= takes
            node = core.Apply(node, argument, core.Excess(name, takes or 0, len(nodes)) if is_excess else None, at=at)
            given += 1
        return node

    def let(self, term: terms.Let, depth: int) -> Recursive:
        """A name bound to a function means that function; any other is a variable."""
        binders: list[Lambda] = []
        arguments: list[Node] = []
        for name, value in term.bindings:
            node = yield self.lower(value, depth + len(binders))
            if isinstance(value, Function):
                self.open(name, node, Binding.LOCAL)
                continue
            arguments.append(node)
            binders.append(Lambda(name, term, depth=depth + len(binders), at=value.at))
            binders[-1].scope = self.scope
            self.open(name, binders[-1], Binding.VARIABLE)
        body = yield self.lower(term.body, depth + len(binders))
        for name, _ in reversed(term.bindings):
            self.close(name)
        return _nest(binders, arguments, body)


def _shell(function: Function, depth: int) -> Lambda | Delay:
    if not function.parameters:
        return Delay(function, depth=depth, at=function.at)
    return Lambda(function.parameters[0], function, depth=depth, at=function.at)


def _nest(binders: list[Lambda], arguments: list[Node], body: Node) -> Node:
    """Bind each argument in turn around `body`."""
    for binder, argument in zip(reversed(binders), reversed(arguments), strict=True):
        binder.body = body
        body = Bind(binder, argument, at=binder.at)
    return body


def _fold(operator: str, nodes: list[Node], last: Node, at: Position | None) -> Node:
    for node in reversed(nodes):
        last = core.Binary(operator, node, last, at=at)
    return last


def _takes(operator: Node) -> int | None:
    """How many arguments a function takes that is known where it is called."""
    match operator:
        case Constant(Operator(name)):
            return 1 if name in terms.UNARY_PRIMITIVES else 2
        case Lambda(source=Function(parameters)) | Delay(source=Function(parameters)):
            return len(parameters)
        case _:
            return None


def _connective(word: str, nodes: list[Node], operands: tuple[Term, ...]) -> Node:
    """`and` / `or` as nested `if`s; the last operand too must be a boolean, so it is tested as well."""
    rest: Node = Constant(word == "and")
    for node, operand in zip(reversed(nodes), reversed(operands), strict=True):
        decided = Constant(word == "or")
        rest = core.If(node, *((rest, decided) if word == "and" else (decided, rest)), word, at=operand.at)
    return rest
