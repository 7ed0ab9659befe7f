"""The plain memory."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


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
