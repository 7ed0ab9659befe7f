"""The record of a run, for the viewer: what the playground asks of whoever traces programs."""

from collections.abc import Iterator
from typing import Any

from neurallambda.viewer.playground.requests import Job


def records() -> bool:
    """Whether runs can be recorded."""
    return False


def record(job: Job) -> Iterator[dict[str, Any]]:
    """The record of a run: `progress` on the way, and at the end a `trace`."""
    yield from ()
