"""From pictures to the record: each step says what became other, so that its size goes by what happened."""

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from neurallambda.traces.pictures import Json, Lane, Mixture, Picture, Seen, Store

FORMAT = "neurallambda-trace"
VERSION = 1
DIGITS = 6
"""How many digits of a weight are kept."""


class Recorder:
    """Writes the events of one run; it knows what the record has said so far.

    Args:
        engine: what runs.
        facts: what else the header says, such as `source`.
    """

    def __init__(self, engine: str, **facts: Any) -> None:
        self.facts = {"engine": engine, **{name: value for name, value in facts.items() if value is not None}}
        self.lanes: dict[int, Lane] = {}
        self.number = 0

    def header(self, start: Seen) -> Json:
        """The header: the state before the first step."""
        lanes = [self._lane(lane, None) for lane in start.lanes]
        self.lanes = {lane.id: lane for lane in start.lanes}
        return {
            "event": "header",
            "format": FORMAT,
            "version": VERSION,
            **self.facts,
            "lanes": lanes,
            "memory": list(start.memory),
        }

    def step(self, seen: Seen) -> Json:
        """The event of a step."""
        self.number += 1
        gone = set(self.lanes) - {lane.id for lane in seen.lanes}
        closed = sorted(gone | set(seen.closed))
        before = self.lanes
        lanes = []
        for lane in seen.lanes:
            known = before.get(lane.id) or (before.get(lane.parents[0]) if lane.parents else None)
            facts = self._lane(lane, known)
            if lane.id not in before and lane.parents:
                facts = {"id": lane.id, "parents": list(lane.parents), **facts}
            if len(facts) > 1 or lane.id not in before:
                lanes.append(facts)
        self.lanes = {lane.id: lane for lane in seen.lanes if lane.id not in seen.closed}
        found = {
            "lanes": lanes,
            "closed": closed,
            "memory": list(seen.memory),
            "freed": list(seen.freed),
            "ends": list(seen.ends),
        }
        return {"event": "step", "number": self.number, **{name: value for name, value in found.items() if value}}

    def end(self, **facts: Any) -> Json:
        """The end; `facts` are the outcome, the distribution and so on."""
        return {"event": "end", "steps": self.number, **{name: value for name, value in facts.items() if value}}

    def _lane(self, lane: Lane, before: Lane | None) -> Json:
        facts: Json = {"id": lane.id}
        if before is None or rounded(lane.weight) != rounded(before.weight):
            facts["weight"] = rounded(lane.weight)
        if lane.rules:
            facts["rules"] = mixture(lane.rules)
        registers = {
            name: mixture(value)
            for name, value in lane.registers.items()
            if before is None or mixture(before.registers.get(name, ())) != mixture(value)
        }
        numbers = {
            name: rounded(value)
            for name, value in lane.numbers.items()
            if before is None or before.numbers.get(name) != value
        }
        stores = {
            name: facts_
            for name, store in lane.stores.items()
            if (facts_ := _store(store, None if before is None else before.stores.get(name)))
        }
        for name, value in (("registers", registers), ("numbers", numbers), ("stores", stores)):
            if value:
                facts[name] = value
        if (before.bindings if before else ()) != lane.bindings:
            facts["bindings"] = [_binding(*one) for one in lane.bindings]
        term = _term(lane.term, None if before is None else before.term)
        if term is not None:
            facts["term"] = term
        return facts


def record(engine: str, seen: Iterator[Seen], **facts: Any) -> Generator[Json, None, "Recorder"]:
    """The header and the steps of a run; the first picture is that before the first step."""
    recorder = Recorder(engine, **facts)
    yield recorder.header(next(seen))
    for one in seen:
        yield recorder.step(one)
    return recorder


def rounded(weight: int | float) -> int | float:
    """A weight as the record keeps it: so many digits, and an integer where it is one."""
    found = float(f"{weight:.{DIGITS}g}")
    return int(found) if found.is_integer() else found


def mixture(parts: Mixture) -> list[list[Any]]:
    """A mixture as the record keeps it."""
    return [[name, rounded(weight)] for name, weight in parts]


def _binding(name: str, address: str, weight: float) -> Json:
    return {"name": name, "address": address, "weight": rounded(weight)}


def _store(store: Store, before: Store | None) -> Json:
    """What became other: the items between those that are the same at both ends."""
    old, new = before.items if before else (), store.items
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    facts: Json = {} if before else {"kind": store.kind}
    inserted = new[first : len(new) - last]
    removed = len(old) - last - first
    if inserted or removed or before is None:
        facts |= {"at": first, "remove": removed, "insert": [item.facts() for item in inserted]}
    if store.head is not None and (before is None or before.head != store.head):
        facts["head"] = store.head
    return facts


def _term(term: Picture | None, before: Picture | None) -> Json | None:
    """A term, whole or as an edit of the one before, whichever is shorter."""
    if term is None:
        return None
    if term.text is None:
        return {"omitted": term.omitted}
    facts: Json = {"text": term.text}
    if before is not None and before.text is not None:
        edit = _edit(before.text, term.text)
        if len(edit["insert"]) + 40 < len(term.text):
            facts = {"edit": edit}
    if term.redex is not None:
        facts["redex"] = list(term.redex)
    if term.soft:
        facts["soft"] = [{"span": list(span), "values": mixture(values)} for span, values in term.soft]
    if term.confidence < 1:
        facts["confidence"] = rounded(term.confidence)
    return facts


def _edit(before: str, after: str) -> Mapping[str, Any]:
    first = _common(before, after)
    last = _common(before[first:][::-1], after[first:][::-1])
    return {"at": first, "remove": len(before) - last - first, "insert": after[first : len(after) - last]}


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common: by halves, since comparing parts of texts is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
