"""Records of runs that are made by hand, so that what a page must show is known without it.

`factorial` is as a program's record is: terms, memory, a continuation. `splitting` has alternatives, `automaton` and `structure`
what their names say.
"""

from typing import Any

Record = dict[str, Any]


def factorial(n: int) -> tuple[Record, list[str]]:
    """A run of the factorial of `n` by substitution, every value below 1,000; and its term at each step."""
    run = _Run(f"(fact {n})")
    frames: list[str] = []
    for value in range(n, 0, -1):
        run.take("call", f"(if (= {value} 0) 1 (* {value} (fact (- {value} 1))))", next_redex=f"(= {value} 0)")
        run.take("compute", f"(if false 1 (* {value} (fact (- {value} 1))))")
        run.take("choose", f"(* {value} (fact (- {value} 1)))", next_redex=f"(- {value} 1)")
        run.take("compute", f"(* {value} (fact {value - 1}))", next_redex=f"(fact {value - 1})")
        run.push(f"(* {value} _)")
        frames.append(f"(* {value} _)")
    run.take("call", "(if (= 0 0) 1 (* 0 (fact (- 0 1))))", next_redex="(= 0 0)")
    run.take("compute", "(if true 1 (* 0 (fact (- 0 1))))")
    product = 1
    run.take("choose", "1")
    for value in range(1, n + 1):
        product = product * value % 1000
        run.pop(f"{product}")
    return run.record(f"(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1)))))\n(fact {n})"), run.texts


class _Run:
    """A record that grows: what stands around the place that is worked on, and that place."""

    def __init__(self, start: str) -> None:
        self.before: list[str] = []
        self.here = start
        self.texts = [start]
        self.depth = 0
        self.steps: list[Record] = []
        self.first = {"text": start, "redex": [0, len(start)]}

    def take(self, rule: str, after: str, *, next_redex: str | None = None) -> None:
        """One step: what is worked on becomes something else, and a cell is written."""
        at = sum(map(len, self.before))
        edit = {"at": at, "remove": len(self.here), "insert": after}
        self.here = after
        start = at + after.index(next_redex or after)
        self._add(rule, {"edit": edit, "redex": [start, start + len(next_redex or after)]})

    def push(self, frame: str) -> None:
        """From here on the argument of the frame is worked on."""
        opening = frame.split("_")[0]
        self.before.append(opening)
        self.here = self.here[len(opening) : -1]
        self.steps[-1]["lanes"][0]["stores"] = {
            "continuation": {"at": self.depth, "remove": 0, "insert": [{"text": frame}]}
        }
        self.depth += 1

    def pop(self, value: str) -> None:
        """The innermost frame has what it waited for."""
        opening = self.before.pop()
        at = sum(map(len, self.before))
        edit = {"at": at, "remove": len(opening) + len(self.here) + 1, "insert": value}
        self.here = value
        self.depth -= 1
        self._add("return", {"edit": edit, "redex": [at, at + len(value)]})
        self.steps[-1]["lanes"][0]["stores"] = {"continuation": {"at": self.depth, "remove": 1, "insert": []}}

    def _add(self, rule: str, term: Record) -> None:
        number = len(self.steps) + 1
        edit, old = term["edit"], self.texts[-1]
        self.texts.append(old[: edit["at"]] + edit["insert"] + old[edit["at"] + edit["remove"] :])
        cell = {
            "address": f"A{number}",
            "tag": [[rule, 1.0]],
            "pointers": {"first": [[f"A{number - 1}", 1.0]], "second": [[f"A{number // 2}", 1.0]]},
            "literal": [[str(number % 7), 0.75], [str(number % 5 + 10), 0.25]],
        }
        registers = {"control": [[f"A{number}", 1.0]], "continuation": [[f"A{number // 3}", 1.0]]}
        lane = {"id": 0, "rules": [[rule, 1.0]], "registers": registers, "term": term}
        self.steps.append({"event": "step", "number": number, "lanes": [lane], "memory": [cell]})

    def record(self, source: str) -> Record:
        value = self.texts[-1]
        store = {"continuation": {"kind": "stack"}}
        lane = {"id": 0, "weight": 1.0, "stores": store, "term": self.first, "registers": {"control": [["A0", 1.0]]}}
        cell = {"address": "A0", "tag": [["halt", 1.0]]}
        slopes = [{"address": "A0", "size": 0.5}, {"address": "A3", "size": 2.0, "parts": {"literal": [["3", 1.5]]}}]
        end = {
            "event": "end",
            "steps": len(self.steps),
            "outcome": {"value": value},
            "distribution": [{"value": value, "weight": 1.0}],
            "gradient": {"of": value, "cells": slopes},
        }
        return _document("stepper", source=source, lanes=[lane], memory=[cell], steps=self.steps, end=end)


def splitting() -> Record:
    """A run that splits into three alternatives, two of which become one again."""
    lanes = [
        {
            "id": 1,
            "parents": [0],
            "weight": 0.5,
            "rules": [["choose", 1.0]],
            "term": {"text": "(+ 1 1)", "redex": [0, 7]},
        },
        {"id": 2, "parents": [0], "weight": 0.3, "rules": [["choose", 1.0]], "term": {"text": "2"}},
        {
            "id": 3,
            "parents": [0],
            "weight": 0.2,
            "rules": [["choose", 1.0]],
            "term": {"text": "(/ 1 0)", "redex": [0, 7]},
        },
    ]
    merged = {"id": 4, "parents": [1, 2], "weight": 0.8, "rules": [["merge", 1.0]], "term": {"text": "2"}}
    soft = [{"span": [4, 6], "values": [["1", 0.5], ["2", 0.3], ["3", 0.2]]}]
    first = {"id": 0, "weight": 1.0, "term": {"text": "(f ?a)", "redex": [0, 6], "soft": soft, "confidence": 0.5}}
    soft[0]["span"] = [3, 5]
    steps = [
        {"event": "step", "number": 1, "lanes": lanes, "closed": [0]},
        {"event": "step", "number": 2, "lanes": [{"id": 1, "term": {"text": "2"}}]},
        {
            "event": "step",
            "number": 3,
            "lanes": [merged],
            "closed": [1, 2, 3],
            "ends": [{"lane": 3, "error": "division-by-zero", "weight": 0.2}],
        },
        {"event": "step", "number": 4, "lanes": [], "closed": [4], "ends": [{"lane": 4, "value": "2", "weight": 0.8}]},
    ]
    distribution = [{"value": "2", "weight": 0.8}, {"error": "division-by-zero", "weight": 0.2}]
    end = {"event": "end", "steps": 4, "outcome": {"value": "2"}, "distribution": distribution}
    return _document("worlds", source="(f ?a)", lanes=[first], memory=[], steps=steps, end=end)


def automaton() -> Record:
    """A pushdown automaton that reads `( ( ) )`."""
    first = {
        "id": 0,
        "registers": {"state": [["start", 1.0]]},
        "numbers": {"position": 0},
        "stores": {
            "stack": {"kind": "stack"},
            "tape": {"kind": "tape", "at": 0, "remove": 0, "insert": [{"text": "a"}, {"text": "b"}], "head": 1},
        },
    }
    edits = [
        {"at": 0, "remove": 0, "insert": [{"text": "x"}]},
        {"at": 1, "remove": 0, "insert": [{"text": "x"}]},
        {"at": 1, "remove": 1, "insert": []},
        {"at": 0, "remove": 1, "insert": []},
    ]
    steps = [
        {
            "event": "step",
            "number": number,
            "lanes": [
                {
                    "id": 0,
                    "rules": [[f"rule {number}", 1.0]],
                    "registers": {"state": [["inside" if number < 4 else "start", 1.0]]},
                    "numbers": {"position": number},
                    "stores": {"stack": edit},
                }
            ],
        }
        for number, edit in enumerate(edits, 1)
    ]
    end = {
        "event": "end",
        "steps": 4,
        "outcome": {"verdict": "accepted"},
        "distribution": [{"verdict": "accepted", "weight": 1.0}],
    }
    record = _document("automaton", lanes=[first], memory=[], steps=steps, end=end)
    record["header"] |= {"name": "dyck1", "input": ["(", "(", ")", ")"]}
    return record


def structure(steps: int = 6) -> Record:
    """A stack of letters to which one letter is pushed at each step."""
    lane = {"id": 0, "registers": {"action": [["no-op", 1.0]]}, "numbers": {"size": 0}}
    taken = [
        {
            "event": "step",
            "number": number,
            "lanes": [{"id": 0, "registers": {"action": [["push", 0.9], ["no-op", 0.1]]}, "numbers": {"size": number}}],
            "memory": [
                {"address": str(number - 1), "literal": [["abc"[number % 3], 0.9]], "vector": [0.1 * number, -0.2, 0.7]}
            ],
        }
        for number in range(1, steps + 1)
    ]
    end = {"event": "end", "steps": steps, "outcome": {"value": "abc"}, "distribution": []}
    record = _document("structure", lanes=[lane], memory=[], steps=taken, end=end)
    record["header"]["name"] = "superposition stack"
    return record


def _document(
    engine: str,
    *,
    lanes: list[Record],
    memory: list[Record],
    steps: list[Record],
    end: Record,
    source: str | None = None,
) -> Record:
    header = {"event": "header", "format": "neurallambda-trace", "version": 1, "engine": engine}
    program = {} if source is None else {"source": source}
    return {"header": {**header, **program, "lanes": lanes, "memory": memory}, "steps": steps, "end": end}
