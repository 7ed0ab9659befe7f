"""The plain Python structures that the tensor structures must equal at the corners.

No tensors and no cleverness: each is what a programmer would write with lists. Vectors are lists of floats, and an
empty place reads as zeros.
"""

from dataclasses import dataclass, field

from neurallambda.structures.protocol import Reference

Vector = list[float]


def zeros(width: int) -> Vector:
    """The read of an empty place."""
    return [0.0] * width


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
        return len(self.items)


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
class PlainDeque(Reference):
    """A queue with two ends and room for `capacity` items; what is put into a full one is lost.

    The operands are the index of (put front, put back, get front, get back, stay) and the vector. A read is the front
    item followed by the back item.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    items: list[Vector] = field(default_factory=list)

    def step(self, *operands: int | list[float]) -> None:
        action, value = operands
        assert isinstance(action, int) and isinstance(value, list)
        if action < 2:
            self.put(value, front=action == 0)
        elif action < 4:
            self.get(front=action == 2)

    def put(self, value: Vector, *, front: bool) -> None:
        """Put `value` at an end."""
        if len(self.items) == self.capacity:
            self.overflow += 1
        else:
            self.items.insert(0 if front else len(self.items), value)

    def get(self, *, front: bool) -> None:
        """Take the item at an end away, if there is one."""
        if self.items:
            self.items.pop(0 if front else -1)

    def read(self) -> Vector:
        return self.items[0] + self.items[-1] if self.items else zeros(2 * self.width)

    def size(self) -> float:
        return len(self.items)


@dataclass
class PlainStrengthDeque(PlainDeque):
    """The deque whose operands are the strengths (get front, get back, put front, put back), each 0 or 1, in that
    order, and the two vectors for front and back."""

    def step(self, *operands: int | list[float]) -> None:
        strengths, front_value, back_value = operands
        assert isinstance(strengths, list) and isinstance(front_value, list) and isinstance(back_value, list)
        if strengths[0]:
            self.get(front=True)
        if strengths[1]:
            self.get(front=False)
        if strengths[2]:
            self.put(front_value, front=True)
        if strengths[3]:
            self.put(back_value, front=False)


@dataclass
class PlainQueue(PlainDeque):
    """The queue whose operands are the index of (put, get, stay) and the vector. A read is the front item."""

    def step(self, *operands: int | list[float]) -> None:
        action, value = operands
        assert isinstance(action, int) and isinstance(value, list)
        if action == 0:
            self.put(value, front=False)
        elif action == 1:
            self.get(front=True)

    def read(self) -> Vector:
        return self.items[0] if self.items else zeros(self.width)


@dataclass
class PlainStrengthQueue(PlainQueue):
    """The queue whose operands are the strengths (get, put), each 0 or 1, and the vector: get first, then put."""

    def step(self, *operands: int | list[float]) -> None:
        strengths, value = operands
        assert isinstance(strengths, list) and isinstance(value, list)
        if strengths[0]:
            self.get(front=True)
        if strengths[1]:
            self.put(value, front=False)
