"""Assembling: a core graph becomes cells at addresses.

A cell is `(tag, operator or literal, up to three pointers)`. The address of a function is the name of its parameter, so
scope is by construction and nothing is ever renamed; a recursive program's cells point in a cycle. Equal atoms and equal
variables share a cell. Address 0 holds the frame that waits for the program's value, address 1 the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from neurallambda.lang import core
from neurallambda.lang.core import Lambda, Node, Operator
from neurallambda.lang.given_values import value_of
from neurallambda.lang.terms import UNARY_PRIMITIVES
from neurallambda.machine.alphabet import Field, Tag

HALT_ADDRESS = 0
ROOT_ADDRESS = 1


@dataclass(frozen=True)
class Cell:
    """One cell of code, and the node it came from."""

    tag: Tag
    operator: str | None = None
    literal: int | None = None
    hole: str | None = None
    first: int | None = None
    second: int | None = None
    third: int | None = None
    node: Node | None = None

    def pointer(self, field: Field) -> int | None:
        """One of the three pointers, by name."""
        return getattr(self, field)


@dataclass(frozen=True)
class Cells:
    """The code of one program; a cell's index is its address."""

    cells: tuple[Cell, ...]
    parameters: Mapping[Lambda, int]
    """The address that names each function's parameter."""
    text: str = ""
    """What the positions of the nodes are places in."""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def holes(self) -> tuple[str, ...]:
        """The names of the holes, in order of appearance."""
        return tuple(dict.fromkeys(cell.hole for cell in self.cells if cell.hole is not None))

    def filled(self, holes: Mapping[str, int | bool | str]) -> "Cells":
        """The same cells, with a value in the place of each hole that has one."""
        cells = (
            cell
            if cell.hole is None or cell.hole not in holes
            else replace(_constant(value_of(holes[cell.hole])), node=cell.node)
            for cell in self.cells
        )
        return replace(self, cells=tuple(cells))

    @cached_property
    def functions(self) -> Mapping[int, Lambda]:
        """The function whose parameter each address names."""
        return {address: function for function, address in self.parameters.items()}


def assemble(root: Node, text: str = "") -> Cells:
    """Give every reachable node an address and write it as a cell; `text` is where the nodes come from."""
    addresses = _Addresses(root)
    cells = [Cell(Tag.HALT)] + [_cell(node, addresses) for node in addresses.nodes]
    return Cells(tuple(cells), addresses.parameters, text)


class _Addresses:
    """The address of every node, in preorder from the root; nodes that say the same share one."""

    def __init__(self, root: Node) -> None:
        self.nodes: list[Node] = []
        self.by_key: dict[object, int] = {}
        self.parameters: dict[Lambda, int] = {}
        todo = [root]
        while todo:
            node = todo.pop()
            if _key(node) not in self.by_key:
                self.nodes.append(node)
                self.by_key[_key(node)] = len(self.nodes)  # address 0 is taken
                todo.extend(reversed(_parts(node)))
        # A parameter is named by its function's cell, or where the function is only called, by its first call.
        for node in self.nodes:
            if isinstance(node, core.Bind):
                self.parameters.setdefault(node.function, self.by_key[_key(node)])
        for node in self.nodes:
            if isinstance(node, Lambda):
                self.parameters[node] = self.by_key[_key(node)]

    def __getitem__(self, node: Node) -> int:
        return self.by_key[_key(node)]


def _key(node: Node) -> object:
    match node:
        case core.Constant(value):
            return (core.Constant, type(value), value)
        case core.Unknown(name):
            return (core.Unknown, name)
        case core.Variable(binder):
            return (core.Variable, binder)
        case _:
            return node


def _parts(node: Node) -> list[Node]:
    match node:
        case Lambda(body=body) | core.Delay(body=body):
            return [body]
        case core.Bind(function, argument):
            return [argument, function.body]
        case core.Apply(first, second) | core.Binary(_, first, second):
            return [first, second]
        case core.Force(operand) | core.Unary(_, operand):
            return [operand]
        case core.If(condition, consequent, alternative):
            return [condition, consequent, alternative]
        case _:
            return []


def _cell(node: Node, at: _Addresses) -> Cell:
    parts = [at[part] for part in _parts(node)]
    cell = Cell(Tag.NONE, **dict(zip(("first", "second", "third"), parts, strict=False)), node=node)
    match node:
        case core.Constant(value):
            return replace(_constant(value), node=node)
        case core.Unknown(name):
            return replace(cell, hole=name)
        case core.Variable(binder):
            return replace(cell, tag=Tag.VARIABLE, first=at.parameters[binder])
        case Lambda():
            return replace(cell, tag=Tag.FUNCTION, second=at.parameters[node])
        case core.Bind(function, _):
            return replace(cell, tag=Tag.BIND, third=at.parameters[function])
        case core.Unary(operator, _):
            return replace(cell, tag=Tag.UNARY, operator=operator)
        case core.Binary(operator, _, _):
            return replace(cell, tag=Tag.BINARY, operator=operator)
        case core.Delay():
            return replace(cell, tag=Tag.DELAY, second=at[node])
        case core.Apply():
            return replace(cell, tag=Tag.APPLY)
        case core.Force():
            return replace(cell, tag=Tag.FORCE)
        case core.If():
            return replace(cell, tag=Tag.IF)
    raise AssertionError(f"not a core node: {type(node).__name__}")


def _constant(value: object) -> Cell:
    """An atom as a cell."""
    match value:
        case bool():
            return Cell(Tag.TRUE if value else Tag.FALSE)
        case int():
            return Cell(Tag.INTEGER, literal=value)
        case Operator(name):
            return Cell(Tag.UNARY_PRIMITIVE if name in UNARY_PRIMITIVES else Tag.BINARY_PRIMITIVE, operator=name)
    return Cell(Tag.NIL)
