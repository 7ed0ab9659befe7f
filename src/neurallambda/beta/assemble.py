"""From terms to cells."""

from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from typing import Any

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cells import Cell, Cells, Column
from neurallambda.beta.names import Names, Origin
from neurallambda.beta.sheet import Sheet
from neurallambda.lang import terms
from neurallambda.lang.core import Unknown, unfilled_hole
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.lower import lower
from neurallambda.lang.normal.definitions import Group, Recursive, Scope, top_level
from neurallambda.lang.normal.given import is_given, is_operation
from neurallambda.lang.primitives import arity
from neurallambda.lang.random_forms import refuse_random_forms
from neurallambda.lang.scope import subterms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Function, Program, Term, Variable
from neurallambda.lang.trampoline import trampoline

_Writing = Generator[Any, Any, int]


def check_closed(program: Program, holes: Collection[str] = ()) -> None:
    """Refuse a program that is not closed, or that no engine takes.

    Args:
        program: the program.
        holes: the holes that are filled.

    Raises:
        ProgramError: `unbound`, where a name is neither bound, nor defined, nor in the prelude, or the definition of a
            value needs that value.
        SourceError: where a hole is not filled, or there is no expression.
    """
    refuse_random_forms(program, "NeuralBeta")
    lower(program)  # what every engine refuses: it is the same, and said in the same words
    for part in subterms(program):
        if isinstance(part, terms.Hole) and part.name not in holes:
            raise unfilled_hole(part.name, Unknown(part.name, at=part.at))


def assemble(source: str | Term) -> Cells:
    """Write a program as cells.

    A reference to a definition or to a function of a `letrec` is the address of its cell, so recursion is a cycle. A
    reference to a parameter is the address of the variable that the function owns, so names never clash.

    Args:
        source: the text of a program, a program, or an expression. Of a program, its last expression counts.

    Raises:
        SourceError: where the text is not a program, or the program has no expression.
        ProgramError: `out-of-steps`, for a name that is defined as itself.

    >>> for address, cell in enumerate(assemble("((fn [x] x) 42)").cells):
    ...     print(address, cell.tag.name, cell.first, cell.second)
    0 ROOT 1 None
    1 APPLY 2 4
    2 FUNCTION 3 3
    3 VARIABLE 3 None
    4 INTEGER 42 None
    """
    term = parse(source) if isinstance(source, str) else source
    refuse_random_forms(term, "NeuralBeta")
    program = term if isinstance(term, Program) else Program((term,))
    expressions = expressions_of(program.forms)
    assembler = _Assembler(top_level(program.forms))
    return replace(assembler.assembled(expressions[-1]), program=program)


class _Assembler:
    """Writes cells in the order of the text. `waiting` holds definitions that are referred to and not written yet."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.sheet = Sheet()
        self.definitions: dict[Recursive, int] = {}
        self.displays: dict[tuple[Group, tuple[str, ...]], tuple[dict[str, int], int]] = {}
        self.waiting: list[Recursive] = []

    def assembled(self, expression: Term) -> Cells:
        """The cells of a program."""
        root = self.sheet.reserve()
        first = trampoline(self.write(expression, Names(self.scope)))
        while self.waiting:
            self.define(self.waiting.pop())
        self.sheet.put(Cell(Tag.ROOT, first), root)
        return self.sheet.finished()

    def write(self, term: Term, names: Names, *, at: int | None = None, decides: bool = False) -> _Writing:
        """Write a term and give its address: the one reserved for it, unless the term is a reference.

        Args:
            term: the term.
            names: what names mean around it.
            at: an address that is reserved for it.
            decides: whether it is where the value of a function's body comes from, so that a recursive call may depend on
                what it waits for. There, what was given is told apart by a cell of its own.
        """
        if decides and is_given(term, names.is_function):
            return (yield self.node(Tag.GIVEN, (term,), names, at))
        match term:
            case terms.Integer(value):
                return self.sheet.put(Cell(Tag.INTEGER, value), at)
            case terms.Boolean(value):
                return self.sheet.put(Cell(Tag.TRUE if value else Tag.FALSE), at)
            case terms.Primitive(name):
                return self.sheet.put(Cell(Tag.UNARY if arity(name) == 1 else Tag.BINARY, name), at)
            case terms.Hole(name):
                return self.sheet.named(Tag.HOLE, name, at=at)
            case Variable(name):
                return self.reference(name, names)
            case terms.List(items):
                return (yield self.list(items, names, at))
            case Function():
                return (yield self.function(term, names, at))
            case terms.Apply(function, ()):
                return (yield self.node(Tag.FORCE, (function,), names, at, decides=decides))
            case terms.Apply(function, arguments):
                operates = decides and is_operation(term)
                return (yield self.application(function, arguments, names, at, decides=decides, operates=operates))
            case terms.If(condition, consequent, alternative):
                address = self.sheet.reserve() if at is None else at
                first = yield self.write(condition, names)
                second = yield self.node(Tag.BRANCH, (consequent, alternative), names, None, decides=decides)
                return self.sheet.put(Cell(Tag.IF, first, second), address)
            case terms.And(operands) | terms.Or(operands):
                is_and = isinstance(term, terms.And)
                end = terms.Boolean(is_and)
                return (yield self.operands(Tag.AND if is_and else Tag.OR, operands, end, names, at))
            case terms.Cond(clauses, alternative):
                return (yield self.clauses(clauses, alternative, names, at, decides=decides))
            case terms.Let(bindings, body) if bindings:
                (name, value), rest = bindings[0], bindings[1:]
                address = self.sheet.reserve() if at is None else at
                function = self.sheet.reserve()
                second = yield self.write(value, names)
                variable = self.sheet.named(Tag.VARIABLE, name)
                inner = yield self.write(terms.Let(rest, body), names.bind(name, variable), decides=decides)
                self.sheet.put(Cell(Tag.FUNCTION, variable, inner), function)
                return self.sheet.put(Cell(Tag.APPLY, function, second), address)
            case terms.Let(_, body):
                return (yield self.write(body, names, at=at, decides=decides))
            case terms.LetRec(bindings, body):
                group = Group(dict(bindings))
                inner = names
                for name, _ in bindings:
                    inner = inner.bind(name, self.sheet.reserve(), is_function=True)
                for name, function in bindings:
                    origin = Origin(group.members[name], names)
                    yield self.function(function, inner, inner.local[name].address, origin)
                return (yield self.write(body, inner, at=at, decides=decides))
        raise AssertionError(f"not an expression: {type(term).__name__}")

    def node(self, tag: Tag, parts: Sequence[Term], names: Names, at: int | None, *, decides: bool = False) -> _Writing:
        """A cell whose columns lead to the parts."""
        address = self.sheet.reserve() if at is None else at
        columns: list[Column] = []
        for part in parts:
            columns.append((yield self.write(part, names, decides=decides)))
        return self.sheet.put(Cell(tag, *columns), address)

    def application(
        self,
        function: Term,
        arguments: tuple[Term, ...],
        names: Names,
        at: int | None,
        *,
        decides: bool,
        operates: bool,
    ) -> _Writing:
        """An application to arguments, one by one. `operates` says that it waits where they do."""
        if not arguments:
            return (yield self.write(function, names, decides=decides))
        address = self.sheet.reserve() if at is None else at
        first = yield self.application(function, arguments[:-1], names, None, decides=decides, operates=operates)
        second = yield self.write(arguments[-1], names, decides=operates)
        return self.sheet.put(Cell(Tag.APPLY, first, second), address)

    def list(self, items: Sequence[Term], names: Names, at: int | None) -> _Writing:
        start = self.sheet.reserve() if at is None else at
        address = start
        for item in items:
            first = yield self.write(item, names)
            rest = self.sheet.reserve()
            self.sheet.put(Cell(Tag.PAIR, first, rest), address)
            address = rest
        self.sheet.put(Cell(Tag.NIL), address)
        return start

    def function(self, function: Function, names: Names, at: int | None, origin: Origin | None = None) -> _Writing:
        """A function, curried. A variable's second column is the parameter before it in the same list.

        `origin` is its definition, if it has one.
        """
        if origin is not None:
            names = Names(names.scope, names.local, in_function=True)
        address = start = self.sheet.reserve() if at is None else at
        variables: list[int] = []
        for index, name in enumerate(function.parameters):
            variable = self.sheet.named(Tag.VARIABLE, name, variables[-1] if variables else None)
            names = names.bind(name, variable)
            variables.append(variable)
            if index + 1 < len(function.parameters):
                inner = self.sheet.reserve()
                self.sheet.put(Cell(Tag.FUNCTION, variable, inner), address)
                address = inner
        is_recursive = origin is not None and origin.definition.is_recursive
        frame = self.sheet.reserve() if is_recursive else None
        body = called = yield self.write(function.body, names, decides=names.in_function)
        if origin is not None and frame is not None:
            call = yield self.call(origin, variables)
            called = self.sheet.put(Cell(Tag.BODY if variables else Tag.CALL, body, call), frame)
        cell = Cell(Tag.FUNCTION, variables[-1], called) if variables else Cell(Tag.DELAY, called, body)
        self.sheet.put(cell, address)
        return start

    def call(self, origin: Origin, arguments: Sequence[int]) -> _Writing:
        """How the call of a recursive function is written where it stays as it stands.

        By its name; where that means something else, in a `letrec` of its own.
        """
        definition = origin.definition
        if self.scope.find(definition.name) is definition:
            return self.sheet.applied(self.sheet.by_this_name(definition.name), arguments)
        address = self.sheet.reserve()
        variables, functions = yield self.display(origin)
        call = self.sheet.applied(variables[definition.name], arguments)
        return self.sheet.put(Cell(Tag.LETREC, call, functions), address)

    def display(self, origin: Origin) -> Generator[Any, Any, tuple[dict[str, int], int]]:
        """The functions of a `letrec` to show, as a chain: those that a function needs, with variables for their names."""
        group, needs = origin.definition.group, origin.definition.needs
        if (group, needs) not in self.displays:
            names = Names(origin.around.scope, origin.around.local)
            variables = {name: self.sheet.named(Tag.VARIABLE, name) for name in needs}
            for name, variable in variables.items():
                names = names.bind(name, variable)
            functions: list[int] = []
            for name in needs:
                functions.append((yield self.write(group.terms[name], names)))
            chain = self.sheet.put(Cell(Tag.NIL))
            for name, function in reversed(list(zip(needs, functions, strict=True))):
                chain = self.sheet.put(
                    Cell(Tag.BIND, variables[name], self.sheet.put(Cell(Tag.BRANCH, function, chain)))
                )
            self.displays[group, needs] = variables, chain
        return self.displays[group, needs]

    def operands(self, tag: Tag, operands: Sequence[Term], end: Term, names: Names, at: int | None) -> _Writing:
        """`and`, `or`, and the rest of them."""
        if not operands:
            return (yield self.write(end, names, at=at))
        start = address = self.sheet.reserve() if at is None else at
        for operand in operands:
            first = yield self.write(operand, names)
            rest = self.sheet.reserve()
            self.sheet.put(Cell(tag, first, rest), address)
            tag, address = Tag.REST, rest
        self.sheet.put(Cell(Tag.ELSE, (yield self.write(end, names))), address)
        return start

    def clauses(
        self, clauses: Sequence[tuple[Term, Term]], alternative: Term, names: Names, at: int | None, *, decides: bool
    ) -> _Writing:
        """`cond`, and the rest of one: a condition, then what it chooses and what comes after it."""
        if not clauses:
            return (yield self.write(alternative, names, at=at, decides=decides))
        start = address = self.sheet.reserve() if at is None else at
        tag = Tag.COND
        for condition, consequent in clauses:
            first = yield self.write(condition, names)
            branch = self.sheet.reserve()
            self.sheet.put(Cell(tag, first, branch), address)
            chosen = yield self.write(consequent, names, decides=decides)
            rest = self.sheet.reserve()
            self.sheet.put(Cell(Tag.BRANCH, chosen, rest), branch)
            tag, address = Tag.REST, rest
        self.sheet.put(Cell(Tag.ELSE, (yield self.write(alternative, names, decides=decides))), address)
        return start

    def reference(self, name: str, names: Names) -> int:
        """The address that a name stands for."""
        if name in names.local:
            return names.local[name].address
        definition = names.scope.find(name)
        if definition is None:
            return self.sheet.by_this_name(name)
        if definition not in self.definitions:
            self.definitions[definition] = self.sheet.reserve()
            self.waiting.append(definition)
        return self.definitions[definition]

    def define(self, definition: Recursive) -> None:
        """Write a definition at the address reserved for it, or note which other one it is a name for."""
        address, names = self.definitions[definition], Names(definition.group.environment)
        if isinstance(definition.term, Function):
            trampoline(self.function(definition.term, names, address, Origin(definition, names)))
            return
        written = trampoline(self.write(definition.term, names, at=address))
        if written != address:
            self.sheet.alias(address, written)
