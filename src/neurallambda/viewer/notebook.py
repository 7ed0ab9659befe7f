"""A run in the cell of a notebook: at first how its term became its end, as plain text; one click away, the whole viewer."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from neurallambda.arguments import checked
from neurallambda.traces import states
from neurallambda.viewer.page import page

MOST = 8
"""So many terms are shown at first: those that the run begins with, and those that it ends with."""
LONGEST = 100
HEIGHT = 640
LARGEST = 4_000_000
"""How many characters the viewer may add to a notebook."""


@dataclass(frozen=True, eq=False, repr=False)
class ShownRun:
    """A run that a notebook shows; `show` makes it."""

    trace: Mapping[str, Any]

    def __repr__(self) -> str:
        end = self.trace["end"]["outcome"]
        return f"ShownRun({len(self.trace['steps'])} steps, ends in {_end(end)})"

    def _repr_html_(self) -> str:
        """What stands in the cell. Neither the table nor the viewer reads or changes anything else in the notebook."""
        rows = "".join(
            f'<tr><td style="text-align: right">{number}</td><td style="text-align: left"><code>{escape(text)}</code></td></tr>'
            for number, text in self._terms()
        )
        end = escape(_end(self.trace["end"]["outcome"]))
        whole = page(self.trace)
        frame = (
            f'<iframe loading="lazy" sandbox="allow-scripts" title="The run, step by step" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0" srcdoc="{escape(whole)}"></iframe>'
            if len(whole) <= LARGEST
            else f"<p>The viewer would need {len(whole):,} characters here; <code>neurallambda.viewer.page</code> writes it as a page.</p>"
        )
        return (
            f'<table><thead><tr><th>step</th><th style="text-align: left">term</th></tr></thead><tbody>{rows}</tbody></table>'
            f"<p>{len(self.trace['steps'])} steps, ends in <code>{end}</code></p>"
            f"<details><summary>Step through it</summary>{frame}</details>"
        )

    def _terms(self) -> list[tuple[str, str]]:
        """The terms that differ from the one before, each with its step; in the middle of a long run some are left out."""
        found: list[tuple[str, str]] = []
        for state in states([self.trace["header"], *self.trace["steps"], self.trace["end"]]):
            lane = max(state.lanes.values(), key=lambda one: one["weight"], default=None)
            text = (lane or {}).get("term", {}).get("text")
            if text is not None and (not found or found[-1][1] != text):
                found.append((str(state.number), text))
        shown = found if len(found) <= MOST else [*found[: MOST // 2], ("⋮", ""), *found[-MOST // 2 :]]
        return [(number, text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") for number, text in shown]


@checked
def show(trace: Mapping[str, Any]) -> ShownRun:
    """A run, for the last line of a notebook's cell.

    Args:
        trace: the record of a run, as one document.

    Returns:
        What a notebook shows as a table of terms, with the viewer one click away.

    Example:
        >>> from neurallambda.traces import document, trace
        >>> run = show(document(trace("((fn [x] (+ x 1)) 2)", engine="reference")))
        >>> run
        ShownRun(6 steps, ends in 3)
        >>> "<code>(+ 2 1)</code>" in run._repr_html_()
        True
    """
    page(trace)  # says at once what is wrong with it
    return ShownRun(trace)


def _end(outcome: Mapping[str, Any]) -> str:
    return outcome.get("value") or outcome.get("verdict") or f"error {outcome.get('error')}"
