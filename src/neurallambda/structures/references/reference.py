"""What every plain Python structure is: the judge of the tensor structure that must equal it at the corners."""

from abc import ABC, abstractmethod

Vector = list[float]


def zeros(width: int) -> Vector:
    """The read of an empty place."""
    return [0.0] * width


class Reference(ABC):
    """The plain Python structure that a tensor structure must equal at the corners.

    An operand of kind distribution is the index of its certain entry; a strength or a real is a list of floats; a
    vector is a list of floats.
    """

    overflow: float = 0.0

    @abstractmethod
    def step(self, *operands: int | list[float]) -> None:
        """Carry out one instruction."""

    @abstractmethod
    def read(self) -> list[float]:
        """What the structure shows, as `Structure.read`."""

    @abstractmethod
    def size(self) -> float:
        """How much it holds, as `Structure.size`."""
