"""NeuralBeta's discrete stepper as an engine: the same micro-steps in plain Python."""

from dataclasses import replace
from typing import TYPE_CHECKING

from neurallambda.engines.beta import closed
from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.beta.cells import Cells
    from neurallambda.beta.discrete import Step


class BetaStepperEngine(ProgramEngine):
    """Reduces programs one at a time to their normal forms, in cells. To be run, a program must be closed."""

    name = Engine.BETA_STEPPER
    options = ("strategy",)
    limited = ("integers", "max_steps", "cells")
    has_tensors = False
    most_integers = None

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; see `ProgramEngine.run`."""
        try:
            return self.reduce(closed(program, holes), holes=holes)
        except ProgramError as error:
            return ended(error)

    def reduce(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Reduce a program, which need not be closed; see `ProgramEngine.reduce`."""
        from neurallambda.beta.discrete import run
        from neurallambda.beta.strategy import STRATEGIES

        try:
            cells = self.cells(program, holes)
        except ProgramError as error:
            return ended(error)
        strategy = STRATEGIES[self.chosen.get("strategy") or "normal"]
        taken = run(cells, self.limits.cells, strategy, self.limits.integers)
        for number, step in zip(range(1, self.max_steps + 1), taken, strict=False):
            found = self.outcome(step, cells, number)
            if found is not None:
                return found
        return self.stopped()

    def stopped(self) -> Outcome:
        """The end of a program that has no step left."""
        message = f"no normal form within {self.max_steps:,} steps; allow more to go on"
        return Outcome(error=ErrorKind.OUT_OF_STEPS, message=message, steps=self.max_steps)

    def cells(self, program: str | Program, holes: Holes | None) -> "Cells":
        """A program as cells, its holes filled.

        Raises:
            SourceError: where the text is not a program.
            ProgramError: where it does not fit.
        """
        from neurallambda.beta.alphabet import Alphabet
        from neurallambda.beta.assemble import assemble
        from neurallambda.beta.explain import explained
        from neurallambda.beta.letters import cell_of, letters

        alphabet = Alphabet(self.limits.cells, self.limits.integers)
        open_cells = assemble(program)
        cells = open_cells.filled({name: cell_of(value) for name, value in self.check(holes or {}).items()})
        try:
            letters(cells, alphabet)
        except ProgramError as error:
            if error.kind is ErrorKind.OVERFLOW:  # a literal
                raise explained(error.kind, open_cells, alphabet) from None
            raise
        return cells

    def outcome(self, step: "Step", cells: "Cells", number: int) -> Outcome | None:
        """The end of a program after its last step; None after any other."""
        from neurallambda.beta.alphabet import Alphabet
        from neurallambda.beta.explain import explained
        from neurallambda.beta.rules import Move
        from neurallambda.beta.write import to_term

        if step.error is not None:
            alphabet = Alphabet(self.limits.cells, self.limits.integers)
            return replace(Outcome.of(explained(step.error, cells, alphabet)), steps=number)
        if step.move is not Move.FINISH:
            return None
        return Outcome(term=to_term(step.state.cells, dict(cells.names)), steps=number)
