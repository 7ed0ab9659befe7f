"""What an engine is asked: to run one program or a stream of them, and to show its steps, within limits."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from neurallambda.errors import ArgumentError, ProgramError, SourceError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Program

StepT = TypeVar("StepT")
"""What an engine shows of one step."""

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


MAX_STEPS = {Engine.MACHINE: 10_000, Engine.REFERENCE: 10_000, Engine.BETA: 2_000}
"""The steps that are allowed where no number is given: a few seconds' worth."""


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


class ProgramEngine(ABC, Generic[StepT]):
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
    shows_steps: ClassVar[bool] = True
    """Whether it can show its steps one by one."""
    most_integers: ClassVar[int | None] = 4_096
    """How many integers it can be given: primitives are tabulated on all pairs of them. None: any number."""

    def __init__(self, *, limits: Limits, device: str | None = None, **options: Any) -> None:
        self.limits = limits
        self.device = device
        self.chosen = options

    @property
    def max_steps(self) -> int:
        """How many steps a program may take."""
        return self.limits.steps(self.name)

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

    def run_all(self, sources: Iterable[str], *, holes: Holes | None = None) -> Iterator[Outcome | SourceError]:
        """Run a stream of programs; gives how each ended, in order. What is no program gives its error."""
        for source in sources:
            try:
                yield self.run(source, holes=holes)
            except SourceError as error:
                yield error

    def steps(
        self, program: str | Program, *, holes: Holes | None = None, free: bool = False
    ) -> Generator[StepT, None, Outcome]:
        """Run one program step by step.

        Args:
            program: its text, or parsed.
            holes: what each `?name` stands for.
            free: whether it may have free names, as in `reduce`.

        Yields:
            Each step, as the engine shows it.

        Returns:
            How the program ended.

        Raises:
            ArgumentError: if the engine does not show its steps.
            SourceError: where the text is not a program, or a hole is not filled.
        """
        raise ArgumentError(f"trace: the engine {self.name} has no steps to show; expected one that has")

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
