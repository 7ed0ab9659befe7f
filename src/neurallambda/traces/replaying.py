"""From the record back to states: what is there after any step."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.traces.pictures import Json


@dataclass
class State:
    """What a record says is there after a step.

    Attributes:
        number: how many steps were taken.
        lanes: by number, each with `weight`, `rules`, `registers`, `numbers`, `bindings`, `stores` (`kind`, `items`, `head`)
            and `term` (`text`, or `omitted`; `redex`, `soft`, `confidence`).
        memory: the cells, by address.
    """

    number: int = 0
    lanes: dict[int, Json] = field(default_factory=dict)
    memory: dict[str, Json] = field(default_factory=dict)


def replayed(events: Iterable[Json]) -> Iterator[tuple[Json, Mapping[int, Json], State]]:
    """Each event but the end, with the lanes before it and the state after it, which the next one changes.

    Raises:
        ArgumentError: if the first event is no header.
    """
    now = State()
    for number, event in enumerate(events):
        if (number == 0) != (event.get("event") == "header"):
            raise ArgumentError(f"events: got {event.get('event')!r} at {number}, expected a header and then its steps")
        if event["event"] == "end":
            return
        before = now.lanes
        now.number = event.get("number", 0)
        now.lanes = {number: {**lane, "rules": []} for number, lane in before.items()}
        for lane in event.get("lanes", ()):
            now.lanes[lane["id"]] = _lane(lane, before)
        for cell in event.get("memory", ()):
            now.memory[cell["address"]] = cell
        for address in event.get("freed", ()):
            del now.memory[address]
        yield event, before, now
        for closed in event.get("closed", ()):
            now.lanes.pop(closed, None)


def states(events: Iterable[Json]) -> Iterator[State]:
    """The state before the first step, and after each.

    Args:
        events: of one run, the header first; what comes after its end is not read.

    Yields:
        States that share nothing with one another.

    Raises:
        ArgumentError: if the first event is no header.
    """
    for event, _, now in replayed(events):
        closed = event.get("closed", ())
        lanes = {number: lane for number, lane in now.lanes.items() if number not in closed}
        yield deepcopy(State(now.number, lanes, now.memory))


def state_at(events: Iterable[Json], number: int) -> State:
    """The state after so many steps.

    Raises:
        ArgumentError: if there are not so many.

    Example:
        >>> from neurallambda.traces import trace
        >>> events = list(trace("((fn [x] (+ x 1)) 2)", engine="reference"))
        >>> state_at(events, 2).lanes[0]["term"]["text"]
        '(+ 2 1)'
    """
    taken = 0
    for taken, state in enumerate(states(events)):
        if taken == number:
            return state
    raise ArgumentError(f"number: got {number}, expected a step from 0 to {taken}")


def _lane(facts: Json, lanes: dict[int, Json]) -> Json:
    """A lane after a step: what it was, or what its first parent was, with what became other."""
    parents = facts.get("parents", ())
    was: Json = lanes.get(facts["id"]) or (lanes[parents[0]] if parents else {})
    now: Json = {"registers": {}, "numbers": {}, "bindings": [], "stores": {}, "weight": 1, **was, "id": facts["id"]}
    now["rules"] = facts.get("rules", [])
    for name in ("weight", "bindings"):
        if name in facts:
            now[name] = facts[name]
    for name in ("registers", "numbers"):
        now[name] = {**now[name], **facts.get(name, {})}
    now["stores"] = {**now["stores"]}
    for name, change in facts.get("stores", {}).items():
        now["stores"][name] = _store(change, now["stores"].get(name, {}))
    if "term" in facts:
        now["term"] = _term(facts["term"], now.get("term", {}))
    return now


def _store(change: Json, was: Json) -> Json:
    items: list[Any] = list(was.get("items", ()))
    if "at" in change:
        items[change["at"] : change["at"] + change["remove"]] = change["insert"]
    return {**was, **{name: change[name] for name in ("kind", "head") if name in change}, "items": items}


def _term(facts: Json, was: Json) -> Json:
    if "edit" not in facts:
        return facts
    edit, text = facts["edit"], was["text"]
    whole = text[: edit["at"]] + edit["insert"] + text[edit["at"] + edit["remove"] :]
    return {"text": whole, **{name: value for name, value in facts.items() if name != "edit"}}
