"""What happens in a training, as values: the log, the progress bar and every other listener get the same."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Stepped:
    """A step was taken.

    Attributes:
        step: its number, from 1.
        stage: the number of its stage, from 1.
        rate: the learning rate.
        seeds: the seeds that train.
        losses: the loss of each.
        accuracies: the running accuracy of each; none where the training does not know it.
        seconds: how long the training has taken so far.
    """

    step: int
    stage: int
    rate: float
    seeds: tuple[int, ...]
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The members were looked at as they are used, without noise and with every choice made.

    Attributes:
        step: after how many steps.
        seeds: the seeds that train.
        accuracies: the share of answers that each gets right.
    """

    step: int
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class StageEnded:
    """A stage is over.

    Attributes:
        step: after how many steps.
        stage: its number, from 1.
        reason: whether the threshold was reached, or the steps were used up.
        kept: the seeds that go on.
        dropped: the seeds that do not.
    """

    step: int
    stage: int
    reason: Literal["threshold", "steps"]
    kept: tuple[int, ...]
    dropped: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The loss of some seeds was no finite number; they stop.

    Attributes:
        step: in which step.
        seeds: which.
    """

    step: int
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Mended:
    """The rules of a member were repaired.

    Attributes:
        step: after how many steps.
        seed: which.
        rows: how many inputs the last pass looked at.
        before: how many of them were answered right before it.
        after: how many after it.
        changes: how many rules were changed in all passes.
        validation: the share of validation answers that it gets right now.
        is_kept: whether it is as good on validation as it was, and so the changes stay.
    """

    step: int
    seed: int
    rows: int
    before: int
    after: int
    changes: int
    validation: float
    is_kept: bool


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The training is over, or was interrupted.

    Attributes:
        step: after how many steps.
        reason: why.
        seconds: how long it took in all.
    """

    step: int
    reason: Literal["finished", "patience", "interrupted", "not finite"]
    seconds: float


Event = Stepped | Validated | StageEnded | Failed | Mended | Ended
Listener = Callable[[Event], None]


def noting(losses: list[float]) -> Listener:
    """A listener that notes the loss of each step, of each seed.

    Args:
        losses: where; it grows.
    """

    def note(event: Event) -> None:
        if isinstance(event, Stepped):
            losses.extend(event.losses)

    return note


def facts_of(event: Event) -> dict[str, Any]:
    """An event as JSON has it.

    Example:
        >>> facts_of(Failed(step=3, seeds=(1,)))
        {'event': 'Failed', 'step': 3, 'seeds': (1,)}
    """
    return {"event": type(event).__name__, **asdict(event)}
