"""The playground where there is no server: the rooms without tensors run in the browser itself, by Pyodide.

`archive` packs what they need; a worker in the browser unpacks it and asks `settings` and `answers`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from neurallambda import engines
from neurallambda.engines.protocol import MAX_STEPS
from neurallambda.errors import ArgumentError
from neurallambda.viewer.playground.gallery import gallery
from neurallambda.viewer.playground.jobs import perform
from neurallambda.viewer.playground.limits import PlaygroundLimits
from neurallambda.viewer.playground.requests import read_job

ENGINES = tuple(str(name) for name, engine in engines.ENGINES.items() if not engine.has_tensors)
"""What runs without tensors: the reference evaluator first, then the discrete steppers."""
PACKAGES = ("neurallambda", "lark", "rich")
"""What is packed: this package, the parser's, and the one that knows how wide a character is."""
KINDS = (".py", ".lark", ".lisp", ".json", ".typed")
LIMITS = PlaygroundLimits(steps=200_000)


def settings() -> str:
    """What the page needs to know, as JSON: the programs of the gallery that run without tensors, and the limits."""
    found = [{**one, "engine": "reference"} for one in gallery() if "holes" not in one and "engine" not in one]
    limits = {"source": LIMITS.source, "steps": LIMITS.steps, "traced": LIMITS.traced, "seconds": LIMITS.seconds}
    return json.dumps(
        {
            "version": version("neurallambda"),
            "soft": False,
            "traced": ENGINES,
            "engines": ENGINES,
            "gallery": found,
            "limits": limits,
        }
    )


def answers(kind: str, body: str) -> Iterator[str]:
    """What there is to tell of a program: lines of JSON, as the server's.

    Args:
        kind: `check`, `run` or `trace`.
        body: the request, as the server takes it.

    Example:
        >>> [json.loads(line)["value"] for line in answers("run", '{"source": "(+ 1 2)", "engine": "reference"}')]
        ['3']
    """
    try:
        job = read_job(kind, body.encode("utf-8", "surrogatepass"), LIMITS)
        if job.engine != "reference":  # what a stepper keeps of each step grows with the steps
            job = replace(job, max_steps=min(job.max_steps, MAX_STEPS[job.engine]))
        if kind != "check" and job.engine not in ENGINES:
            raise ArgumentError(f"engine: got {job.engine}, which needs tensors; a browser has {', '.join(ENGINES)}")
        for name, filling in job.holes.items():
            if isinstance(filling, list) or len(filling) > 1:
                raise ArgumentError(
                    f"holes[{name!r}]: it is a list or may be several values, and without a server an engine takes one value "
                    f"for each hole; `neurallambda serve` has engines that take more"
                )
    except ArgumentError as error:
        yield json.dumps({"kind": "problem", "problem": {"message": str(error)}})
        return
    for answer in perform(job):
        yield json.dumps(answer, separators=(",", ":"))


def archive() -> bytes:
    """The packages that run in the browser, as a zip file."""
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as packed:
        for package in PACKAGES:
            spec = find_spec(package)
            assert spec is not None
            assert spec.origin is not None
            root = Path(spec.origin).parent
            for path in sorted(root.rglob("*")):
                if path.suffix in KINDS and "assets" not in path.parts:
                    packed.write(path, f"{package}/{path.relative_to(root)}")
        name = f"neurallambda-{version('neurallambda')}.dist-info/METADATA"
        packed.writestr(name, f"Metadata-Version: 2.1\nName: neurallambda\nVersion: {version('neurallambda')}\n")
    return stream.getvalue()
