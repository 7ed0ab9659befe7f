"""From terms to text: one canonical line, or a layout for people. Both parse back to the same term."""

from collections.abc import Callable

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.lang.scope import tree_size
from neurallambda.lang.syntax.forms import Part, write
from neurallambda.lang.syntax.layout import lay_out
from neurallambda.lang.terms import Term

_LONG = 10_000
"""From how many nodes on a term is worth counting before it is written."""


@checked
def to_text(term: Term, *, width: int | None = None, limit: int = 10_000_000) -> str:
    """Write a term as text that parses back to it.

    Args:
        term: what to write.
        width: None for the canonical text, on one line; else the text is laid out over lines of about this width.
        limit: how many nodes to write at most. A term may share its parts, and then it can be far larger as text than
            in memory.

    Raises:
        ArgumentError: the term has more than `limit` nodes.

    >>> from neurallambda.lang.syntax.parser import parse_term
    >>> to_text(parse_term("'( '(1   2) (+ 1) (fn [x] (fn [y] x)) )"))
    "'('(1 2) (+ 1) (fn [x y] x))"
    >>> print(to_text(parse_term("(if (< n 2) 1 (* n (factorial (- n 1))))"), width=30))
    (if (< n 2)
        1
        (* n (factorial (- n 1))))
    """
    spend = _budget(term, limit)
    return _flat(term, spend) if width is None else lay_out(term, width, spend)


def _budget(term: Term, limit: int) -> Callable[[], None]:
    """What counts the nodes written and refuses too many."""
    left = limit

    def spend() -> None:
        nonlocal left
        left -= 1
        # Counting is done only for a term that proves long, and before its text fills the memory.
        if left < 0 or (left == limit - _LONG and tree_size(term) > limit):
            raise ArgumentError(
                f"term: it has more than {limit:,} nodes when its shared parts are written out; "
                "write a smaller part of it, or raise `limit`"
            )

    return spend


def _flat(term: Term, spend: Callable[[], None]) -> str:
    text: list[str] = []
    todo: list[Part] = [term]
    while todo:
        item = todo.pop()
        if isinstance(item, Term):
            spend()
            item = write(item)
        if isinstance(item, str):
            text.append(item)
            continue
        text.append(item.opening)
        todo.append(item.closing)
        separator = ""
        for part in reversed(item.parts):
            todo += (separator, part)
            separator = " "
    return "".join(text)
