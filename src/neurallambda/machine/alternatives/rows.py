"""The memory as a step reads it that is taken by several parts of each program at once."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.memory import Memory


@dataclass(frozen=True)
class Rows:
    """One memory for several parts of each program: a row for each part, the parts of a program one after another."""

    memory: Memory
    parts: int

    @property
    def layout(self) -> Layout:
        """How records are laid out."""
        return self.memory.layout

    @property
    def take_columns(self) -> Float[Tensor, "taken record"]:
        """From `Selection.taken` to the numbers of a record."""
        return self.memory.take_columns

    @property
    def code(self) -> Code:
        """The programs; of their cells a step reads no more than where variables point."""
        code = self.memory.code
        settled = self.spread(code.settled)
        return Code(settled[:, :, None], self.spread(code.variables), settled)

    @property
    def roles(self) -> Float[Tensor, "rows 3 addresses"]:
        """What stands at each address."""
        return self.spread(self.memory.roles)

    @property
    def per_role(self) -> Float[Tensor, "rows 2 addresses"]:
        """One over it."""
        return self.spread(self.memory.per_role)

    def read(self, pointers: Float[Tensor, "rows 2 addresses"]) -> Float[Tensor, "rows 2 record"]:
        """The records under control and continuation of each part."""
        return self._together(self.memory.read, pointers)

    def match(self, parameters: Float[Tensor, "rows 2 code"]) -> Float[Tensor, "rows 2 addresses"]:
        """How far each address binds each of two parameters of each part."""
        return self._together(self.memory.match, parameters)

    def spread(self, of_programs: Tensor) -> Tensor:
        """What belongs to programs, for each of their parts."""
        return of_programs.unsqueeze(1).expand(-1, self.parts, *of_programs.shape[1:]).flatten(0, 1)

    def _together(self, ask: Callable[[Tensor], Tensor], asked: Tensor) -> Tensor:
        """Ask for all parts of a program at once."""
        pairs = asked.unflatten(0, (-1, self.parts)).flatten(1, 2)
        return ask(pairs).unflatten(1, (self.parts, 2)).flatten(0, 1)
