"""Running programs by any engine: one, several, or a stream of thousands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, overload

from neurallambda.errors import ArgumentError, ProgramError, SourceError
from neurallambda.lang.core import unfilled_hole
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program

if TYPE_CHECKING:
    from neurallambda.beta import NeuralBeta
    from neurallambda.machine.assemble import Cells

BETA_BATCH = 64
"""Programs that NeuralBeta is given at a time."""
WINDOW = 4_096
"""Programs of a stream that are looked at together, to put those of like size into one batch."""


class Engine(StrEnum):
    """What can run a program."""

    MACHINE = "machine"
    """The differentiable machine, on tensors."""
    REFERENCE = "reference"
    """The reference evaluator, in plain Python: for long programs, and to judge the others by."""
    BETA = "beta"
    """NeuralBeta, on tensors: reduces a program to its normal form by substitution, what is not used not at all."""


MAX_STEPS = {Engine.MACHINE: 10_000, Engine.REFERENCE: 10_000, Engine.BETA: 2_000}
"""Steps that are allowed where nobody says how many: some seconds' worth of them."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a program may use.

    Attributes:
        integers: the declared range; leaving it is `overflow`.
        max_steps: how many steps; more is `out-of-steps`. Without it, as many as `MAX_STEPS` says for the engine.
        capacity: how many addresses of memory the machine has; more is `out-of-memory`.
        cells: how many cells NeuralBeta has; more is `out-of-memory`. The reference evaluator has no such limit.
    """

    integers: range = range(-256, 256)
    max_steps: int | None = None
    capacity: int = 16_384
    cells: int = 128

    def __post_init__(self) -> None:
        if self.integers.step != 1 or not self.integers:
            raise ArgumentError(f"integers: got {self.integers}; expected a range of step 1 that is not empty")
        for name, least in (("max_steps", 1), ("capacity", 1), ("cells", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ArgumentError(f"{name}: got {value}; expected at least {least}")

    def steps(self, engine: Engine) -> int:
        """How many steps a program may take on an engine."""
        return MAX_STEPS[engine] if self.max_steps is None else self.max_steps


@overload
def run(source: str, *, engine: Engine | str = ..., limits: Limits = ..., device: str | None = ...) -> str: ...
@overload
def run(
    source: list[str] | tuple[str, ...], *, engine: Engine | str = ..., limits: Limits = ..., device: str | None = ...
) -> list[Outcome]: ...
def run(
    source: str | list[str] | tuple[str, ...],
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
) -> str | list[Outcome]:
    """Run a program, or a batch of programs.

    Args:
        source: the text of one program, or of several.
        engine: what runs them.
        limits: the integers, steps and memory they may use.
        device: where the machine's tensors live.

    Returns:
        Of one program its value as text; of several, how each of them ended: a value or a named error, with its steps.

    Raises:
        SourceError: where a text is not a program.
        ProgramError: where the one program ends in an error.

    >>> run("((fn [x] '(x x x)) 42)")
    "'(42 42 42)"
    >>> for outcome in run(["(+ 1 2)", "(car '())"]):
    ...     print(outcome.text if outcome.term else outcome.error, outcome.steps)
    3 4
    not-a-pair 2
    """
    sources = [source] if isinstance(source, str) else list(source)
    outcomes: list[Outcome] = []
    for number, outcome in enumerate(run_all(sources, engine=engine, limits=limits, device=device)):
        if isinstance(outcome, SourceError):
            if not isinstance(source, str):
                outcome.add_note(f"in program {number} of the batch, counted from 0")
            raise outcome
        outcomes.append(outcome)
    return outcomes[0].text if isinstance(source, str) else outcomes


def run_all(
    sources: Iterable[str],
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
) -> Iterator[Outcome | SourceError]:
    """Run a stream of programs, and give how each of them ended, in order; text that is no program gives its error."""
    engine = Engine(engine)
    if engine is Engine.REFERENCE:
        for source in sources:
            yield _by_reference(source, limits)
        return
    if engine is Engine.BETA:
        from neurallambda.beta import NeuralBeta

        beta = NeuralBeta(cells=limits.cells, integers=limits.integers, device=device)
        yield from reduce_all(sources, beta, max_steps=limits.steps(engine))
        return
    from neurallambda.machine.batches import run_batches
    from neurallambda.machine.machine import Machine

    machine = Machine(integers=limits.integers, capacity=limits.capacity, device=device)
    stream = iter(sources)
    while window := list(islice(stream, WINDOW)):
        found: dict[int, Outcome | SourceError] = {}
        cells = {}
        for index, source in enumerate(window):
            try:
                cells[index] = _without_holes(machine.assemble(source))
            except ProgramError as error:
                found[index] = Outcome(error=error.kind, message=error.message)
            except SourceError as error:
                found[index] = error
        found.update(run_batches(machine, cells, max_steps=limits.steps(engine)))
        yield from (found[index] for index in range(len(window)))


def reduce_all(sources: Iterable[str], beta: "NeuralBeta", *, max_steps: int) -> Iterator[Outcome | SourceError]:
    """Reduce a stream of closed programs, some at a time; text that is no program gives its error."""
    from neurallambda.beta.assemble import check_closed

    stream = iter(sources)
    while some := list(islice(stream, BETA_BATCH)):
        found: dict[int, Outcome | SourceError] = {}
        programs: dict[int, Program] = {}
        for index, source in enumerate(some):
            try:
                program = parse(source)
                check_closed(program)
                programs[index] = program
            except ProgramError as error:
                found[index] = Outcome(error=error.kind, message=error.message)
            except SourceError as error:
                found[index] = error
        outcomes = beta.normalize(list(programs.values()), max_steps=max_steps)
        assert isinstance(outcomes, list)
        found.update(zip(programs, outcomes, strict=True))
        yield from (found[index] for index in range(len(some)))


def _without_holes(cells: "Cells") -> "Cells":
    """The same cells: in a stream of programs there is nobody to fill a hole."""
    for cell in cells.cells:
        if cell.hole is not None and cell.node is not None:
            raise unfilled_hole(cell.hole, cell.node)
    return cells


def _by_reference(source: str, limits: Limits) -> Outcome | SourceError:
    try:
        return evaluate(source, integers=limits.integers, max_steps=limits.steps(Engine.REFERENCE))
    except SourceError as error:
        return error
