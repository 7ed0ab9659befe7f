"""NeuralBeta as an engine: normal forms by substitution."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from neurallambda.engines.protocol import Engine, Holes, ProgramEngine, ended
from neurallambda.errors import ProgramError, SourceError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.beta import NeuralBeta

BATCH = 64
"""Programs that NeuralBeta is given at a time."""


class BetaEngine(ProgramEngine):
    """Reduces programs to their normal forms. To be run, a program must be closed.

    Its options are the kind of its codebook, how wide the vectors are, the seed of a random codebook, and the strategy.
    """

    name = Engine.BETA
    options = ("codebook", "vec_size", "seed", "strategy")
    limited = ("integers", "max_steps", "cells")

    def beta(self) -> "NeuralBeta":
        """The NeuralBeta that these limits and options describe."""
        import torch

        from neurallambda.beta import STRATEGIES, NeuralBeta

        chosen = self.chosen
        return NeuralBeta(
            cells=self.limits.cells,
            integers=self.limits.integers,
            codebook=chosen.get("codebook") or "onehot",
            vec_size=chosen.get("vec_size"),
            strategy=STRATEGIES[chosen.get("strategy") or "normal"],
            generator=torch.Generator().manual_seed(chosen.get("seed") or 0),
            device=self.device,
        )

    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program; see `ProgramEngine.run`."""
        try:
            program = closed(program, holes)
        except ProgramError as error:
            return ended(error)
        return self.reduce(program, holes=holes)

    def _run_all(self, sources: Iterable[str], holes: Holes) -> Iterator[Outcome | SourceError]:
        beta = self.beta()
        stream = iter(sources)
        while some := list(islice(stream, BATCH)):
            found: dict[int, Outcome | SourceError] = {}
            programs: dict[int, Program] = {}
            for index, source in enumerate(some):
                try:
                    programs[index] = closed(source, holes)
                except ProgramError as error:
                    found[index] = ended(error)
                except SourceError as error:
                    found[index] = error
            outcomes = beta.normalize(list(programs.values()), holes=holes, max_steps=self.max_steps)
            found.update(zip(programs, outcomes, strict=True))
            yield from (found[index] for index in range(len(some)))

    def reduce(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Reduce a program, which need not be closed; see `ProgramEngine.reduce`."""
        return self.beta().normalize([program], holes=holes, max_steps=self.max_steps)[0]


def closed(source: str | Program, holes: Holes | None) -> Program:
    """The program, refused where a name is not defined or a hole is not filled."""
    from neurallambda.beta.assemble import check_closed

    program = parse(source) if isinstance(source, str) else source
    check_closed(program, holes or ())
    return program
