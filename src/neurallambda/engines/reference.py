"""The reference evaluator as an engine: plain Python, the judge of the others."""

from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ProgramError
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.normalize import normalize
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program


class ReferenceEngine(ProgramEngine):
    """Runs programs one at a time, without tensors."""

    name = Engine.REFERENCE
    has_tensors = False
    most_integers = None

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; see `ProgramEngine.run`."""
        return evaluate(program, holes=holes, integers=self.limits.integers, max_steps=self.max_steps)

    def reduce(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Reduce a program; integers are unbounded, and holes stay as they are."""
        try:
            return Outcome(term=normalize(program, max_steps=self.max_steps))
        except ProgramError as error:
            return ended(error)
