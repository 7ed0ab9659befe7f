"""What a tracer sees of a run at one step: whole pictures, of which the record keeps what became other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Mixture = Sequence[tuple[str, float]]
"""All that something may be, each with its weight, the heaviest first; of something certain there is one, of weight 1."""
Json = dict[str, Any]


def certain(name: object) -> Mixture:
    """The mixture that is one thing."""
    return ((str(name), 1.0),)


@dataclass(frozen=True)
class Item:
    """What lies in a store.

    Attributes:
        text: of a frame, `_` is the value that it waits for.
        address: of the cell that it is, if it is one.
        weight: how much of the store has it; None: all.
    """

    text: str
    address: str | None = None
    weight: float | None = None

    def facts(self) -> Json:
        """As JSON has it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Store:
    """A sequence: the continuation, a stack, a queue, a tape. A stack's last item is its top.

    Attributes:
        kind: `stack`, `queue` or `tape`.
        items: what lies in it.
        head: of a tape, the item under the head.
    """

    kind: str
    items: tuple[Item, ...]
    head: int | None = None


@dataclass(frozen=True)
class Picture:
    """The term that a state stands for.

    Attributes:
        text: one line of source; None where it is left out.
        redex: the part that the next step works on, as places in the text.
        soft: parts of the text that stand for mixtures, of which the text has the likeliest.
        confidence: how much of the lane this term is.
        omitted: why there is no text.
    """

    text: str | None
    redex: tuple[int, int] | None = None
    soft: tuple[tuple[tuple[int, int], Mixture], ...] = ()
    confidence: float = 1.0
    omitted: str = "it is too large to be written down"


@dataclass(frozen=True)
class Lane:
    """One of the alternatives that a run goes on with, after a step.

    Attributes:
        id: its number.
        parents: of a lane that is new, those that it comes from.
        weight: how much of the run goes on here.
        rules: what the step did here.
        registers: what each holds.
        numbers: registers that hold a number.
        bindings: what the environment shows: (name, address, weight).
        stores: sequences, by name.
        term: what the state stands for.
    """

    id: int = 0
    parents: tuple[int, ...] = ()
    weight: float = 1.0
    rules: Mixture = ()
    registers: Mapping[str, Mixture] = field(default_factory=dict)
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    bindings: tuple[tuple[str, str, float], ...] = ()
    stores: Mapping[str, Store] = field(default_factory=dict)
    term: Picture | None = None


@dataclass(frozen=True)
class Seen:
    """A step as a tracer sees it.

    Attributes:
        lanes: all that go on after it, and those that ended in it; the latter are in `closed` too.
        closed: the numbers of lanes that are there no more after it, besides those that are not among `lanes`.
        memory: the cells that were written, as the record has them.
        freed: the addresses of cells that are there no more.
        ends: what ended, as the record has it.
    """

    lanes: tuple[Lane, ...]
    closed: tuple[int, ...] = ()
    memory: Sequence[Json] = ()
    freed: tuple[str, ...] = ()
    ends: Iterable[Json] = ()
