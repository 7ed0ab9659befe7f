"""The plain tape."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


@dataclass
class PlainTape(Reference):
    """A tape with a head that stays on it; a move beyond an end is counted as overflow.

    The operands are the index of (stay, left, right, jump), the vector, whether to write it, and where to jump to.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    head: int = 0
    cells: list[Vector] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = [zeros(self.width) for _ in range(self.capacity)]

    def step(self, *operands: int | list[float]) -> None:
        action, value, write, address = operands
        assert isinstance(value, list) and isinstance(write, list) and isinstance(address, int)
        if write[0]:
            self.cells[self.head] = value
        target = {0: self.head, 1: self.head - 1, 2: self.head + 1, 3: address}[int(action)]  # type: ignore[arg-type]
        self.head = min(max(target, 0), self.capacity - 1)
        self.overflow += float(target != self.head)

    def read(self) -> Vector:
        return self.cells[self.head]

    def size(self) -> float:
        return float(self.capacity)
