"""A page of SVG: text, boxes, heat maps and lines, by class, so that one style sheet gives them light and dark colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

ROUNDNESS = {"card": 8, "ground": 2}
"""How round the corners of a box are, by its class."""


@dataclass
class Page:
    """What has been drawn so far. Lengths are in pixels, from the left and from the top."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, *spans: tuple[str, str], anchor: str = "start") -> None:
        """Write one line of text.

        Args:
            x: where it begins, or ends where `anchor` is `end`.
            y: its base line.
            spans: pieces of text, each with its class, a blank apart.
            anchor: which end of the text `x` is.
        """
        end = "" if anchor == "start" else f' text-anchor="{anchor}"'
        gaps = ["", *[' dx="8"'] * len(spans)]
        pieces = [
            f'<tspan class="{style}"{gap}>{escape(text, quote=False)}</tspan>'
            for gap, (text, style) in zip(gaps, spans, strict=False)
        ]
        self.parts.append(f'<text x="{_number(x)}" y="{_number(y)}"{end}>{"".join(pieces)}</text>')

    def box(self, x: float, y: float, width: float, height: float, style: str, *, opacity: float = 1.0) -> None:
        """Draw a rectangle."""
        corners = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
        faint = "" if opacity == 1 else f' opacity="{opacity:.2f}"'
        self.parts.append(f'<rect {corners} rx="{ROUNDNESS.get(style, 0)}" class="{style}"{faint}/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str = "line") -> None:
        """Draw a straight line."""
        start, end = f'x1="{_number(x1)}" y1="{_number(y1)}"', f'x2="{_number(x2)}" y2="{_number(y2)}"'
        self.parts.append(f'<line {start} {end} class="{style}"/>')

    def heat_map(
        self, x: float, y: float, rows: Sequence[Mapping[int, float]], styles: Sequence[str], cell: tuple[float, float]
    ) -> None:
        """Draw a matrix: an entry is as opaque as it is large, and zeros are the ground.

        Args:
            x: its left edge.
            y: its upper edge.
            rows: of each row the columns that are not zero, and what they are, up to one.
            styles: the class of each column.
            cell: how wide and how high an entry is.
        """
        width, height = cell
        self.box(x, y, len(styles) * width, len(rows) * height, "ground")
        for number, row in enumerate(rows):
            for column, value in row.items():
                place = (x + column * width, y + number * height + 1)
                self.box(*place, width, height - 2, styles[column], opacity=value)

    def render(self, *, title: str, description: str, style: str) -> str:
        """The whole page as text."""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>{style}</style>",
            *self.parts,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """A length, as short as it can be written."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
