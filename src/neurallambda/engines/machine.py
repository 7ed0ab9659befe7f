"""The differentiable machine as an engine."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ProgramError, SourceError
from neurallambda.lang.core import unfilled_hole
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.machine.assemble import Cells
    from neurallambda.machine.machine import Machine
    from neurallambda.machine.result import Result

WINDOW = 4_096
"""Programs of a stream that are looked at together, to put those of like size into one batch."""
SHOWN = 0.005
"""A step shows what weighs at least this much: less would be written as 0.00."""


class MachineEngine(ProgramEngine):
    """Runs a stream of programs in batches of like size."""

    name = Engine.MACHINE
    limited = ("integers", "max_steps", "capacity")

    def machine(self) -> "Machine":
        """The machine that these limits describe."""
        from neurallambda.machine.machine import Machine

        return Machine(integers=self.limits.integers, capacity=self.limits.capacity, device=self.device)

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; see `ProgramEngine.run`."""
        return self._run(program, holes)[0]

    def run_soft(
        self, program: str | Program, *, holes: Holes | None = None
    ) -> tuple[Outcome, list[tuple[float, str]]]:
        """Run one program and say how else it may end; see `ProgramEngine.run_soft`."""
        from neurallambda.machine.ends import ends

        outcome, result = self._run(program, holes)
        return outcome, [] if result is None else ends(result)

    def _run(self, program: str | Program, holes: Holes | None) -> "tuple[Outcome, Result | None]":
        from torch import no_grad

        machine = self.machine()
        try:
            with no_grad():
                result = machine.run(machine.encode(program, holes=holes), max_steps=self.max_steps)
        except ProgramError as error:
            return ended(error), None
        return machine.decode(result)[0], result

    def _run_all(self, sources: Iterable[str], holes: Holes) -> Iterator[Outcome | SourceError]:
        from neurallambda.machine.batches import run_batches

        machine = self.machine()
        stream = iter(sources)
        while window := list(islice(stream, WINDOW)):
            found: dict[int, Outcome | SourceError] = {}
            cells = {}
            for index, source in enumerate(window):
                try:
                    cells[index] = _closed(machine.assemble(source), holes)
                except ProgramError as error:
                    found[index] = ended(error)
                except SourceError as error:
                    found[index] = error
            found.update(run_batches(machine, cells, max_steps=self.max_steps, holes=holes))
            yield from (found[index] for index in range(len(window)))


def _closed(cells: "Cells", holes: Holes) -> "Cells":
    """The same cells, all of whose holes are filled."""
    for cell in cells.cells:
        if cell.hole is not None and cell.hole not in holes and cell.node is not None:
            raise unfilled_hole(cell.hole, cell.node)
    return cells
