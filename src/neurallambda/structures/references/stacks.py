"""Plain stacks."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


@dataclass
class PlainStack(Reference):
    """A stack of at most `capacity` items; a push on a full one loses the oldest item.

    The operands are the index of (push, pop, stay, pop 2, pop 3, ...) and the vector.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    items: list[Vector] = field(default_factory=list)

    def step(self, *operands: int | list[float]) -> None:
        action, value = operands
        assert isinstance(action, int) and isinstance(value, list)
        if action == 0:
            self.push(value)
        elif action == 1:
            self.pop()
        elif action >= 3:
            for _ in range(action - 1):
                self.pop()

    def push(self, value: Vector) -> None:
        """Put `value` on top."""
        self.items.append(value)
        if len(self.items) > self.capacity:
            del self.items[0]
            self.overflow += 1

    def pop(self) -> None:
        """Take the top item away, if there is one."""
        if self.items:
            self.items.pop()

    def read(self) -> Vector:
        return self.items[-1] if self.items else zeros(self.width)

    def size(self) -> float:
        return float(len(self.items))


@dataclass
class PlainStrengthStack(PlainStack):
    """The stack whose operands are the strengths (pop, push), each 0 or 1, and the vector: pop first, then push."""

    def step(self, *operands: int | list[float]) -> None:
        strengths, value = operands
        assert isinstance(strengths, list) and isinstance(value, list)
        if strengths[0]:
            self.pop()
        if strengths[1]:
            self.push(value)


@dataclass
class PlainPointerStack(PlainStack):
    """The stack that, when full, loses what is pushed; a third operand, the sharpness, changes nothing at the corners."""

    def step(self, *operands: int | list[float]) -> None:
        super().step(*operands[:2])

    def push(self, value: Vector) -> None:
        if len(self.items) == self.capacity:
            self.overflow += 1
        else:
            self.items.append(value)
