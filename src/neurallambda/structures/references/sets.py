"""Plain sets of symbols."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector, zeros


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
