"""The machine's discrete stepper as an engine: the same rules, read with integers, in plain Python."""

from typing import TYPE_CHECKING

from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ProgramError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.machine.assemble import Cells


class StepperEngine(ProgramEngine):
    """Runs programs one at a time, each step one row of the machine's rules. Its memory keeps all that was ever written."""

    name = Engine.STEPPER
    has_tensors = False
    most_integers = None

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; see `ProgramEngine.run`."""
        from neurallambda.lang.values import outcome_of
        from neurallambda.machine.discrete import run
        from neurallambda.machine.discrete_values import DiscreteValues
        from neurallambda.machine.explain import explain_cells

        filled = self.check(holes or {})
        try:
            cells = certain_cells(program, filled)
        except ProgramError as error:
            return ended(error)
        for number, step in enumerate(run(cells, self.limits.integers, filled), start=1):
            if step.problem is not None:
                return ended(step.problem)
            if step.rule.halts:
                return outcome_of(DiscreteValues(cells, step.state.memory).value(step.state.control), number)
            if number == self.max_steps:
                break
        stopped = explain_cells(cells, self.limits.integers, self.max_steps, filled)
        assert stopped is not None
        return ended(stopped)


def certain_cells(program: str | Program, holes: Holes) -> "Cells":
    """A program as cells of code.

    Raises:
        SourceError: where the text is not a program, or a hole is not filled.
        ProgramError: `unbound`.
    """
    from neurallambda.lang.core import unfilled_hole
    from neurallambda.lang.lower import lower
    from neurallambda.lang.random_forms import refuse_random_forms
    from neurallambda.machine.assemble import assemble

    parsed = parse(program) if isinstance(program, str) else program
    refuse_random_forms(parsed, "the discrete stepper")
    cells = assemble(lower(parsed), parsed.text)
    for cell in cells.cells:
        if cell.hole is not None and cell.hole not in holes and cell.node is not None:
            raise unfilled_hole(cell.hole, cell.node)
    return cells
