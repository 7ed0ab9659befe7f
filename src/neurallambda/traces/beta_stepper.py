"""The tracer of NeuralBeta's discrete stepper: its cells, and the term that they are."""

from collections.abc import Iterator

from neurallambda.beta.alphabet import POINTS_FIRST, POINTS_SECOND, Tag
from neurallambda.beta.cells import Cell, Cells
from neurallambda.beta.discrete import Flags, State, initial, take_step
from neurallambda.beta.strategy import STRATEGIES
from neurallambda.engines.beta_stepper import BetaStepperEngine
from neurallambda.lang.outcome import Outcome
from neurallambda.traces.cells import cells_picture
from neurallambda.traces.pictures import Item, Json, Lane, Seen, Store, certain

NAMED = (Tag.NAME, Tag.HOLE, Tag.VARIABLE)


class BetaStepperTracer:
    """Reduces a program in cells and sees each state.

    Args:
        engine: whose limits hold.
        program: the cells of a program.
    """

    def __init__(self, engine: BetaStepperEngine, program: Cells) -> None:
        self.engine, self.program = engine, program
        self.cells: dict[str, Json] = {}
        self.outcome: Outcome | None = None

    def seen(self) -> Iterator[Seen]:
        """The state before the first step, and after each."""
        engine = self.engine
        state, move = initial(self.program, engine.limits.cells), ""
        strategy = STRATEGIES[engine.chosen.get("strategy") or "normal"]
        for number in range(1, engine.max_steps + 1):
            yield self._seen(state, move)
            step = take_step(state, strategy, engine.limits.integers)
            state, move = step.state, step.move.name.lower()
            self.outcome = engine.outcome(step, self.program, number)
            if self.outcome is not None:
                break
        else:
            self.outcome = engine.stopped()
        yield self._last(state, move)

    def _last(self, state: State, move: str) -> Seen:
        """The state that a run stops in."""
        term = cells_picture(state.cells, self.program.names, None, None)
        ends: list[Json] = []
        assert self.outcome is not None
        if self.outcome.error is None and term.text is not None:
            ends = [{"lane": 0, "value": term.text, "weight": 1}]
        elif self.outcome.error is not None and move == "fail":
            ends = [{"lane": 0, "error": str(self.outcome.error), "weight": 1}]
        return Seen((Lane(rules=certain(move), stores={"stack": Store("stack", ())}, term=term),), ends=ends)

    def _seen(self, state: State, move: str) -> Seen:
        now = {
            f"A{at}": self._cell(at, cell, flags)
            for at, (cell, flags) in enumerate(zip(state.cells, state.flags, strict=True))
            if cell.tag is not Tag.FREE
        }
        written = [cell for address, cell in now.items() if self.cells.get(address) != cell]
        freed = tuple(address for address in self.cells if address not in now)
        self.cells = now
        visited = state.stack[-1][0]
        opened = {at for at, _ in state.stack} | {at for at, flags in enumerate(state.flags) if flags.ir2}
        items = tuple(Item(f"A{at} {demand.name.lower()}", f"A{at}") for at, demand in state.stack)
        lane = Lane(
            rules=certain(move) if move else (),
            registers={"visited": certain(f"A{visited}")},
            stores={"stack": Store("stack", items)},
            term=cells_picture(state.cells, self.program.names, visited, opened),
        )
        return Seen((lane,), memory=written, freed=freed)

    def _cell(self, address: int, cell: Cell, flags: Flags) -> Json:
        """A cell as the trace has it."""
        facts: Json = {"address": f"A{address}", "tag": [[cell.tag.name.lower(), 1.0]]}
        pointers, columns = {}, {}
        for name, column, points in (
            ("first", cell.first, cell.tag in POINTS_FIRST),
            ("second", cell.second, cell.tag in POINTS_SECOND),
        ):
            if points:
                pointers[name] = [[f"A{column}", 1.0]]
            elif name == "first" and column is not None:
                shown = str(column)
                if cell.tag in NAMED and isinstance(column, int):
                    shown = self.program.names.get(column, f"A{column}")
                columns[name] = [[shown, 1.0]]
        for name, value in (("pointers", pointers), ("columns", columns)):
            if value:
                facts[name] = value
        return {**facts, "numbers": {"ir1": float(flags.ir1), "ir2": float(flags.ir2)}, "confidence": 1.0}
