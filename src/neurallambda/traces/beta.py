"""The tracer of NeuralBeta: its cells as mixtures, and the term that they are."""

from collections.abc import Iterator

from neurallambda.beta.decode import read_cells
from neurallambda.beta.encode import NeuralLambda
from neurallambda.beta.memory import Memory
from neurallambda.beta.module import NeuralBeta, Result
from neurallambda.beta.trace import TraceCell, TraceStep, trace
from neurallambda.traces.cells import cells_picture
from neurallambda.traces.pictures import Item, Json, Lane, Mixture, Seen, Store


class BetaTracer:
    """Reduces the first program of a batch and sees each state.

    Args:
        beta: what reduces it.
        program: a batch of programs.
        max_steps: how many steps to take at most.
    """

    def __init__(self, beta: NeuralBeta, program: NeuralLambda, max_steps: int) -> None:
        self.beta, self.program, self.max_steps = beta, program, max_steps
        self.names = dict(program.programs[0].names)
        self.cells: dict[str, Json] = {}
        self.result: Result | None = None

    def seen(self) -> Iterator[Seen]:
        """The state before the first step, and after each."""
        steps = trace(self.beta, self.program, self.max_steps)
        moves: Mixture = ()
        errors: Mixture = ()
        try:
            while True:
                step = next(steps)
                yield self._seen(step, step.memory, moves)
                moves, errors = step.moves, step.errors
        except StopIteration as end:
            self.result = end.value
        assert self.result is not None
        lane = self._lane(None, self.result.memory, moves)
        ended = float(self.result.finished[0])
        ends: list[Json] = [{"lane": 0, "error": name, "weight": min(1.0, weight)} for name, weight in errors]
        if lane.term is not None and lane.term.text is not None and ended > 0:
            ends.insert(0, {"lane": 0, "value": lane.term.text, "weight": min(1.0, ended)})
        yield Seen((lane,), ends=ends)

    def _seen(self, step: TraceStep, memory: Memory, moves: Mixture) -> Seen:
        now = {cell.address: _as_cell(cell) for cell in step.cells}
        written = [cell for address, cell in now.items() if self.cells.get(address) != cell]
        freed = tuple(address for address in self.cells if address not in now)
        self.cells = now
        return Seen((self._lane(step, memory, moves),), memory=written, freed=freed)

    def _lane(self, step: TraceStep | None, memory: Memory, moves: Mixture) -> Lane:
        stack = step.stack if step else ()
        items = tuple(
            Item(
                f"{item.address.name} {item.demand}",
                item.address.name,
                None if item.pointer > 0.995 or item.pointer < 0.005 else item.pointer,
            )
            for item in stack
        )
        visited = next((item.address.name for item in reversed(stack) if item.pointer > 0.5), None)
        opened = {item.address.name for item in stack} | {
            cell.address for cell in (step.cells if step else ()) if cell.ir2 > 0.5
        }
        cells = read_cells(memory, self.beta.codebook, self.beta.alphabet)[0]
        place = None if visited is None else address_of(visited)
        return Lane(
            rules=moves,
            registers={"visited": ((visited, 1.0),)} if visited else {},
            stores={"stack": Store("stack", items)},
            term=cells_picture(cells, self.names, place, None if step is None else set(map(address_of, opened))),
        )


def address_of(name: str) -> int:
    """The address that a name such as `A12` stands for."""
    return int(name.removeprefix("A"))


def _as_cell(cell: TraceCell) -> Json:
    facts: Json = {"address": cell.address, "tag": [[cell.tag.name, _sure(cell.tag.confidence)]]}
    pointers, columns = {}, {}
    sure = cell.tag.confidence
    for name, symbol in (("first", cell.first), ("second", cell.second)):
        if symbol is None:
            continue
        sure *= symbol.confidence
        is_pointer = symbol.name.startswith("A") and symbol.name[1:].isdigit()
        (pointers if is_pointer else columns)[name] = [[symbol.name, _sure(symbol.confidence)]]
    for name, value in (("pointers", pointers), ("columns", columns)):
        if value:
            facts[name] = value
    facts["numbers"] = {"ir1": round(cell.ir1, 6), "ir2": round(cell.ir2, 6)}
    facts["confidence"] = _sure(sure)
    return facts


def _sure(confidence: float) -> float:
    return round(max(0.0, min(1.0, confidence)), 6)
