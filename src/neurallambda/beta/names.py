"""What names mean while a program is written as cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from neurallambda.lang.normal.definitions import Recursive, Scope
from neurallambda.lang.terms import Function


class Place(NamedTuple):
    """Where a local name leads: an address, and whether it is that of a function of a `letrec`."""

    address: int
    is_function: bool


@dataclass(frozen=True)
class Names:
    """What names mean at a place in a program: the addresses of local ones, then top-level definitions.

    Attributes:
        scope: the definitions.
        local: parameters, and the functions of a `letrec`.
        in_function: whether the place is in the body of a function that a recursive call may lead to.
    """

    scope: Scope
    local: Mapping[str, Place] = field(default_factory=dict)
    in_function: bool = False

    def bind(self, name: str, address: int, *, is_function: bool = False) -> "Names":
        """With one more local name."""
        return Names(self.scope, {**self.local, name: Place(address, is_function)}, self.in_function)

    def is_function(self, name: str) -> bool:
        """Whether a name is that of a function, or free; others are given: parameters, and values of `def`."""
        if name in self.local:
            return self.local[name].is_function
        definition = self.scope.find(name)
        return definition is None or isinstance(definition.term, Function)


@dataclass(frozen=True)
class Origin:
    """A function that has a name, and what names mean around the definitions that it belongs to."""

    definition: Recursive
    around: Names
