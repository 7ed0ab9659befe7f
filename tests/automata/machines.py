"""Hypothesis strategies for rule files."""

from typing import Any

from hypothesis import strategies as st

STATES = st.sampled_from(["INITIAL", "P", "Q"])
TARGETS = st.sampled_from(["INITIAL", "P", "Q", "ACCEPT", "REJECT"])
LETTERS = st.sampled_from(["a", "b", "a", "b", "ANY", ""])
CELLS = st.sampled_from(["x", "y"])
SLOTS = st.one_of(CELLS, st.just("ANY"), st.none())
LEAVES = st.one_of(STATES, STATES, STATES, st.just("ANY"))
ACCEPTANCE = st.one_of(
    st.just({"states": ["ACCEPT"]}), st.just({"states": ["P", "ACCEPT"]}), st.just({"states": ["INITIAL", "P"]})
)


def _operations(kind: str) -> st.SearchStrategy[Any]:
    if kind == "pda":
        return st.one_of(st.just("nullop"), st.just("pop"), st.tuples(st.just("push"), CELLS).map(list))
    bare = st.sampled_from(["NULLOP", "DEQL", "DEQR"])
    return st.one_of(bare, st.tuples(st.sampled_from(["ENQL", "ENQR"]), CELLS).map(list))


def _rules(kind: str) -> st.SearchStrategy[list[Any]]:
    if kind == "fsm":
        return st.tuples(st.tuples(LETTERS, LEAVES).map(list), TARGETS.map(lambda to: [to])).map(list)
    if kind == "tm":
        seen = st.one_of(st.sampled_from(["a", "b", "x", "ANY"]), st.none())
        written = st.one_of(st.sampled_from(["a", "x", "KEEP"]), st.none())
        step = st.tuples(written, st.sampled_from("LRS")).map(list)
        return st.tuples(st.tuples(seen, LEAVES).map(list), st.tuples(TARGETS, step).map(list)).map(list)
    right = st.tuples(TARGETS, _operations(kind)).map(list)
    return st.tuples(st.tuples(LETTERS, LEAVES, SLOTS).map(list), right).map(list)


@st.composite
def rule_files(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """The data of a rule file; a framed one reads `^` in `INITIAL` and `$` somewhere."""
    rules = draw(st.lists(_rules(kind), min_size=1, max_size=9))
    memory = [] if kind in ("fsm", "tm") else [draw(SLOTS)]
    idle = [] if kind in ("fsm", "tm") else [{"pda": "nullop", "qa": "NULLOP"}[kind]]
    framed = kind != "tm" and draw(st.booleans())
    if framed:
        rules += [[["^", "INITIAL", *memory], ["P", *idle]], [["$", "P", *memory], ["ACCEPT", *idle]]]
    elif not any(left[-1 if kind == "tm" else 1] in ("INITIAL", "ANY") for left, _ in rules):
        first = rules[0][0]
        first[-1 if kind == "tm" else 1] = "INITIAL"
    data: dict[str, Any] = {"machine": kind, "symbols": ["a", "b"], "framed": framed, "rules": rules}
    if kind != "tm":
        data["acceptance"] = draw(ACCEPTANCE)
        if memory and draw(st.booleans()):
            data["acceptance"] = {**data["acceptance"], "memory": "empty"}
        named = {name for left, right in rules for name in (left[1], right[0])} | {"INITIAL", "ACCEPT"}
        data["acceptance"]["states"] = [state for state in data["acceptance"]["states"] if state in named]
    return data


SEEN = st.one_of(st.sampled_from(["a", "b", "x", "ANY", "ANY"]), st.none())
ON_TAPE = st.tuples(st.one_of(st.sampled_from(["a", "x", "KEEP"]), st.none()), st.sampled_from("LRS")).map(list)
ON_STACK = st.one_of(st.sampled_from(["nullop", "pop"]), st.tuples(st.just("push"), CELLS).map(list))
ON_DEQUE = _operations("qa")


@st.composite
def turing_files(draw: st.DrawFn, kind: str, memories: int) -> dict[str, Any]:
    """The data of a rule file with some tapes, stacks or queues; one rule at least leaves INITIAL."""
    queues = memories if kind == "queues" else int(kind == "stacks and queues")
    operations = [ON_TAPE if kind == "tapes" else ON_STACK] * (memories - queues) + [ON_DEQUE] * queues
    rules = []
    for number in range(draw(st.integers(1, 9))):
        state = "INITIAL" if number == 0 else draw(LEAVES)
        seen = [draw(SEEN if kind == "tapes" else SLOTS) for _ in range(memories)]
        left = [*seen, state] if kind == "tapes" else [draw(LETTERS), state, *seen]
        rules.append([left, [draw(TARGETS), *map(draw, operations)]])
    held = {"tapes": memories} if kind == "tapes" else {"stacks": memories - queues, "queues": queues}
    data: dict[str, Any] = {"machine": "tm", "symbols": ["a", "b"], "framed": False, **held, "rules": rules}
    if kind != "tapes" and draw(st.booleans()):
        data["acceptance"] = {"states": ["ACCEPT", "INITIAL"], "memory": draw(st.sampled_from(["any", "empty"]))}
    return data


MARKERS = st.sampled_from(["^", "$"])


@st.composite
def marked_files(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """The data of a rule file whose rules read the markers anywhere, declared as symbols or not, framed or not."""
    data = draw(rule_files(kind))
    for left, _ in data["rules"]:
        if draw(st.integers(0, 2)) == 0:
            left[0] = draw(MARKERS)
    data["symbols"] = draw(st.sampled_from([["a", "b"], ["^", "a", "$"], ["a", "$"], ["^", "a", "b", "$"]]))
    if kind != "tm":
        for left, _ in data["rules"]:
            left[0] = left[0] if left[0] in (*data["symbols"], "ANY", "", "^", "$") else "a"
    data["framed"] = draw(st.sampled_from([None, True, False]))
    return data
