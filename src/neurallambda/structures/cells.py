"""What the structures of cells share: how many there are, and how wide."""

from dataclasses import dataclass

from neurallambda.errors import check_count
from neurallambda.structures.protocol import Structure
from neurallambda.structures.states import StateT


@dataclass(frozen=True)
class CellStructure(Structure[StateT]):
    """A structure that keeps vectors of one width in a fixed number of places.

    Attributes:
        capacity: how many places.
        width: the length of a vector.
    """

    capacity: int
    width: int

    def __post_init__(self) -> None:
        check_count("capacity", self.capacity)
        check_count("width", self.width)
