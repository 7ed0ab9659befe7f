"""Writes measured numbers into pages: `<!-- result: NAME -->` becomes a table of `benchmarks/results/NAME.json`."""

import json
import re
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
PLACE = re.compile(r"<!-- result: (?P<name>\w+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace every place on a page; mkdocs calls this."""
    return PLACE.sub(lambda match: table(json.loads((RESULTS / f"{match['name']}.json").read_text())), markdown)


def table(result: dict[str, Any]) -> str:
    """One result as a table: what was measured, its bound, and under what circumstances."""
    limits = {name: _text(limit) for name, limit in result["limits"].items()}
    limits |= {name: f"{limits[name]}, **missed**" for name in result["missed"]}
    rows = [f"| {name} | {_text(value)} | {limits.get(name, '')} |" for name, value in result["numbers"].items()]
    where, versions = result["hardware"], result["versions"]
    circumstances = (
        f"{where['cpu']}, {where['cores']} cores, {where['torch_threads']} torch thread(s), "
        f"torch {versions['torch']}, Python {versions['python']}, {result['date'][:10]}, "
        f"commit {(result['commit'] or 'unknown')[:10]}"
    )
    return "\n".join(
        [
            f"*{result['claim'][0].upper()}{result['claim'][1:]}.*",
            "",
            "| number | measured | at most |",
            "| --- | --- | --- |",
            *rows,
            "",
            circumstances,
        ]
    )


def _text(value: Any) -> str:
    """A number to three digits, with the quartiles where there are some; a dash where nothing was measured."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return f"{value['median']:.3g} ({value['lower_quartile']:.3g} to {value['upper_quartile']:.3g})"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
