"""The figure of what a codebook costs: success and time against the width of the vectors, drawn from the result.

`python -m docs.figures.codebook` writes `codebook.svg` beside this file; a test checks that it is current.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from docs.figures.svg import Page

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "beta_codebook.json"
FILE = Path(__file__).with_name("codebook.svg")
STYLE = Path(__file__).with_name("codebook.css").read_text()

CURVES = {
    "onehot": ("one-hot", "code"),
    "orthonormal": ("orthonormal", "register"),
    "gaussian_cleaned_up": ("Gaussian, cleaned up", "value"),
    "gaussian_with_a_floor": ("Gaussian, less than 0.2 taken for nothing", "pointer"),
    "gaussian_as_it_is": ("Gaussian, as it is", "frame"),
}
"""The curves of the result, what they are called, and their class in the style sheet."""

WIDTH, PLOT, HEIGHT, LEFT, TOP, GAP = 1040, 400, 240, 64, 64, 100
MARK = 7


def draw(numbers: Mapping[str, Any]) -> str:
    """The figure as SVG."""
    page = Page(WIDTH, TOP + HEIGHT + 150)
    page.box(0.5, 0.5, page.width - 1, page.height - 1, "card")
    widths = numbers["vec_sizes"]
    _plot(page, LEFT, f"programs of {numbers['programs']} that reduce", numbers, "success", (0.0, 0.25, 0.5, 0.75, 1.0))
    times = [number for name in CURVES for number in numbers[f"{name}_milliseconds_per_step"] if number is not None]
    ticks = _ticks(max(times))
    _plot(page, LEFT + PLOT + GAP, "milliseconds a step, one program", numbers, "milliseconds_per_step", ticks)
    for number, (label, style) in enumerate(CURVES.values()):
        x, y = LEFT + (number % 3) * 300, TOP + HEIGHT + 80 + (number // 3) * 26
        page.box(x, y - MARK, 2 * MARK, MARK, style)
        page.text(x + 22, y, (label, ""))
    return page.render(
        title="What a codebook costs",
        description=f"Success and time a step against vectors {widths[0]} to {widths[-1]} wide, for each codebook.",
        style=STYLE,
    )


def _plot(
    page: Page, left: float, title: str, numbers: Mapping[str, Any], quantity: str, ticks: Sequence[float]
) -> None:
    widths = numbers["vec_sizes"]
    bottom, step = TOP + HEIGHT, PLOT / (len(widths) - 1)

    def height(value: float) -> float:
        return bottom - HEIGHT * value / ticks[-1]

    page.text(left, TOP - 28, (title, "title"))
    for tick in ticks:
        page.line(left, height(tick), left + PLOT, height(tick))
        page.text(left - 10, height(tick) + 4, (f"{tick:g}", "note"), anchor="end")
    for index, width in enumerate(widths):
        page.text(left + index * step + 12, bottom + 22, (str(width), "note"), anchor="end")
    page.text(left, bottom + 44, ("width of the vectors", "note"))
    for name, (_, style) in CURVES.items():
        values = numbers[f"{name}_{quantity}"]
        points = [(left + i * step, height(value)) for i, value in enumerate(values) if value is not None]
        for (x1, y1), (x2, y2) in pairwise(points):
            page.line(x1, y1, x2, y2, f"curve {style}")
        for x, y in points:
            page.box(x - MARK / 2, y - MARK / 2, MARK, MARK, style)


def _ticks(most: float) -> tuple[float, ...]:
    """Five round numbers from zero to at least the greatest."""
    step = next(base for base in (1, 2, 5, 10, 20, 50, 100, 200, 500) if 4 * base >= most)
    return tuple(float(step * index) for index in range(5))


def main() -> None:
    """Draw it again."""
    FILE.write_text(draw(json.loads(RESULT.read_text())["numbers"]))


if __name__ == "__main__":
    main()
