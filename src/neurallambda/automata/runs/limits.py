"""How far a search may go, and the named ways in which a run can end."""

from dataclasses import dataclass
from enum import StrEnum

from neurallambda.arguments import checked
from neurallambda.errors import ErrorKind, ProgramError, check_count


class Outcome(StrEnum):
    """What became of a string; the value of each member is the name users see."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LOOPS = "loops"
    OUT_OF_STEPS = "out-of-steps"
    OUT_OF_MEMORY = "out-of-memory"


UNDECIDED = frozenset({Outcome.OUT_OF_STEPS, Outcome.OUT_OF_MEMORY})
"""The outcomes that say only that more is needed."""


@checked
@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far to go before an outcome is "more is needed".

    Attributes:
        steps: the longest run, in steps.
        cells: the most cells that the memories of one configuration may hold.
        configurations: the most configurations to look at, over all runs.
        storage: the most cells that all configurations kept at one time may hold together.
    """

    steps: int = 1_000_000
    cells: int = 100_000
    configurations: int = 200_000
    storage: int = 20_000_000

    def __post_init__(self) -> None:
        for name in ("steps", "cells", "configurations", "storage"):
            check_count(name, getattr(self, name))


DEFAULT_LIMITS = Limits()


def undecided(outcome: Outcome, doing: str) -> ProgramError:
    """The error for a question whose answer would need more than the limits allow."""
    kind = ErrorKind.OUT_OF_STEPS if outcome is Outcome.OUT_OF_STEPS else ErrorKind.OUT_OF_MEMORY
    more = "steps" if outcome is Outcome.OUT_OF_STEPS else "cells or configurations"
    return ProgramError(kind, f"{doing} needs more than the limits allow; give Limits with more {more}")
