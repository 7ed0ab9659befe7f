"""What a worker does with a job: a stream of answers, each of them plain JSON."""

from collections.abc import Iterator
from time import perf_counter
from traceback import print_exc
from typing import Any

from neurallambda.engines import ENGINES, make_engine
from neurallambda.errors import ErrorKind, NeurallambdaError, SourceError
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.scope import subterms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Hole, Sample
from neurallambda.viewer.playground.fillings import fillings
from neurallambda.viewer.playground.recording import record
from neurallambda.viewer.playground.requests import Job

Answer = dict[str, Any]
"""What is told: its `kind`, and what belongs to that."""

FAULT = "this is a fault of neurallambda itself, not of the program; please report it with the program"
OUT_OF_MEMORY = "the program needs more memory than the playground gives it; `neurallambda run` has no such limit"


def warm_up() -> None:
    """Run something by every engine, so that whoever comes first does not wait for what is loaded."""
    for engine in ENGINES:
        for answer in perform(Job(kind="run", source="((fn [x] x) ?a)", engine=engine, holes={"a": ((1, 1.0),)})):
            assert answer["kind"] == "result", answer


def perform(job: Job) -> Iterator[Answer]:
    """Do one job. Whatever happens to the program is an answer too.

    >>> for answer in perform(Job(kind="run", source="(+ 1 2)")):
    ...     print(answer["kind"], answer["value"], answer["steps"])
    result 3 4
    >>> for answer in perform(Job(kind="check", source="(+ ?a")):
    ...     print(answer["problem"]["message"].splitlines()[0], answer["problem"]["column"])
    line 1, column 1: this ( is never closed: expected a closing ) 1
    """
    started = perf_counter()
    try:
        for answer in _ANSWERS[job.kind](job):
            yield {**answer, "seconds": perf_counter() - started}
    except NeurallambdaError as error:
        yield {"kind": "problem", "problem": problem(error)}
    except (MemoryError, RecursionError):
        yield {"kind": "problem", "problem": {"message": OUT_OF_MEMORY, "limit": "memory"}}
    except Exception as error:
        if isinstance(error, RuntimeError) and "memory" in str(error):  # torch has no type for it on every device
            yield {"kind": "problem", "problem": {"message": OUT_OF_MEMORY, "limit": "memory"}}
            return
        print_exc()  # for whoever looks after the playground
        yield {"kind": "problem", "problem": {"message": f"{FAULT}: {type(error).__name__}: {error}"}}


def problem(error: NeurallambdaError) -> Answer:
    """What is wrong, and where."""
    place = {"line": error.line, "column": error.column} if isinstance(error, SourceError) and error.line else {}
    return {"message": str(error), **place}


def result(outcome: Outcome, ends: list[tuple[float, str]]) -> Answer:
    """How a program ended."""
    found: Answer = {"kind": "result", "steps": outcome.steps, "ends": [list(end) for end in ends]}
    if outcome.error is None:
        return {**found, "value": outcome.text}
    place = {"line": outcome.line, "column": outcome.column} if outcome.line else {}
    return {**found, "error": {"kind": str(outcome.error), "message": str(outcome.raised()), **place}}


def _check(job: Job) -> Iterator[Answer]:
    """Whether the text is a program, and which holes it has."""
    try:
        program = parse(job.source)
    except SourceError as error:
        yield {"kind": "checked", "problem": problem(error), "holes": []}
        return
    names = [part.name for part in subterms(program) if isinstance(part, (Hole, Sample))]
    yield {"kind": "checked", "problem": None, "holes": list(dict.fromkeys(names))}


def _run(job: Job) -> Iterator[Answer]:
    outcome, ends = make_engine(job.engine, limits=job.limits()).run_soft(job.source, holes=fillings(job.holes))
    if outcome.error is ErrorKind.OUT_OF_MEMORY and "device" in outcome.message:
        raise MemoryError
    yield result(outcome, ends)


def _trace(job: Job) -> Iterator[Answer]:
    """The result first, for it is there soon; then the record of the run."""
    yield from _run(job)
    yield from record(job)


_ANSWERS = {"check": _check, "run": _run, "trace": _trace}
