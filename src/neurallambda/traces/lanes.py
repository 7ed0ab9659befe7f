"""Which alternative of a run comes from which: numbers for lanes that split, merge and end."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grown:
    """A lane after a step.

    Attributes:
        id: its number.
        place: which alternative it is now.
        parents: where it is new: the lanes that it comes from.
        parts: the parts that went into it.
    """

    id: int
    place: int
    parents: tuple[int, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Generation:
    """What became of all lanes in a step.

    Attributes:
        lanes: those that go on.
        ended: the parts of lanes of which nothing goes on, each with the lane.
        lane_of_part: where each part came from.
    """

    lanes: list[Grown]
    ended: list[tuple[int, int]]
    lane_of_part: dict[int, int]


@dataclass
class Lineage:
    """Keeps the numbers of lanes: one that neither splits nor merges keeps its own."""

    lanes: dict[int, int] = field(default_factory=lambda: {0: 0})
    """The lane that each alternative is."""
    count: int = 1

    def follow(
        self,
        parts: Sequence[int],
        parents: Sequence[int | None],
        into: Sequence[int],
        going_on: Sequence[float],
        threshold: float,
    ) -> Generation:
        """Follow a step.

        Args:
            parts: those that are shown.
            parents: of each part the alternative that it was split from; None: of all.
            into: the alternative that each part went into.
            going_on: how much of each part has not ended in the step.
            threshold: what weighs less is left out.
        """
        heaviest = next(iter(self.lanes.values()), 0)
        came = {part: self.lanes.get(parents[part] or 0, heaviest) for part in parts}
        sources: dict[int, dict[int, list[int]]] = {}
        for part in parts:
            if going_on[part] >= threshold:
                sources.setdefault(into[part], {}).setdefault(came[part], []).append(part)
        children: dict[int, int] = {}
        for lanes in sources.values():
            for lane in lanes:
                children[lane] = children.get(lane, 0) + 1
        grown, now = [], {}
        weights = {
            place: sum(going_on[part] for some in lanes.values() for part in some) for place, lanes in sources.items()
        }
        for place, lanes in sorted(sources.items(), key=lambda one: -weights[one[0]]):
            of = tuple(part for some in lanes.values() for part in some)
            if len(lanes) == 1 and children[next(iter(lanes))] == 1:
                grown.append(Grown(next(iter(lanes)), place, (), of))
            else:
                grown.append(Grown(self.count, place, tuple(lanes), of))
                self.count += 1
            now[place] = grown[-1].id
        left: dict[int, int] = {}
        for part in parts:
            if came[part] not in children:
                left.setdefault(came[part], part)
        self.lanes = now
        return Generation(grown, [(part, lane) for lane, part in left.items()], came)
