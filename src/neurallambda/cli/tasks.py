"""The command `neurallambda tasks`: which tasks there are, and rows of one."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import torch

from neurallambda.automata.runs.table import aligned
from neurallambda.cli.messages import answer, fail, reporting
from neurallambda.tasks.catalogue import TASKS, task
from neurallambda.tasks.machines.by_name import KINDS
from neurallambda.tasks.task import Task
from neurallambda.tasks.traces.steps import STEPS

WIDTH = 100
LONGEST = 10_000
MOST_TOKENS = 10_000_000
"""How many tokens all rows together may have."""
MANY = 40
"""Of more symbols than this only the first are shown."""


def list_tasks(*, has_options: bool) -> None:
    """Print what tasks there are."""
    if has_options:
        fail(
            "tasks: --lengths, --rows, --seed and --jsonl are for the rows of a task: name one, as in `tasks parity-check`"
        )
    rows = [["name", "class", "in", "out", "what is asked for"]]
    for one in (*TASKS.values(), *(make() for make in STEPS.values())):
        rows.append([one.name, _level(one), str(one.inputs), str(one.outputs), one.description])
    answer(aligned(rows))
    kinds = ", ".join(f"{kind}:MACHINE" for kind in KINDS)
    answer(f"\nand of any exact machine, by its name in `neurallambda automata list` or its rule file:\n{kinds}")


def show_rows(name: str, *, lengths: str | None, rows: int, seed: int, as_json: bool) -> None:
    """Print some rows of a task."""
    rules = Path(name.partition(":")[2])
    with reporting(rules if rules.is_file() else None):
        chosen = task(name)
    with reporting():
        low, high = _range(chosen, lengths)
        if not -(2**63) <= seed < 2**63:
            fail(f"--seed: got {seed}, expected a number of at most 63 bits")
        if rows * chosen.time(high) > MOST_TOKENS:
            fail(
                f"--rows: {rows} rows of {chosen.time(high)} tokens are more than {MOST_TOKENS:,}; expected fewer or shorter ones"
            )
        batch = chosen.batch((low, high), rows, generator=torch.Generator().manual_seed(seed))
        records = [chosen.record(batch, row) for row in range(rows)]
    if as_json:
        for record in records:
            answer(json.dumps({"task": chosen.name, **record}, ensure_ascii=False))
        return
    answer(_described(chosen))
    for record in records:
        answer("\n" + _shown(chosen, record["input"], record["answer"]))  # pyright: ignore[reportArgumentType]


def _range(chosen: Task, text: str | None) -> tuple[int, int]:
    """The shortest and the longest length."""
    if text is None:
        # What a step sees has one length.
        return chosen.shortest, chosen.shortest + (0 if chosen.runs is not None else 7)
    found = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", text)
    if found is None:
        fail(f"--lengths: got {text!r}, expected a length or a range, as in 5 or 1-8")
    low, high = int(found[1]), int(found[2] or found[1])
    if not chosen.shortest <= low <= high <= LONGEST:
        fail(
            f"--lengths: got {text!r}, expected lengths from {chosen.shortest} to {LONGEST:,}, the smaller one first; "
            f"{chosen.name} has none below {chosen.shortest}"
        )
    return low, high


def _described(chosen: Task) -> str:
    """What is known about a task."""
    facts = [
        ["name", chosen.name],
        ["asks for", chosen.description],
        ["class", _level(chosen)],
        ["symbols", _some(chosen.symbols)],
        ["answers", _some(chosen.answers)],
        ["read", "after the input" if chosen.reads == "after" else "at each token of the input"],
    ]
    if chosen.published is not None:
        facts.append(
            ["published", ", ".join(f"{model} {figure}" for model, figure in chosen.published.figures.items())]
        )
    text = aligned(facts)
    return text if not chosen.notes else f"{text}\n\n{fill(chosen.notes, WIDTH)}"


def _shown(chosen: Task, given: list[str], found: list[str]) -> str:
    """A row; where the answer is read along with the input, each token under the one that it goes with."""
    if chosen.reads == "along":
        return aligned([["input", *given], ["answer", *found]])
    return aligned([["input", _joined(given)], ["answer", _joined(found)]])


def _some(names: tuple[str, ...]) -> str:
    return _joined(names[:MANY]) + (f" ... ({len(names)} of them)" if len(names) > MANY else "")


def _joined(names: Sequence[str]) -> str:
    """Names with blanks between them; where they have blanks themselves, with semicolons."""
    return ("; " if any(" " in name for name in names) else " ").join(names)


def _level(chosen: Task) -> str:
    return chosen.level or "-"
