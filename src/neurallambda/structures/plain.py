"""The plain Python structures that the tensor structures must equal at the corners.

No tensors and no cleverness: each is what a programmer would write with lists. Vectors are lists of floats, and an
empty place reads as zeros.
"""

import heapq
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


@dataclass
class PlainMemory(Reference):
    """An array of slots that also know keys, and a place that is looked at.

    The operands are the index of (hold, seek, find, write, insert, replace, remove), and the value, the address, the
    key and the pattern.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    focus: int | None = None
    values: list[Vector] = field(init=False)
    keys: list[Vector | None] = field(init=False)
    used: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.values = [zeros(self.width) for _ in range(self.capacity)]
        self.keys = [None] * self.capacity
        self.used = [False] * self.capacity

    def step(self, *operands: int | list[float]) -> None:
        action, value, address, key, pattern = operands
        assert isinstance(value, list) and isinstance(address, int)
        assert isinstance(key, list) and isinstance(pattern, list)
        match action:
            case 1:
                self.focus = address
            case 2:
                self.focus = self.find(key)
            case 3:
                self.values[address], self.used[address], self.focus = value, True, address
            case 4:
                self.insert(key, value)
            case 5:
                same = [used and held == pattern for used, held in zip(self.used, self.values, strict=True)]
                self.values = [value if hit else held for hit, held in zip(same, self.values, strict=True)]
            case 6:
                found = self.find(key)
                if found is not None:
                    self.used[found], self.values[found], self.keys[found] = False, zeros(self.width), None

    def find(self, key: Vector) -> int | None:
        """Where `key` is."""
        return next((i for i, held in enumerate(self.keys) if self.used[i] and held == key), None)

    def insert(self, key: Vector, value: Vector) -> None:
        """Give `key` a new value, or the first free slot."""
        slot = self.find(key)
        if slot is None:
            slot = next((i for i, used in enumerate(self.used) if not used), None)
        self.focus = slot
        if slot is None:
            self.overflow += 1
        else:
            self.keys[slot], self.values[slot], self.used[slot] = key, value, True

    def read(self) -> Vector:
        return zeros(self.width) if self.focus is None else self.values[self.focus]

    def size(self) -> float:
        return float(sum(self.used))


@dataclass
class PlainList(Reference):
    """Lists that share their tails, and the one at hand.

    The operands are the index of (hold, nil, cons, tail, go), the vector, and the address to go to; 0 is nil and n + 1
    the n-th record made. A read is the head followed by whether the list is empty.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    records: list[tuple[Vector, int]] = field(default_factory=list)
    current: int = 0

    def step(self, *operands: int | list[float]) -> None:
        action, value, address = operands
        assert isinstance(value, list) and isinstance(address, int)
        match action:
            case 1:
                self.current = 0
            case 2 if len(self.records) == self.capacity:
                self.overflow += 1
            case 2:
                self.records.append((value, self.current))
                self.current = len(self.records)
            case 3:
                self.current = self.records[self.current - 1][1] if self.current else 0
            case 4:
                self.current = address if address <= len(self.records) else 0

    def read(self) -> Vector:
        return [*self.records[self.current - 1][0], 0.0] if self.current else [*zeros(self.width), 1.0]

    def size(self) -> float:
        return float(len(self.records))


@dataclass
class PlainTree(Reference):
    """Trees that share their branches, and the one at hand.

    The operands are the index of (hold, leaf, node, left, right, go), the vector, and two addresses: the branches of a
    new node; the first is also where to go. Address 0 is no tree and n + 1 the n-th record made. A read is the value
    followed by whether the tree is a leaf and whether there is none.
    """

    capacity: int
    width: int
    overflow: float = 0.0
    records: list[tuple[Vector, int, int, bool]] = field(default_factory=list)
    current: int = 0

    def step(self, *operands: int | list[float]) -> None:
        action, value, left, right = operands
        assert isinstance(value, list) and isinstance(left, int) and isinstance(right, int)
        left, right = (address if address <= len(self.records) else 0 for address in (left, right))
        match action:
            case 1 | 2 if len(self.records) == self.capacity:
                self.overflow += 1
            case 1:
                self.records.append((value, 0, 0, True))
                self.current = len(self.records)
            case 2:
                self.records.append((value, left, right, False))
                self.current = len(self.records)
            case 3 | 4:
                _, left_branch, right_branch, _ = self.records[self.current - 1] if self.current else (None, 0, 0, None)
                self.current = left_branch if action == 3 else right_branch
            case 5:
                self.current = left

    def read(self) -> Vector:
        if not self.current:
            return [*zeros(self.width), 0.0, 1.0]
        value, _, _, is_leaf = self.records[self.current - 1]
        return [*value, float(is_leaf), 0.0]

    def size(self) -> float:
        return float(len(self.records))


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


@dataclass
class PlainMultiset(Reference):
    """Counts of symbols, each at most `capacity`; a symbol added beyond that is lost.

    The operands are the index of (add, remove, hold) and the index of the symbol. A read is all the counts.
    """

    symbols: int
    capacity: int
    overflow: float = 0.0
    counts: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = zeros(self.symbols)

    def step(self, *operands: int | list[float]) -> None:
        action, symbol = operands
        assert isinstance(symbol, int)
        if action == 0 and self.counts[symbol] == self.capacity:
            self.overflow += 1
        elif action == 0:
            self.counts[symbol] += 1
        elif action == 1:
            self.counts[symbol] = max(0.0, self.counts[symbol] - 1)

    def read(self) -> Vector:
        return list(self.counts)

    def size(self) -> float:
        return sum(self.counts)


@dataclass
class PlainSet(PlainMultiset):
    """A set of symbols: adding one that is there changes nothing and loses nothing."""

    capacity: int = 1

    def step(self, *operands: int | list[float]) -> None:
        super().step(*operands)
        self.overflow = 0.0
