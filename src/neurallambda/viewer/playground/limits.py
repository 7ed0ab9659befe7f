"""What the playground lets a program use."""

from dataclasses import dataclass

from neurallambda.errors import ArgumentError, check_count


@dataclass(frozen=True, kw_only=True)
class PlaygroundLimits:
    """The limits of the playground. Whoever meets one is told which it was.

    Attributes:
        source: how many characters a program may have.
        body: how many bytes a request may have.
        steps: how many steps a program may take.
        traced: how many steps of a program are shown.
        seconds: how long a run may take.
        memory: how many bytes a run may add to what its process has from the start.
        runs: how many programs run at the same time.
        waiting: how many more may wait for their turn.
        patience: how many seconds they wait.
        answer: how many bytes an answer may have.
    """

    source: int = 20_000
    body: int = 100_000
    steps: int = 10_000
    traced: int = 2_000
    seconds: float = 20.0
    memory: int = 2 * 2**30
    runs: int = 2
    waiting: int = 32
    patience: float = 5.0
    answer: int = 64 * 2**20

    def __post_init__(self) -> None:
        for name in ("source", "body", "steps", "traced", "memory", "runs", "answer"):
            check_count(name, getattr(self, name))
        check_count("waiting", self.waiting, least=0)
        for name in ("seconds", "patience"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name}: got {getattr(self, name)!r}, expected a number of seconds above 0")
