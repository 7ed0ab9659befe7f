"""What an engine is asked: to run one program or a stream of them, within limits."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from neurallambda.arguments import fits, shown
from neurallambda.errors import ArgumentError, ProgramError, SourceError, check_count, check_instance, check_integers
from neurallambda.lang.fillings import check_certain
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

Holes = Mapping[str, Any]
"""What each `?name` in a program stands for."""


class Engine(StrEnum):
    """What can run a program."""

    MACHINE = "machine"
    """The differentiable machine, on tensors."""
    REFERENCE = "reference"
    """The reference evaluator, in plain Python: for long programs, and to judge the others by."""
    BETA = "beta"
    """NeuralBeta, on tensors: reduces a program to its normal form by substitution, what is not used not at all."""
    WORLDS = "worlds"
    """Every way that a program with uncertain data can go, each with its weight."""
    STEPPER = "stepper"
    """The machine's discrete stepper, in plain Python: its rules, read with integers."""
    BETA_STEPPER = "beta-stepper"
    """NeuralBeta's discrete stepper, in plain Python: its micro-steps, on certain cells."""


MAX_STEPS = {**dict.fromkeys(Engine, 10_000), Engine.BETA: 2_000, Engine.BETA_STEPPER: 2_000}
"""The steps that are allowed where no number is given: a few seconds' worth."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a program may use.

    Attributes:
        integers: the declared range; leaving it is `overflow`.
        max_steps: how many steps; more is `out-of-steps`. Without it, as many as `MAX_STEPS` says for the engine.
        capacity: how many addresses of memory the machine has; more is `out-of-memory`.
        cells: how many cells NeuralBeta has; more is `out-of-memory`. The reference evaluator has no such limit.
        max_worlds: how many worlds of one program may be at the same place; more is `out-of-memory`. The engine worlds only.
    """

    integers: range = range(-256, 256)
    max_steps: int | None = None
    capacity: int = 16_384
    cells: int = 128
    max_worlds: int = 100_000

    def __post_init__(self) -> None:
        check_integers(self.integers)
        if self.max_steps is not None:
            check_count("max_steps", self.max_steps)
        check_count("capacity", self.capacity)
        check_count("cells", self.cells, least=2)
        check_count("max_worlds", self.max_worlds)

    def steps(self, engine: Engine) -> int:
        """How many steps a program may take on an engine."""
        return MAX_STEPS[engine] if self.max_steps is None else self.max_steps


class ProgramEngine(ABC):
    """One way to run programs.

    Args:
        limits: what a program may use.
        device: where tensors live; None: where torch puts them.
        options: what only this engine takes.
    """

    name: ClassVar[Engine]
    """What it is called."""
    options: ClassVar[tuple[str, ...]] = ()
    """What it takes beyond limits and a device."""
    limited: ClassVar[tuple[str, ...]] = ("integers", "max_steps")
    """The limits that hold for it."""
    has_tensors: ClassVar[bool] = True
    """Whether it computes with tensors, on a device."""
    most_integers: ClassVar[int | None] = 4_096
    """How many integers it can be given: primitives are tabulated on all pairs of them. None: any number."""

    def __init__(self, *, limits: Limits, device: str | None = None, **options: Any) -> None:
        check_instance("limits", limits, Limits, "neurallambda.Limits(...)")
        if self.has_tensors and device is not None:
            from neurallambda.device import check_device

            check_device(device)
        self.limits = limits
        self.device = device
        self.chosen = options

    @property
    def max_steps(self) -> int:
        """How many steps a program may take."""
        return self.limits.steps(self.name)

    def check(self, holes: Holes | None) -> Holes:
        """The fillings of holes, as this engine takes them for a stream of programs.

        Raises:
            ArgumentError: naming the hole that is filled with what this engine does not take.
        """
        if self.has_tensors:
            from neurallambda.holes import fillings

            return fillings(holes, self.limits.integers)
        return check_certain(holes)

    @abstractmethod
    def run(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Run one program.

        Args:
            program: its text, or parsed.
            holes: what each `?name` stands for.

        Returns:
            How it ended: in a value or in a named error.

        Raises:
            SourceError: where the text is not a program, or a hole is not filled.
        """

    def run_soft(
        self, program: str | Program, *, holes: Holes | None = None
    ) -> tuple[Outcome, list[tuple[float, str]]]:
        """Run one program, as `run`, and say how else it may end.

        Returns:
            Its likeliest end; and all ends that are not too unlikely, each with its probability and as text, the likeliest
            first. None, from an engine that does not tell them.
        """
        return self.run(program, holes=holes), []

    def run_all(self, sources: Iterable[str], *, holes: Holes | None = None) -> Iterator[Outcome | SourceError]:
        """Run a stream of programs; gives how each ended, in order. What is no program gives its error.

        Args:
            sources: the text of each.
            holes: what each `?name` stands for, the same for all; a program need not have them.

        Raises:
            ArgumentError: at once, where a hole is filled with what this engine does not take.
        """
        if isinstance(sources, str) or not fits(sources, Iterable):
            raise ArgumentError(f"sources: got {shown(sources)}, expected several texts; `run` takes the text of one")
        return self._run_all(sources, self.check(holes))

    def _run_all(self, sources: Iterable[str], holes: Holes) -> Iterator[Outcome | SourceError]:
        """Run a stream of programs, whose holes are checked."""
        for source in sources:
            try:
                yield self.run(source, holes=holes)
            except SourceError as error:
                yield error

    def reduce(self, program: str | Program, *, holes: Holes | None = None) -> Outcome:
        """Reduce a program, which need not be closed, to its normal form.

        Raises:
            ArgumentError: if the engine runs closed programs only.
            SourceError: where the text is not a program.
        """
        raise ArgumentError(f"engine: {self.name} runs closed programs; expected one that reduces terms")


def ended(error: ProgramError) -> Outcome:
    """The end of a program that an error was raised for."""
    return Outcome.of(error)
