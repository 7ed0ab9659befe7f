"""The tracer of NeuralBeta: its cells as mixtures, and the term that they are."""

from collections.abc import Iterator, Sequence

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cells import Cell
from neurallambda.beta.decode import read_cells
from neurallambda.beta.encode import NeuralLambda
from neurallambda.beta.memory import Memory
from neurallambda.beta.module import NeuralBeta, Result
from neurallambda.beta.trace import TraceCell, TraceStep, trace
from neurallambda.beta.write import UnreadableError, to_term
from neurallambda.errors import ArgumentError
from neurallambda.lang.syntax.printer import to_text
from neurallambda.traces.contexts import LARGEST, MARK
from neurallambda.traces.pictures import Item, Json, Lane, Mixture, Picture, Seen, Store


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
        items = tuple(
            Item(
                f"{item.address.name} {item.demand}",
                item.address.name,
                None if item.pointer > 0.995 or item.pointer < 0.005 else item.pointer,
            )
            for item in (step.stack if step else ())
        )
        visited = (
            next((item.address.name for item in reversed(step.stack) if item.pointer > 0.5), None) if step else None
        )
        registers = {"visited": ((visited, 1.0),)} if visited else {}
        return Lane(
            rules=moves, registers=registers, stores={"stack": Store("stack", items)}, term=self._term(memory, visited)
        )

    def _term(self, memory: Memory, visited: str | None) -> Picture:
        cells = read_cells(memory, self.beta.codebook, self.beta.alphabet)[0]
        try:
            text = to_text(to_term(cells, self.names), limit=10 * LARGEST)
        except (UnreadableError, ArgumentError) as error:
            return Picture(None, omitted=str(error))
        return Picture(text, self._redex(cells, visited, text))

    def _redex(self, cells: Sequence[Cell], visited: str | None, text: str) -> tuple[int, int] | None:
        """Where the visited cell stands in the text, at the first of its places."""
        place = int(visited.removeprefix("A")) if visited else 0
        if not place:
            return None
        symbol = len(cells)
        marked = [*cells]
        marked[place] = Cell(Tag.NAME, symbol)
        try:
            before, found, _ = to_text(to_term(marked, {**self.names, symbol: MARK}), limit=10 * LARGEST).partition(
                MARK
            )
        except (UnreadableError, ArgumentError):
            return None
        if not found or not text.startswith(before):
            return None
        return len(before), len(before) + expression_length(text[len(before) :])


def expression_length(text: str) -> int:
    """How long the expression is that a text begins with."""
    depth = 0
    for place, letter in enumerate(text):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
            if depth <= 0:
                return place + (depth == 0)
        elif letter == " " and depth == 0:
            return place
    return len(text)


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
