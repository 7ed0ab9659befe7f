"""A plain program stack."""

from dataclasses import dataclass, field

from neurallambda.structures.references.reference import Reference, Vector

Results = tuple[tuple[tuple[int | None, ...], ...], ...]
"""For each program, for each first and each second argument, the number of the value that comes out, or None."""


@dataclass
class PlainProgramStack(Reference):
    """Two lists, of values and of programs, each of at most `capacity` items; to put onto a full one loses the oldest.

    The operands are the index of (put value, put program, apply, hold), the number of the value and that of the program.
    None among the values is the result of an application that had none.
    """

    capacity: int
    results: Results
    overflow: float = 0.0
    failed: float = 0.0
    values: list[int | None] = field(default_factory=list)
    programs: list[int | None] = field(default_factory=list)

    def step(self, *operands: int | list[float]) -> None:
        action, value, program = operands
        assert isinstance(action, int) and isinstance(value, int) and isinstance(program, int)
        match action:
            case 0:
                self._put(self.values, value)
            case 1:
                self._put(self.programs, program)
            case 2:
                self.apply()
            case _:
                pass

    def apply(self) -> None:
        """Take a program and two values, and put what it gives."""
        program = self.programs.pop() if self.programs else None
        second = self.values.pop() if self.values else None
        first = self.values.pop() if self.values else None
        result = None if program is None or first is None or second is None else self.results[program][first][second]
        self.failed += result is None
        self._put(self.values, result)

    def _put(self, items: list[int | None], item: int | None) -> None:
        items.append(item)
        if len(items) > self.capacity:
            self.overflow += items.pop(0) is not None

    def read(self) -> Vector:
        top = self.values[-1] if self.values else None
        return [float(place == top) for place in range(len(self.results[0]))]

    def size(self) -> float:
        return float(sum(item is not None for item in [*self.values, *self.programs]))
