"""The record of a run, for the viewer, with a word on the way of how far it is."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from neurallambda.traces import document, trace
from neurallambda.traces.running import TRACED
from neurallambda.viewer.playground.fillings import fillings
from neurallambda.viewer.playground.requests import Job

OFTEN = 0.2
"""After so many seconds it is told how many steps are recorded."""


def record(job: Job) -> Iterator[dict[str, Any]]:
    """The record of a run: `progress` on the way, and at the end a `trace`; nothing of an engine whose steps are not recorded."""
    if job.engine not in TRACED:
        return
    gradient = job.gradient and job.engine == "machine"
    events = trace(
        job.source,
        engine=job.engine,
        limits=job.limits(),
        holes=fillings(job.holes),
        gradient=gradient,
    )
    kept: list[dict[str, Any]] = []
    told = started = perf_counter()
    for event in events:
        kept.append(event)
        if perf_counter() - told > OFTEN:
            told = perf_counter()
            yield {"kind": "progress", "steps": len(kept), "seconds": told - started}
    yield {"kind": "trace", "trace": document(kept)}
