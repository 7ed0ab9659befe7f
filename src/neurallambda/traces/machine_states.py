"""States of the machine read back as terms, whoever stepped it: records that wait become the text around a value."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from neurallambda.lang import core
from neurallambda.lang.core import Lambda
from neurallambda.lang.terms import Primitive, Term, apply
from neurallambda.lang.unlower import Unlowering, definition_names
from neurallambda.lang.values import Value
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.assemble import HALT_ADDRESS, ROOT_ADDRESS, Cells
from neurallambda.traces.contexts import (
    AWAITED,
    LARGEST,
    Around,
    Waiting,
    around_term,
    call_of,
    constant,
    first_of,
    function_for,
    second_of,
)
from neurallambda.traces.pictures import Json

Lookup = Callable[[Lambda], Value]


def code_cell(cell: Json, code: Cells, address: int) -> Json:
    """A cell of code as the trace has it, with the name of the parameter that it binds."""
    written = code.cells[address]
    bound = {Tag.FUNCTION: written.second, Tag.BIND: written.third}.get(written.tag)
    if bound is None:
        return cell
    name = code.functions[bound].parameter
    return {**cell, "columns": {**cell.get("columns", {}), "parameter": [[name, 1.0]]}}


class StateReader(ABC):
    """Reads what waits in memory. What a record holds is asked of whoever has the memory.

    Args:
        cells: the program.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        root = cells.cells[ROOT_ADDRESS].node
        assert root is not None
        self.unlowering = Unlowering(definition_names(root), limit=LARGEST)
        self.choices = {
            (cell.second, cell.third): cell.node
            for cell in cells.cells
            if cell.tag is Tag.IF and isinstance(cell.node, core.If)
        }
        self.waiting: dict[int, Waiting] = {}
        self.refused: dict[int, int] = {}
        """What control stood on when a record was written: the frame that refuses what is no function does not keep it."""

    @abstractmethod
    def frame(self, address: int) -> Tag:
        """Which frame stands at an address."""

    @abstractmethod
    def operator(self, address: int) -> str:
        """The operator of a record."""

    @abstractmethod
    def target(self, address: int, field: Field) -> int:
        """The address that a pointer of a record leads to."""

    @abstractmethod
    def environment(self, address: int) -> Any:
        """The environment of a record, as `lookup` takes it."""

    @abstractmethod
    def lookup(self, environment: Any) -> Lookup:
        """Reads variables in an environment."""

    @abstractmethod
    def value(self, address: int) -> Value:
        """The value at an address."""

    def waits(self, address: int) -> Waiting | None:
        """What waits at an address, with all that waits for its value in turn."""
        chain: list[int] = []
        while address != HALT_ADDRESS and address not in self.waiting:
            chain.append(address)
            address = self.target(address, Field.LINK)
        outer = self.waiting.get(address)
        for one in reversed(chain):
            outer = self.waiting[one] = Waiting(self.around(one), outer, f"A{one}")
        return outer

    def around(self, address: int) -> Callable[[str], Around]:
        """The text around the value that a frame waits for."""
        unlowering = self.unlowering
        match self.frame(address):
            case Tag.CALL:
                function = self.cells.functions[self.target(address, Field.SECOND)]
                return constant(around_term(unlowering.let_around(function, AWAITED, self.sight(address))))
            case Tag.ARGUMENT:
                return function_for(self.code(address))
            case Tag.OPERAND:
                return first_of(self.operator(address), self.code(address))
            case Tag.BRANCH:
                node = self.choices[self.target(address, Field.FIRST), self.target(address, Field.SECOND)]
                return constant(around_term(unlowering.choice_around(node, AWAITED, self.sight(address))))
            case Tag.SECTION | Tag.COMPUTE_UNARY:
                return call_of(Primitive(self.operator(address)))
            case Tag.COMPUTE_BINARY:
                held = self.value(self.target(address, Field.VALUE))
                return second_of(self.operator(address), unlowering.value(held))
            case Tag.FORCING:
                return constant(around_term(apply(AWAITED, ())))
            case _:
                return call_of(unlowering.value(self.value(self.refused[address])))

    def code(self, address: int) -> Term:
        """The code that a record has in its first field, its variables read."""
        node = self.cells.cells[self.target(address, Field.FIRST)].node
        assert node is not None
        return self.unlowering.term(node, self.sight(address))

    def sight(self, address: int) -> Lookup:
        """Reads variables in the environment of a record."""
        return self.lookup(self.environment(address))
