"""The figure of what a codebook costs: success and time against the width of the vectors, drawn from the result.

`python -m docs.figures.codebook` writes `codebook.svg` beside this file; a test checks that it is current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.figures.plot import STYLE, Plot, legend, ticks
from docs.figures.svg import Page

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "beta_codebook.json"
FILE = Path(__file__).with_name("codebook.svg")

CURVES = {
    "onehot": ("one-hot", "code"),
    "orthonormal": ("orthonormal", "register"),
    "gaussian_cleaned_up": ("Gaussian, cleaned up", "value"),
    "gaussian_with_a_floor": ("Gaussian, less than 0.2 taken for nothing", "pointer"),
    "gaussian_as_it_is": ("Gaussian, as it is", "frame"),
}
"""The curves of the result, what they are called, and their class in the style sheet."""

SUCCESS, TIME = Plot(64, 64), Plot(564, 64)


def draw(numbers: Mapping[str, Any]) -> str:
    """The figure as SVG."""
    page = Page(1040, 454)
    page.box(0.5, 0.5, page.width - 1, page.height - 1, "card")
    widths = numbers["vec_sizes"]
    success, time = (
        {style: numbers[f"{name}_{quantity}"] for name, (_, style) in CURVES.items()}
        for quantity in ("success", "milliseconds_per_step")
    )
    along = {"marks": widths, "note": "width of the vectors"}
    title = f"programs of {numbers['programs']} that reduce"
    SUCCESS.draw(page, success, title=title, ticks=(0.0, 0.25, 0.5, 0.75, 1.0), **along)
    most = max(value for values in time.values() for value in values if value is not None)
    TIME.draw(page, time, title="milliseconds a step, one program", ticks=ticks(most), **along)
    legend(page, SUCCESS.left, 384, {style: label for label, style in CURVES.values()})
    return page.render(
        title="What a codebook costs",
        description=f"Success and time a step against vectors {widths[0]} to {widths[-1]} wide, for each codebook.",
        style=STYLE,
    )


def main() -> None:
    """Draw it again."""
    FILE.write_text(draw(json.loads(RESULT.read_text())["numbers"]))


if __name__ == "__main__":
    main()
