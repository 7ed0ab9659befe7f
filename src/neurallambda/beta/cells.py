"""From terms to cells: a program as a graph of cells with two columns."""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neurallambda.beta.alphabet import POINTS_FIRST, POINTS_SECOND, Tag
from neurallambda.errors import ErrorKind, ProgramError, SourceError
from neurallambda.lang import terms
from neurallambda.lang.core import Unknown, unfilled_hole
from neurallambda.lang.parser import parse
from neurallambda.lang.prelude import link, prelude
from neurallambda.lang.scope import subterms
from neurallambda.lang.terms import UNARY_PRIMITIVES, Define, Function, Program, Term, Variable
from neurallambda.lang.trampoline import trampoline

ROOT = 0
"""The address of the root, whose first column is the program."""

Column = int | str | None
"""An address, an integer or an operator, as the cell's tag says; None is nothing."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A tag and two columns. A cell that stands for a name has its own address in the first one, as a symbol for the name."""

    tag: Tag = Tag.FREE
    first: Column = None
    second: Column = None


@dataclass(frozen=True)
class Cells:
    """A program as cells.

    Attributes:
        cells: the cell at each address.
        names: what the addresses in the first columns of names, holes and variables stand for.
    """

    cells: tuple[Cell, ...]
    names: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def operators(self) -> frozenset[str]:
        """The primitives that occur."""
        return frozenset(str(cell.first) for cell in self.cells if cell.tag in (Tag.UNARY, Tag.BINARY))


def check_closed(program: Program, holes: Collection[str] = ()) -> None:
    """Refuse a program that is not closed.

    Args:
        program: the program.
        holes: the holes that are filled.

    Raises:
        ProgramError: `unbound`, where a name is neither bound, nor defined, nor in the prelude.
        SourceError: where a hole is not filled.
    """
    link(program)
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
    program = term if isinstance(term, Program) else Program((term,))
    expressions = [form for form in program.forms if not isinstance(form, Define)]
    if not expressions:
        raise SourceError("the program has definitions only; add an expression to normalize")
    library = _Scope(prelude(), None)
    scope = _Scope({form.name: form for form in program.forms if isinstance(form, Define)}, library)
    assembler = _Assembler()
    assembler.reserve()
    first = trampoline(assembler.write(expressions[-1], _Names(scope)))
    while assembler.waiting:
        assembler.define(*assembler.waiting.pop())
    return assembler.finish(first)


@dataclass(eq=False)
class _Scope:
    """Top-level definitions, and where those that they need have got to."""

    definitions: Mapping[str, Define]
    outer: "_Scope | None"
    addresses: dict[str, int] = field(default_factory=dict)

    def find(self, name: str) -> "_Scope | None":
        """The scope that defines a name."""
        return self if name in self.definitions else self.outer and self.outer.find(name)


@dataclass(frozen=True)
class _Names:
    """What names mean at a place: the addresses of local ones, then top-level definitions."""

    scope: _Scope
    local: Mapping[str, int] = field(default_factory=dict)

    def bind(self, name: str, address: int) -> "_Names":
        return _Names(self.scope, {**self.local, name: address})


class _Assembler:
    """Writes cells in the order of the text. `waiting` holds definitions that are referred to and not written yet."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.names: dict[int, str] = {}
        self.free: dict[str, int] = {}
        self.aliases: dict[Column, int] = {}
        self.waiting: list[tuple[int, str, _Scope]] = []

    def reserve(self) -> int:
        """The address of a cell that is written later."""
        self.cells.append(Cell())
        return len(self.cells) - 1

    def put(self, cell: Cell, at: int | None = None) -> int:
        address = self.reserve() if at is None else at
        self.cells[address] = cell
        return address

    def named(self, tag: Tag, name: str, second: Column = None, *, at: int | None = None) -> int:
        address = self.reserve() if at is None else at
        self.names[address] = name
        return self.put(Cell(tag, address, second), at=address)

    def write(self, term: Term, names: _Names, *, at: int | None = None) -> Generator[Any, Any, int]:
        """Write a term and give its address: the one reserved for it, unless the term is a reference."""
        match term:
            case terms.Integer(value):
                return self.put(Cell(Tag.INTEGER, value), at)
            case terms.Boolean(value):
                return self.put(Cell(Tag.TRUE if value else Tag.FALSE), at)
            case terms.Primitive(name):
                return self.put(Cell(Tag.UNARY if name in UNARY_PRIMITIVES else Tag.BINARY, name), at)
            case terms.Hole(name):
                return self.named(Tag.HOLE, name, at=at)
            case Variable(name):
                return self.reference(name, names)
            case terms.List(items):
                return (yield self.list(items, names, at))
            case Function(parameters, body):
                return (yield self.function(parameters, body, names, at))
            case terms.Apply(function, ()):
                address = self.reserve() if at is None else at
                return self.put(Cell(Tag.FORCE, (yield self.write(function, names))), address)
            case terms.Apply(function, (*before, argument)):
                inner = terms.Apply(function, tuple(before)) if before else function
                return (yield self.node(Tag.APPLY, (inner, argument), names, at))
            case terms.If(condition, consequent, alternative):
                address = self.reserve() if at is None else at
                first = yield self.write(condition, names)
                second = yield self.node(Tag.BRANCH, (consequent, alternative), names, None)
                return self.put(Cell(Tag.IF, first, second), address)
            case terms.And(operands) | terms.Or(operands):
                is_and = isinstance(term, terms.And)
                end = terms.Boolean(is_and)
                return (yield self.operands(Tag.AND if is_and else Tag.OR, operands, end, names, at))
            case terms.Cond(clauses, alternative):
                return (yield self.clauses(Tag.COND, clauses, alternative, names, at))
            case terms.Let(bindings, body) if bindings:
                (name, value), rest = bindings[0], bindings[1:]
                address = self.reserve() if at is None else at
                function = self.reserve()
                second = yield self.write(value, names)
                variable = self.named(Tag.VARIABLE, name)
                inner = yield self.write(terms.Let(rest, body), names.bind(name, variable))
                self.put(Cell(Tag.FUNCTION, variable, inner), function)
                return self.put(Cell(Tag.APPLY, function, second), address)
            case terms.Let(_, body):
                return (yield self.write(body, names, at=at))
            case terms.LetRec(bindings, body):
                for name, _ in bindings:
                    names = names.bind(name, self.reserve())
                for name, value in bindings:
                    yield self.write(value, names, at=names.local[name])
                return (yield self.write(body, names, at=at))
        raise AssertionError(f"not an expression: {type(term).__name__}")

    def node(self, tag: Tag, parts: Sequence[Term], names: _Names, at: int | None) -> Generator[Any, Any, int]:
        address = self.reserve() if at is None else at
        first = yield self.write(parts[0], names)
        second = yield self.write(parts[1], names)
        return self.put(Cell(tag, first, second), address)

    def list(self, items: Sequence[Term], names: _Names, at: int | None) -> Generator[Any, Any, int]:
        start = self.reserve() if at is None else at
        address = start
        for item in items:
            first = yield self.write(item, names)
            rest = self.reserve()
            self.put(Cell(Tag.PAIR, first, rest), address)
            address = rest
        self.put(Cell(Tag.NIL), address)
        return start

    def function(
        self, parameters: tuple[str, ...], body: Term, names: _Names, at: int | None
    ) -> Generator[Any, Any, int]:
        """A function, curried. A variable's second column is the parameter before it in the same list."""
        address = self.reserve() if at is None else at
        if not parameters:
            return self.put(Cell(Tag.DELAY, None, (yield self.write(body, names))), address)
        start, previous = address, None
        for index, name in enumerate(parameters):
            variable = self.named(Tag.VARIABLE, name, previous)
            names = names.bind(name, variable)
            previous = variable
            if index + 1 < len(parameters):
                inner = self.reserve()
                self.put(Cell(Tag.FUNCTION, variable, inner), address)
                address = inner
            else:
                self.put(Cell(Tag.FUNCTION, variable, (yield self.write(body, names))), address)
        return start

    def operands(
        self, tag: Tag, operands: Sequence[Term], end: Term, names: _Names, at: int | None
    ) -> Generator[Any, Any, int]:
        """`and`, `or`, and the rest of them."""
        if not operands:
            return (yield self.write(end, names, at=at))
        start = address = self.reserve() if at is None else at
        for operand in operands:
            first = yield self.write(operand, names)
            rest = self.reserve()
            self.put(Cell(tag, first, rest), address)
            tag, address = Tag.REST, rest
        self.put(Cell(Tag.ELSE, (yield self.write(end, names))), address)
        return start

    def clauses(
        self,
        tag: Tag,
        clauses: Sequence[tuple[Term, Term]],
        alternative: Term,
        names: _Names,
        at: int | None,
    ) -> Generator[Any, Any, int]:
        """`cond`, and the rest of one: a condition, then what it chooses and what comes after it."""
        if not clauses:
            return (yield self.write(alternative, names, at=at))
        start = address = self.reserve() if at is None else at
        for condition, consequent in clauses:
            first = yield self.write(condition, names)
            branch = self.reserve()
            self.put(Cell(tag, first, branch), address)
            chosen = yield self.write(consequent, names)
            rest = self.reserve()
            self.put(Cell(Tag.BRANCH, chosen, rest), branch)
            tag, address = Tag.REST, rest
        self.put(Cell(Tag.ELSE, (yield self.write(alternative, names))), address)
        return start

    def reference(self, name: str, names: _Names) -> int:
        """The address that a name stands for."""
        if name in names.local:
            return names.local[name]
        home = names.scope.find(name)
        if home is None:
            if name not in self.free:
                self.free[name] = self.named(Tag.NAME, name)
            return self.free[name]
        if name not in home.addresses:
            home.addresses[name] = self.reserve()
            self.waiting.append((home.addresses[name], name, home))
        return home.addresses[name]

    def define(self, address: int, name: str, home: _Scope) -> None:
        """Write a definition at the address reserved for it, or note which other one it is a name for."""
        written = trampoline(self.write(home.definitions[name].value, _Names(home), at=address))
        if written != address:
            self.aliases[address] = written

    def resolve(self, column: Column) -> Column:
        """The address that a reference leads to."""
        seen: list[Column] = []
        while column in self.aliases:
            if column in seen:
                raise ProgramError(ErrorKind.OUT_OF_STEPS, "a name is defined as itself")
            seen.append(column)
            column = self.aliases[column]
        return column

    def finish(self, first: int) -> Cells:
        """The cells of the program whose expression is at `first`."""
        self.cells[ROOT] = Cell(Tag.ROOT, first)
        return Cells(tuple(map(self.resolved, self.cells)), self.names)

    def resolved(self, cell: Cell) -> Cell:
        """The cell with its references resolved."""
        first = self.resolve(cell.first) if cell.tag in POINTS_FIRST else cell.first
        second = self.resolve(cell.second) if cell.tag in POINTS_SECOND else cell.second
        return Cell(cell.tag, first, second)
