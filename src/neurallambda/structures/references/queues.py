"""Plain queues, with one end to put in and one to get from, or with both at both."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


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
        return float(len(self.items))


@dataclass
class PlainStrengthDeque(PlainDeque):
    """The deque whose operands are the strengths (get front, get back, put front, put back), each 0 or 1, in that
    order, and the two vectors for front and back.
    """

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
