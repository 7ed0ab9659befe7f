"""One page for one run: it holds the record and all that shows it, asks nothing of any other place, and opens from disk."""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError

_AS_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""What could end a script, or a line in one, and is the same text to a reader of JSON."""
LONGEST_TITLE = 60


@checked
def page(trace: Mapping[str, Any]) -> str:
    """A page of HTML that shows a run step by step.

    Text from programs stands in it as data alone, never as HTML, and the page may load nothing and run no script but its own.

    Args:
        trace: the record of a run, as one document: `header`, `steps` and `end`.

    Returns:
        The page. Written to a file, it opens in any browser.

    Raises:
        ArgumentError: if the trace is no such record.

    Example:
        >>> lane = {"id": 0, "term": {"text": "(+ 1 2)", "redex": [0, 7]}}
        >>> end = {"steps": 1, "outcome": {"value": "3"}, "distribution": [{"value": "3", "weight": 1.0}]}
        >>> steps = [{"number": 1, "lanes": [{"id": 0, "term": {"text": "3"}}]}]
        >>> shown = page({"header": {"engine": "normalize", "lanes": [lane], "memory": []}, "steps": steps, "end": end})
        >>> shown.count("<script"), "http" in shown.partition("<style>")[0].replace("http-equiv", "")
        (2, False)
    """
    missing = [part for part in ("header", "steps", "end") if part not in trace]
    if missing:
        raise ArgumentError(f"trace: it has no {missing[0]}; expected a record with header, steps and end")
    try:
        record = json.dumps(trace, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"trace: it is not plain JSON: {error}") from None
    script = _asset("viewer.js").strip()
    parts = {
        "digest": b64encode(sha256(script.encode()).digest()).decode(),
        "title": escape(_title(trace["header"])),
        "summary": escape(_summary(trace)),
        "style": _asset("viewer.css").strip(),
        "record": record.translate(_AS_ESCAPES),
        "script": script,
    }
    template = _asset("viewer.html")
    # One pass from left to right: what a part says is never taken for the name of another.
    pieces: list[str] = []
    for name in ("digest", "title", "style", "summary", "record", "script"):
        before, found, template = template.partition("{" + name + "}")
        assert found, f"viewer.html has no place for {name}"
        pieces += [before, parts[name]]
    return "".join([*pieces, template])


def _title(header: Mapping[str, Any]) -> str:
    text = " ".join(str(header.get("name") or header.get("source") or "A run").split())
    shown = text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
    return f"{shown} · {header.get('engine', 'neurallambda')}"


def _summary(trace: Mapping[str, Any]) -> str:
    """What is said where scripts do not run."""
    outcome = trace["end"].get("outcome", {})
    end = outcome.get("value") or outcome.get("verdict") or f"error {outcome.get('error')}"
    return f"This page shows a run of {len(trace['steps'])} steps, which ends in {end}; it needs JavaScript."


@cache
def _asset(name: str) -> str:
    return files("neurallambda.viewer").joinpath("assets", name).read_text(encoding="utf-8")
