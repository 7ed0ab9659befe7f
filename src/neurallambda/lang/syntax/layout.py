"""Breaking a form over lines."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Union

from neurallambda.lang.syntax.forms import Form, write
from neurallambda.lang.terms import Term
from neurallambda.lang.trampoline import trampoline

_Text = Union[str, "_Block"]


@dataclass(frozen=True, slots=True)
class _Block:
    """A form whose parts are all written, and how wide it is on one line."""

    form: Form
    parts: tuple[_Text, ...]
    width: int


def lay_out(term: Term, width: int, spend: Callable[[], None]) -> str:
    """Lay a term out over lines of about `width` characters.

    However deep a term nests, no line starts further in than two thirds of the width.

    Args:
        term: what to write.
        width: the length of line to aim at.
        spend: called once a node; it raises where there are too many.
    """
    text: list[str] = []
    column = 0
    # What is still to be written, each with how much must fit after it on its line; a number starts a line that far in.
    todo: list[tuple[_Text | int, int]] = [(trampoline(_measured(term, spend)), 0)]
    while todo:
        item, after = todo.pop()
        if isinstance(item, int):
            text.append("\n" + " " * item)
            column = item
        elif isinstance(item, str):
            text.append(item)
            column += len(item)
        elif item.form.fills:
            todo += reversed(_filled(item, column, width, after))
        elif item.form.breaks or column + item.width + after > width:
            todo += reversed(_broken(item, min(column + item.form.indent, _furthest(width)), after))
        else:
            todo += reversed(_joined(item))
    return "".join(text)


def _measured(part: str | Term | Form, spend: Callable[[], None]) -> Generator[Any, Any, _Text]:
    if isinstance(part, Term):
        spend()
        part = write(part)
    if isinstance(part, str):
        return part
    parts: list[_Text] = []
    for inner in part.parts:
        parts.append((yield _measured(inner, spend)))
    inside = sum(map(_width, parts)) + max(0, len(parts) - 1)
    return _Block(part, tuple(parts), len(part.opening) + inside + len(part.closing))


def _furthest(width: int) -> int:
    return 2 * width // 3


def _width(text: _Text) -> int:
    return len(text) if isinstance(text, str) else text.width


def _joined(block: _Block) -> list[tuple[_Text | int, int]]:
    """The pieces of a block that fits on the line: so does every block in it."""
    return _pieces(block, [" "] * len(block.parts), 0)


def _broken(block: _Block, indent: int, after: int) -> list[tuple[_Text | int, int]]:
    breaks: list[_Text | int] = [" " if index < block.form.kept else indent for index in range(len(block.parts))]
    return _pieces(block, breaks, after)


def _filled(block: _Block, column: int, width: int, after: int) -> list[tuple[_Text | int, int]]:
    """As many parts on each line as fit. A part too wide for a line of its own is broken further."""
    indent = min(column + block.form.indent, _furthest(width))
    column += len(block.form.opening)
    breaks: list[_Text | int] = []
    for index, part in enumerate(block.parts):
        closing = len(block.form.closing) + after if index == len(block.parts) - 1 else 0
        fits = column + 1 + _width(part) + closing <= width
        breaks.append(" " if fits else indent)
        column = (column + 1 if fits else indent) + _width(part)
    return _pieces(block, breaks, after)


def _pieces(block: _Block, breaks: list[_Text | int], after: int) -> list[tuple[_Text | int, int]]:
    """A block's brackets and parts, with `breaks[i]` before part i (before the first one there is none)."""
    pieces: list[tuple[_Text | int, int]] = [(block.form.opening, 0)]
    for index, part in enumerate(block.parts):
        if index:
            pieces.append((breaks[index], 0))
        is_last = index == len(block.parts) - 1
        pieces.append((part, len(block.form.closing) + after if is_last else 0))
    pieces.append((block.form.closing, 0))
    return pieces
