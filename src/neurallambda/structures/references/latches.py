"""Plain latches."""

from dataclasses import dataclass

from neurallambda.structures.references.reference import Reference, Vector, zeros


@dataclass
class PlainLatch(Reference):
    """One bit. The operand is the index of (set, reset, hold); a read is the bit."""

    overflow: float = 0.0
    on: bool = False

    def step(self, *operands: int | list[float]) -> None:
        (action,) = operands
        self.on = {0: True, 1: False, 2: self.on}[int(action)]  # type: ignore[arg-type]

    def read(self) -> Vector:
        return [float(self.on)]

    def size(self) -> float:
        return float(self.on)


@dataclass
class PlainDataLatch(Reference):
    """Room for one vector. The operands are the index of (set, reset, hold) and the vector."""

    width: int
    overflow: float = 0.0
    data: Vector | None = None

    def step(self, *operands: int | list[float]) -> None:
        action, value = operands
        assert isinstance(value, list)
        if action == 0:
            self.data = value
        elif action == 1:
            self.data = None

    def read(self) -> Vector:
        return zeros(self.width) if self.data is None else self.data

    def size(self) -> float:
        return float(self.data is not None)
