"""Curves over a quantity that doubles from mark to mark, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from docs.figures.svg import Page

STYLE = Path(__file__).with_name("plot.css").read_text()
MARK = 7


@dataclass(frozen=True)
class Plot:
    """Where curves are drawn, in pixels.

    Attributes:
        left, top: the corner of the area of the curves.
        width, height: its size.
    """

    left: float
    top: float
    width: float = 400
    height: float = 240

    def draw(
        self,
        page: Page,
        curves: Mapping[str, Sequence[float | None]],
        *,
        title: str,
        marks: Sequence[int],
        note: str,
        ticks: Sequence[float],
    ) -> None:
        """Draw curves.

        Args:
            page: what is drawn on.
            curves: by the class of each in the style sheet, its values at the marks; None where there is none.
            title: what the values are.
            marks: what is written below, at equal distances.
            note: what the marks are.
            ticks: what is written at the left, from zero upwards, at equal distances.
        """
        bottom, step = self.top + self.height, self.width / (len(marks) - 1)

        def height(value: float) -> float:
            return bottom - self.height * value / ticks[-1]

        page.text(self.left, self.top - 28, (title, "title"))
        for tick in ticks:
            page.line(self.left, height(tick), self.left + self.width, height(tick))
            page.text(self.left - 10, height(tick) + 4, (f"{tick:,g}", "note"), anchor="end")
        for index, mark in enumerate(marks):
            page.text(self.left + index * step + 12, bottom + 22, (str(mark), "note"), anchor="end")
        page.text(self.left, bottom + 44, (note, "note"))
        for style, values in curves.items():
            points = [(self.left + i * step, height(value)) for i, value in enumerate(values) if value is not None]
            for (x1, y1), (x2, y2) in pairwise(points):
                page.line(x1, y1, x2, y2, f"curve {style}")
            for x, y in points:
                page.box(x - MARK / 2, y - MARK / 2, MARK, MARK, style)


def legend(page: Page, left: float, top: float, names: Mapping[str, str]) -> None:
    """Say what the curves are called, by their classes, three in a row."""
    for number, (style, name) in enumerate(names.items()):
        x, y = left + (number % 3) * 300, top + (number // 3) * 26
        page.box(x, y - MARK, 2 * MARK, MARK, style)
        page.text(x + 22, y, (name, ""))


def ticks(most: float) -> tuple[float, ...]:
    """Five round numbers from zero to at least the greatest."""
    step = next(base for base in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if 4 * base >= most)
    return tuple(float(step * index) for index in range(5))
