"""Regular expressions: read from text, and taken apart by their derivatives.

The derivative of an expression by a symbol is an expression for what may follow that symbol. An expression with its
derivatives, theirs and so on is a deterministic machine; written in one normal form they are finitely many.

Reference: J. A. Brzozowski, "Derivatives of Regular Expressions", Journal of the ACM 11 (1964).
"""

from collections.abc import Iterable
from typing import NamedTuple

from neurallambda.errors import ArgumentError

MOST_TIMES = 1000
"""The most that `{m,n}` may repeat."""

_DEEPEST = 100


class OneOf(NamedTuple):
    """One symbol out of some; of none, nothing at all."""

    symbols: frozenset[str]


class Sequence(NamedTuple):
    """One after the other; of none, the empty string."""

    parts: tuple["Expression", ...]


class AnyOf(NamedTuple):
    """What one of at least two expressions matches."""

    options: frozenset["Expression"]


class AllOf(NamedTuple):
    """What all of at least two expressions match."""

    options: frozenset["Expression"]


class Repeat(NamedTuple):
    """From `least` to `most` times, without end where `most` is None."""

    body: "Expression"
    least: int
    most: int | None


Expression = OneOf | Sequence | AnyOf | AllOf | Repeat
NOTHING = OneOf(frozenset())
EMPTY = Sequence(())


def sequence(parts: Iterable[Expression]) -> Expression:
    """The parts one after the other."""
    flat: list[Expression] = []
    for part in parts:
        if part == NOTHING:
            return NOTHING
        flat += part.parts if isinstance(part, Sequence) else (part,)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def any_of(options: Iterable[Expression]) -> Expression:
    """What one of the options matches."""
    flat: set[Expression] = set()
    for option in options:
        flat |= option.options if isinstance(option, AnyOf) else {option}
    flat.discard(NOTHING)
    return flat.pop() if len(flat) == 1 else AnyOf(frozenset(flat)) if flat else NOTHING


def all_of(options: Iterable[Expression]) -> Expression:
    """What all options match."""
    flat: set[Expression] = set()
    for option in options:
        flat |= option.options if isinstance(option, AllOf) else {option}
    return NOTHING if NOTHING in flat else flat.pop() if len(flat) == 1 else AllOf(frozenset(flat))


def repeat(body: Expression, least: int, most: int | None) -> Expression:
    """The body from `least` to `most` times."""
    if most == 0 or body == EMPTY:
        return EMPTY
    if body == NOTHING:
        return NOTHING if least else EMPTY
    return body if (least, most) == (1, 1) else Repeat(body, least, most)


def matches_empty(expression: Expression) -> bool:
    """Does it match the empty string?"""
    match expression:
        case OneOf():
            return False
        case Sequence(parts):
            return all(map(matches_empty, parts))
        case AnyOf(options):
            return any(map(matches_empty, options))
        case AllOf(options):
            return all(map(matches_empty, options))
        case Repeat(body, least, _):
            return least == 0 or matches_empty(body)


def derivative(expression: Expression, symbol: str) -> Expression:
    """What may follow the symbol at the start of what the expression matches."""
    match expression:
        case OneOf(symbols):
            return EMPTY if symbol in symbols else NOTHING
        case Sequence(parts):
            options = []
            for place, part in enumerate(parts):
                options.append(sequence((derivative(part, symbol), *parts[place + 1 :])))
                if not matches_empty(part):
                    break
            return any_of(options)
        case AnyOf(options):
            return any_of([derivative(option, symbol) for option in options])
        case AllOf(options):
            return all_of([derivative(option, symbol) for option in options])
        case Repeat(body, least, most):
            rest = repeat(body, max(least - 1, 0), None if most is None else most - 1)
            return sequence((derivative(body, symbol), rest))


def parse_regex(text: str, symbols: Iterable[str]) -> Expression:
    r"""A regular expression over an alphabet of single characters.

    Args:
        text: symbols and `|`, `&` (both must match), `*`, `+`, `?`, `{m}`, `{m,}`, `{,n}`, `{m,n}`, `.`, `[a-c]`, `[^a]` and
            parentheses; a backslash makes the next character a symbol. An expression matches whole strings, so there are
            no anchors.
        symbols: the alphabet.

    Raises:
        ArgumentError: it cannot be read, or names what is not in the alphabet; the message says at which character.
    """
    return _Reader(text, frozenset(symbols)).read()


class _Reader:
    def __init__(self, text: str, alphabet: frozenset[str]) -> None:
        self._text, self._alphabet = text, alphabet
        self._place = self._depth = 0

    def read(self) -> Expression:
        found = self._options()
        if self._place < len(self._text):
            raise self._error("closes nothing", "write \\) for the symbol")
        return found

    def _error(self, what: str, fix: str, place: int | None = None) -> ArgumentError:
        place = self._place if place is None else place
        shown = repr(self._text[place]) if place < len(self._text) else "the end"
        alphabet = " ".join(sorted(self._alphabet))
        return ArgumentError(
            f"{self._text!r} is no regular expression over {alphabet}: at character {place + 1}, {shown} {what}; {fix}"
        )

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _takes(self, character: str) -> bool:
        found = self._peek() == character
        self._place += found
        return found

    def _options(self) -> Expression:
        found = [self._both()]
        while self._takes("|"):
            found.append(self._both())
        return any_of(found)

    def _both(self) -> Expression:
        found = [self._parts()]
        while self._takes("&"):
            found.append(self._parts())
        return all_of(found)

    def _parts(self) -> Expression:
        found = []
        while self._peek() not in ("", "|", "&", ")"):
            found.append(self._repeated())
        return sequence(found)

    def _repeated(self) -> Expression:
        found = self._single()
        while self._peek() and self._peek() in "*+?{":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._peek()) or self._times()
            self._place += 1
            found = repeat(found, least, most)
        return found

    def _times(self) -> tuple[int, int | None]:
        """The numbers in braces; leaves the closing one to be passed over."""
        start = self._place
        end = self._text.find("}", start)
        first, comma, last = self._text[start + 1 : end].partition(",") if end > 0 else ("", "", "")
        numbers = [part for part in (first, last) if part]
        if not numbers or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in numbers):
            raise self._error("begins no number of times", "write {2}, {2,}, {,3} or {2,3}, or \\{ for the symbol")
        least = int(first or 0)
        most = (int(last) if last else None) if comma else least
        if max(map(int, numbers)) > MOST_TIMES or (most is not None and most < least):
            raise self._error(f"begins no range of at most {MOST_TIMES} times", "write the smaller number first")
        self._place = end
        return least, most

    def _single(self) -> Expression:
        start, character = self._place, self._peek()
        if character in ("*", "+", "?", "{"):
            raise self._error("repeats nothing", "put what is repeated before it, or a backslash to make it a symbol")
        if character in ("]", "}"):
            raise self._error("closes nothing", "put a backslash before it to make it a symbol")
        self._place += 1
        if character == "(":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._error(f"is nested more than {_DEEPEST} deep", "use fewer parentheses", start)
            found = self._options()
            if not self._takes(")"):
                raise self._error("is never closed", "add )", start)
            self._depth -= 1
            return found
        if character == "[":
            return self._class(start)
        if character == ".":
            return OneOf(self._alphabet)
        self._place = start
        return OneOf(frozenset({self._symbol()}))

    def _symbol(self) -> str:
        escaped = self._takes("\\")
        symbol = self._peek()
        if symbol not in self._alphabet or not symbol:
            fix = "add it to the symbols, or leave it out"
            if symbol in ("^", "$") and not escaped:
                fix = "an expression matches whole strings, so leave out what marks their ends"
            raise self._error("is not in the alphabet" if symbol else "follows a backslash", fix)
        self._place += 1
        return symbol

    def _class(self, start: int) -> Expression:
        negated = self._takes("^")
        found: set[str] = set()
        while self._peek() != "]" or not self._peek():
            if not self._peek():
                raise self._error("is never closed", "add ]", start)
            if self._text[self._place + 1 : self._place + 2] == "-" and self._text[
                self._place + 2 : self._place + 3
            ] not in ("", "]"):
                first, last = self._peek(), self._text[self._place + 2]
                within = {symbol for symbol in self._alphabet if first <= symbol <= last}
                if not within:
                    raise self._error(
                        f"begins a range up to {last!r} that has no symbol", "write the smaller one first"
                    )
                found |= within
                self._place += 3
            else:
                found.add(self._symbol())
        if self._place == start + 1 + negated and not negated:
            raise self._error("has no symbol in it", "write the symbols between [ and ]", start)
        self._place += 1
        return OneOf(self._alphabet - found if negated else frozenset(found))
