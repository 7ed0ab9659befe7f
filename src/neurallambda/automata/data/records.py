"""Rows as plain records, for files and data frames."""

from collections.abc import Iterable, Iterator
from typing import Any

from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.generate import Row
from neurallambda.automata.runs.trace import trace


def records(machine: Automaton, rows: Iterable[Row], *, traces: bool = False) -> Iterator[dict[str, Any]]:
    """One record for each row: `string`, `label` (1 or 0), `length`, `kind`.

    Args:
        machine: the machine that the rows are of.
        rows: the rows.
        traces: add `symbols` (with markers), `states` and `memories`, as `neurallambda.automata.runs.trace` has them.

    Yields:
        The records.
    """
    for row in rows:
        record: dict[str, Any] = {
            "string": machine.separator.join(row.string),
            "label": int(row.label),
            "length": len(row.string),
            "kind": row.kind,
        }
        if traces:
            found = trace(machine.run(machine.framed_tokens(row.string)))
            record["symbols"] = list(machine.framed_tokens(row.string))
            record["states"] = list(found.states)
            record["memories"] = [" | ".join(texts) for texts in found.memories]
        yield record
