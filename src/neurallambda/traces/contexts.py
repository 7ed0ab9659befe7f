"""The term that a state of an evaluator stands for: what is evaluated, inside of all that waits for its value.

Terms are put together as text. What waits is written once, when it begins to wait, and the text around it is remembered:
a step of a program that waits a thousand levels deep writes one level.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from neurallambda.errors import ArgumentError
from neurallambda.lang import terms
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Apply, List, Term, Variable
from neurallambda.traces.pictures import Item, Picture

MARK = "\N{WHITE SQUARE}"
"""Stands for the value that is awaited; no program can have this name."""
AWAITED = Variable(MARK)
_IGNORED = re.compile(r"(?<![\w\-?!*<>=+/])_(?![\w\-?!*<>=+/])")
"""The name `_` of a program; in a frame `_` is the awaited value."""
LARGEST = 4_000
"""How many nodes a value may have to be written in a trace."""
LONGEST = 20_000
"""How many characters the text of a state may have."""

LIST, CALL, OTHER = "list", "call", "other"
"""Kinds of texts: a list, a call with arguments, anything else. Some frames take the brackets of a list or a call away."""


@dataclass(frozen=True)
class Written:
    """A text and its kind."""

    text: str
    kind: str = OTHER


@dataclass(frozen=True)
class Around:
    """What stands before and after something; `takes` the brackets of what it is put around."""

    before: str
    after: str
    takes: bool = False
    kind: str = OTHER


@dataclass(eq=False)
class Waiting:
    """What waits for a value.

    Attributes:
        around: the text around the value, given what kind of text stands for it.
        outer: what waits for the value of all this.
        address: of the cell that it is, if it is one.
        wholes: all the text around, remembered for each kind.
    """

    around: Callable[[str], Around]
    outer: "Waiting | None"
    address: str | None = None
    wholes: dict[str, Around] = field(default_factory=dict)


def written(term: Term) -> Written:
    """A term as text, with its kind.

    Raises:
        TooLargeError: where it has too many nodes.
    """
    try:
        text = to_text(term, limit=10 * LARGEST)
    except ArgumentError as error:
        raise TooLargeError(str(error)) from None
    if isinstance(term, List):
        return Written(text, LIST)
    return Written(text, CALL if isinstance(term, Apply) and term.arguments else OTHER)


class TooLargeError(Exception):
    """What cannot be written down."""


def around_term(term: Term) -> Around:
    """A term with the awaited value somewhere in it, as what stands around that."""
    text = written(term)
    before, _, after = text.text.partition(MARK)
    return Around(before, after, kind=text.kind)


def call_of(function: Term) -> Callable[[str], Around]:
    """A function that waits for its argument."""
    found = around_term(terms.apply(function, (AWAITED,)))
    return lambda kind: found


def function_for(argument: Term) -> Callable[[str], Around]:
    """An argument that waits for its function: `((f a) b)` is `(f a b)`."""
    text = written(argument).text
    return lambda kind: Around("(", f" {text})", takes=kind == CALL, kind=CALL)


def first_of(operator: str, right: Term) -> Callable[[str], Around]:
    """A binary primitive that waits for its first operand; where it makes a list, that is written as one."""
    text = written(right)
    if operator == "cons" and text.kind == LIST:
        rest = text.text[2:]
        found = Around("'(", rest if rest == ")" else f" {rest}", kind=LIST)
    else:
        found = Around(f"({operator} ", f" {text.text})", kind=CALL)
    return lambda kind: found


def second_of(operator: str, left: Term) -> Callable[[str], Around]:
    """A binary primitive that waits for its second operand; the rest of a list is put into the list."""
    text = written(left).text

    def around(kind: str) -> Around:
        if operator == "cons" and kind == LIST:
            return Around(f"'({text} ", ")", takes=True, kind=LIST)
        return Around(f"({operator} {text} ", ")", kind=CALL)

    return around


def constant(found: Around) -> Callable[[str], Around]:
    """What stands around is the same for every value."""
    return lambda kind: found


def whole_around(waiting: Waiting | None, kind: str) -> Around:
    """All that stands around something of this kind, out to the whole program."""
    chain: list[tuple[Waiting, str, Around]] = []
    while waiting is not None and kind not in waiting.wholes:
        own = waiting.around(kind)
        chain.append((waiting, kind, own))
        waiting, kind = waiting.outer, own.kind
    whole = waiting.wholes[kind] if waiting is not None else Around("", "")
    for one, its_kind, own in reversed(chain):
        before, after = _without_brackets(own.before, own.after, own.kind) if whole.takes else (own.before, own.after)
        whole = Around(whole.before + before, after + whole.after, takes=own.takes)
        one.wholes[its_kind] = whole
    return whole


def picture(
    content: Written,
    waiting: Waiting | None,
    *,
    is_value: bool,
    soft: tuple[tuple[tuple[int, int], tuple[tuple[str, float], ...]], ...] = (),
    confidence: float = 1.0,
) -> Picture:
    """The term of a state.

    Args:
        content: what is evaluated, or the value that has come.
        waiting: what waits for it.
        is_value: whether it is a value: then the next step works on what waits for it, else on itself.
        soft: the mixture that it stands for, its place counted from its own start.
        confidence: how much of the state it is.
    """
    whole = whole_around(waiting, content.kind)
    before, text, after = whole.before, content.text, whole.after
    if whole.takes:
        text = content.text[2 if content.kind == LIST else 1 : -1]
        before = before if text else before.rstrip(" ")
    start, end = len(before), len(before) + len(text)
    shifted = tuple(((start + at, start + to), values) for (at, to), values in soft)
    if is_value and waiting is not None:
        own = waiting.around(content.kind)
        outer = whole_around(waiting.outer, own.kind)
        start, end = len(outer.before), len(before) + len(text) + len(after) - len(outer.after)
    redex = None if is_value and waiting is None else (start, end)
    if len(before) + len(text) + len(after) > LONGEST:
        return Picture(None, omitted=f"it has more than {LONGEST:,} characters")
    return Picture(before + text + after, redex, shifted, confidence)


def frames(waiting: Waiting | None) -> tuple[Item, ...]:
    """What waits, the innermost last, each in its own words."""
    found: list[Item] = []
    while waiting is not None:
        own = waiting.around(OTHER)
        before, after = (_IGNORED.sub("·", text) for text in (own.before, own.after))
        found.append(Item(shortened(f"{before}_{after}"), waiting.address))
        waiting = waiting.outer
    return tuple(reversed(found))


def shortened(text: str, most: int = 60) -> str:
    """A text, or its two ends."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) + 1 :]}"


def _without_brackets(before: str, after: str, kind: str) -> tuple[str, str]:
    """The start without its opening bracket, and the end without its closing one."""
    return before[2 if kind == LIST else 1 :], after[:-1]
