"""Small tables for notebooks: plain HTML, without scripts, in the notebook's own style."""

from collections.abc import Iterable, Sequence
from html import escape


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, note: str = "") -> str:
    """A table; whatever stands in it is text.

    Args:
        head: the titles of the columns.
        rows: the cells, each shown by its text; a number from 0 to 1 that is a float, as a probability with a bar.
        note: a line below.

    Example:
        >>> table(["value", "probability"], [["<b>", 0.5]])
        '<table><thead><tr><th>value</th><th>probability</th></tr></thead><tbody><tr><td><code>&lt;b&gt;</code></td><td>0.5000 <meter value="0.5" min="0" max="1"></meter></td></tr></tbody></table>'
    """
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return f'{cell:.4f} <meter value="{cell:.6g}" min="0" max="1"></meter>'
    return f"<code>{escape(str(cell))}</code>"
