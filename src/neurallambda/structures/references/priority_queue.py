"""The plain priority queue: a heap."""

import heapq
from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


@dataclass
class PlainPriorityQueue(Reference):
    """A priority queue; equal priorities leave in the order in which they came, and a full queue loses what is put in.

    The operands are the index of (insert, pop, hold), the vector and the priority. A read is the item with the least
    priority, followed by that priority.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    heap: list[tuple[float, int, Vector]] = field(default_factory=list)
    inserted: int = 0

    def step(self, *operands: int | list[float]) -> None:
        action, value, priority = operands
        assert isinstance(value, list) and isinstance(priority, list)
        if action == 0 and len(self.heap) == self.capacity:
            self.overflow += 1
        elif action == 0:
            self.inserted += 1
            heapq.heappush(self.heap, (priority[0], self.inserted, value))
        elif action == 1 and self.heap:
            heapq.heappop(self.heap)

    def read(self) -> Vector:
        return [*self.heap[0][2], self.heap[0][0]] if self.heap else zeros(self.width + 1)

    def size(self) -> float:
        return float(len(self.heap))
