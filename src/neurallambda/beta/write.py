"""From cells back to terms, with names chosen as in `lang.normalize`."""

from collections.abc import Collection, Generator, Sequence
from typing import Any

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cells import ROOT, Cell, Column
from neurallambda.errors import NeurallambdaError
from neurallambda.lang import terms
from neurallambda.lang.normal import compound
from neurallambda.lang.normal.naming import Keys, Reference, Sketch, binder, branch, choose_names
from neurallambda.lang.terms import Boolean, Hole, If, Integer, List, Primitive, Term
from neurallambda.lang.trampoline import trampoline


class UnreadableError(NeurallambdaError):
    """Cells that are no term: what a codebook with too much noise leaves behind."""


def to_term(cells: Sequence[Cell], names: dict[int, str], *, opened: Collection[int] | None = None) -> Term:
    """The term that the root's first column leads to.

    Args:
        cells: the cell at each address.
        names: what the addresses in the first columns of names, holes and variables stand for.
        opened: the addresses that reduction is at, of a term on its way: a call of a recursive function that is among them is
            written as what it unfolds to, and a recursive function that is not, by its name. None: of a result, where a call
            is written as a call, and a function by its name only within itself, where it would have no end.

    Raises:
        UnreadableError: where a reference leads to what cannot stand there, or cells contain themselves.
    """
    writer = _Writer(cells, names, opened)
    if cells[ROOT].tag is not Tag.ROOT:
        raise UnreadableError("the root is no root any more")
    sketch = trampoline(writer.write(cells[ROOT].first, ()))
    return choose_names(sketch, writer.keys)


class _Writer:
    """`scope` holds the variables around a part, outermost first. A shared part is written once in each scope."""

    def __init__(self, cells: Sequence[Cell], names: dict[int, str], opened: Collection[int] | None) -> None:
        self.cells = cells
        self.names = names
        self.opened = opened
        self.keys = Keys()
        self.written: dict[tuple[Column, tuple[int, ...]], Sketch] = {}
        self.around: set[Column] = set()
        """What is being written: a part that leads back to it, in whatever scope, would go on without an end."""

    def write(self, address: Column, scope: tuple[int, ...]) -> Generator[Any, Any, Sketch]:
        key = (address, scope)
        if key in self.written:
            return self.written[key]
        if address in self.around or (self.opened is not None and address not in self.opened):
            called = self.called(address)
            if called is not None:
                return (yield self.sketch(called, scope, address))
            if address in self.around:
                raise UnreadableError("a part contains itself")
        self.around.add(address)
        self.written[key] = yield self.sketch(self.cell(address), scope, address)
        self.around.remove(address)
        return self.written[key]

    def called(self, address: Column) -> Cell | None:
        """What stands for a function of a definition: the call in its body, without the function's own variables."""
        cell = self.cell(address)
        if cell.tag is Tag.DELAY and (called := self.cell(cell.first)).tag is Tag.CALL:
            return self.without(called.second, [])
        variables: list[Column] = []
        while cell.tag is Tag.FUNCTION and len(variables) < len(self.cells):
            variables.append(cell.first)
            cell = self.cell(cell.second)
        return self.without(cell.second, variables) if variables and cell.tag is Tag.BODY else None

    def without(self, address: Column, variables: list[Column]) -> Cell | None:
        """A call without its last arguments, where they are these variables; of none, without its forcing."""
        cell = self.cell(address)
        if cell.tag is Tag.LETREC:
            called = self.function_of(cell.first, variables)
            return None if called is None else Cell(Tag.LETREC, called, cell.second)
        called = self.function_of(address, variables)
        return None if called is None else self.cell(called)

    def function_of(self, address: Column, variables: list[Column]) -> Column:
        """The address of what is called; None where the arguments are others."""
        if not variables:
            cell = self.cell(address)
            return cell.first if cell.tag is Tag.FORCE else None
        for variable in reversed(variables):
            cell = self.cell(address)
            if cell.tag is not Tag.APPLY or cell.second != variable:
                return None
            address = cell.first
        return address

    def cell(self, address: Column) -> Cell:
        if not isinstance(address, int) or address not in range(len(self.cells)):
            raise UnreadableError(f"{address!r} is no address")
        return self.cells[address]

    def sketch(self, cell: Cell, scope: tuple[int, ...], address: Column) -> Generator[Any, Any, Sketch]:
        match cell:
            case Cell(Tag.INTEGER, int(value)):
                return Integer(value)
            case Cell(Tag.TRUE | Tag.FALSE as tag):
                return Boolean(tag is Tag.TRUE)
            case Cell(Tag.NIL):
                return List()
            case Cell(Tag.UNARY | Tag.BINARY, str(name)):
                return Primitive(name)
            case Cell(Tag.HOLE, int(symbol)) if symbol in self.names:
                return Hole(self.names[symbol])
            case Cell(Tag.NAME, int(symbol)) if symbol in self.names:
                return self.reference(self.names[symbol])
            case Cell(Tag.VARIABLE) if address in scope:
                assert isinstance(address, int)
                return self.reference(len(scope) - 1 - scope[::-1].index(address))
            case Cell(Tag.FUNCTION):
                return (yield self.function(cell, scope))
            case Cell(Tag.CALL, unfolded) if self.opened is not None and address in self.opened:
                return (yield self.write(unfolded, scope))
            case Cell(Tag.GIVEN | Tag.BODY, shown) | Cell(Tag.CALL, _, shown):
                return (yield self.write(shown, scope))
            case Cell(Tag.LETREC):
                return (yield self.letrec(cell, scope))
            case Cell(Tag.PAIR):
                return (yield self.pairs(cell, scope))
            case Cell(Tag.DELAY, _, body):
                return branch(compound.thunk, (yield self.each((body,), scope)))
            case Cell(Tag.FORCE, thunk):
                return branch(compound.forcing, (yield self.each((thunk,), scope)))
            case Cell(Tag.APPLY | Tag.PARTIAL, function, argument):
                return branch(compound.application, (yield self.each((function, argument), scope)))
            case Cell(Tag.IF, condition, arms):
                arm = self.expect(arms, Tag.BRANCH)
                return branch(If, (yield self.each((condition, arm.first, arm.second), scope)))
            case Cell(Tag.AND | Tag.OR as tag, _, _):
                parts = (yield self.each(self.operands(cell), scope))[:-1]
                return branch(compound.conjunction if tag is Tag.AND else compound.disjunction, parts)
            case Cell(Tag.COND, _, _):
                return branch(compound.conditional, (yield self.each(self.clauses(cell), scope)))
        raise UnreadableError(f"{cell.tag.name.lower()} at A{address} is no expression")

    def each(self, addresses: Sequence[Column], scope: tuple[int, ...]) -> Generator[Any, Any, list[Sketch]]:
        sketches: list[Sketch] = []
        for address in addresses:
            sketches.append((yield self.write(address, scope)))
        return sketches

    def reference(self, key: int | str) -> Reference:
        return Reference(key, self.keys.bit(key))

    def function(self, cell: Cell, scope: tuple[int, ...]) -> Generator[Any, Any, Sketch]:
        """A function with all parameters of its list that are still there."""
        level, hints = len(scope), []
        while True:
            variable = self.expect(cell.first, Tag.VARIABLE)
            assert isinstance(cell.first, int)
            hints.append(self.name(variable))
            scope = (*scope, cell.first)
            inner = self.cell(cell.second)
            if inner.tag is not Tag.FUNCTION or self.expect(inner.first, Tag.VARIABLE).second != variable.first:
                break
            if len(hints) > len(self.cells):
                raise UnreadableError("a function contains itself")
            cell = inner
        body = yield self.write(cell.second, scope)
        return binder(terms.function, tuple(hints), level, (body,), self.keys)

    def pairs(self, cell: Cell, scope: tuple[int, ...]) -> Generator[Any, Any, Sketch]:
        """A list, or pairs that end in something else."""
        items: list[Sketch] = []
        rest: Column = None
        while cell.tag is Tag.PAIR:
            if len(items) > len(self.cells):
                raise UnreadableError("a list contains itself")
            items.append((yield self.write(cell.first, scope)))
            rest = cell.second
            cell = self.cell(rest)
        if cell.tag is Tag.NIL:
            return branch(compound.elements, items)
        sketch = yield self.write(rest, scope)
        for item in reversed(items):
            sketch = branch(compound.application, (Primitive("cons"), item, sketch))
        return sketch

    def letrec(self, cell: Cell, scope: tuple[int, ...]) -> Generator[Any, Any, Sketch]:
        """A call, in the scope of functions that is written around it."""
        level, hints, functions = len(scope), list[str](), list[Column]()
        rest = self.expect(cell.second, Tag.BIND, Tag.NIL)
        while rest.tag is Tag.BIND:
            if len(hints) > len(self.cells):
                raise UnreadableError("a `letrec` contains itself")
            variable, branch = self.expect(rest.first, Tag.VARIABLE), self.expect(rest.second, Tag.BRANCH)
            assert isinstance(rest.first, int)
            hints.append(self.name(variable))
            functions.append(branch.first)
            scope = (*scope, rest.first)
            rest = self.expect(branch.second, Tag.BIND, Tag.NIL)
        parts = yield self.each((*functions, cell.first), scope)
        return binder(compound.recursive, tuple(hints), level, tuple(parts), self.keys)

    def name(self, variable: Cell) -> str:
        """What a variable was called in the text."""
        if not isinstance(variable.first, int) or variable.first not in self.names:
            raise UnreadableError("a variable has no name")
        return self.names[variable.first]

    def expect(self, address: Column, *tags: Tag) -> Cell:
        cell = self.cell(address)
        if cell.tag not in tags:
            raise UnreadableError(f"{cell.tag.name.lower()} at A{address} stands where {tags[0].name.lower()} should")
        return cell

    def operands(self, cell: Cell) -> list[Column]:
        """The operands of `and` or `or`, and what is left when there are no more."""
        found = [cell.first]
        while (cell := self.expect(cell.second, Tag.REST, Tag.ELSE)).tag is Tag.REST and len(found) < len(self.cells):
            found.append(cell.first)
        return [*found, cell.first]

    def clauses(self, cell: Cell) -> list[Column]:
        """Condition and consequent of each clause of `cond`, and the alternative."""
        found: list[Column] = []
        while cell.tag is not Tag.ELSE and len(found) < 2 * len(self.cells):
            chosen = self.expect(cell.second, Tag.BRANCH)
            found += [cell.first, chosen.first]
            cell = self.expect(chosen.second, Tag.REST, Tag.ELSE)
        return [*found, cell.first]
