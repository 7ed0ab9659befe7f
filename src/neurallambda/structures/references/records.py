"""Plain lists and trees: records that never change."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


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
