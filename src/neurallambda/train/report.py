"""One table of all results, with what others report beside."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.tasks import TASKS
from neurallambda.tasks.traces.traced import ADDITION_TRACED, MEMBER_TRACED, REVERSE_TRACED
from neurallambda.train.circumstances import trained_on

Result = Mapping[str, Any]

HEAD = (
    "task",
    "recipe",
    "solved / started",
    "kept",
    "mean",
    "least",
    "best",
    "exact rows of the best",
    "steps",
    "time",
    "parameters",
    "published best",
)
LEGEND = """\
A seed's score is its accuracy at fresh inputs, the mean over the lengths that the paragraphs about tests name; it solves the
task with a score of at least 0.9. Kept are the seeds that were not taken out on the way. Mean, least and best are over all seeds that started; where some were taken out on the
way and not measured, they count as not solved, and a `*` says that the mean is over the others. Time is that of training
all seeds at once. Published figures are the best of their runs."""
LEARNED_FROM_TRACES = "† Learned from traces, not from answers: a training shows what is done at each step."
FROM_TRACES = frozenset(one.name for one in (ADDITION_TRACED, REVERSE_TRACED, MEMBER_TRACED))
"""The tasks whose answers are traces; those of a single step have names that say so."""
TIMES = (2, 3, 4)
"""How many times as long as in training inputs are where exact rows are told by length."""


def report(results: Sequence[Result]) -> str:
    """All results as Markdown: a table with a row for each, by task, and what they were measured with.

    Args:
        results: as `neurallambda.train.results.read_result` gives them.
    """
    ordered = sorted(
        results, key=lambda one: (_place(one["task"]), one["task"], -(one["mean"] or 0), one["recipe_name"])
    )
    parts = [_table(HEAD, [_row(one) for one in ordered]), LEGEND]
    parts += [LEARNED_FROM_TRACES] if any(_is_from_traces(one["task"]) for one in ordered) else []
    parts += [
        *_tests(ordered),
        *filter(None, [trained_on((one["training"], "") for one in ordered)]),
        *_by_times(ordered),
    ]
    return "\n\n".join(parts) + "\n"


def check_result(one: Result, path: Path) -> None:
    """Refuse a result that a report cannot be made of.

    Args:
        one: the result.
        path: where it was read, for the message.

    Raises:
        ArgumentError: saying what it lacks.
    """
    try:
        report([one])
        one["evaluation"]["accuracy"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(
            f"{path}: this result cannot be reported, it lacks something or has it otherwise ({error!r:.80}); "
            f"`neurallambda evaluate` makes it again"
        ) from None


def by_task(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Results by the name of their task, in the order of the tasks."""
    found: dict[str, list[Result]] = {}
    for one in sorted(results, key=lambda one: (_place(one["task"]), one["task"], one["recipe_name"])):
        found.setdefault(one["task"], []).append(one)
    return found


def summary(result: Result) -> str:
    """A result as people read it in a terminal: a line for each seed, and one for all.

    Args:
        result: as `neurallambda.train.results.result` gives it.
    """
    rows = [
        (str(one["seed"]), _number(one["score"]), _number(one["exact"]), _number(one["validation"]), _outcome(one))
        for one in result["seeds"]
    ]
    head = ("seed", "score", "exact rows", "validation", "")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
    found = result["evaluation"]
    mean, least, best = (_number(result[name]) for name in ("mean", "min", "max"))
    lines.append(
        f"{result['task']}, {result['recipe_name']}: {result['solved']} of {result['started']} seeds solve it; "
        f"mean {mean}, least {least}, best {best} over lengths {found['lengths'][0]} to {found['lengths'][-1]}, "
        f"{found['rows']} rows each; {result['steps']} steps{_end(result)} in {duration(result['seconds'])}"
    )
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(8.24), duration(150.0), duration(5400.0)
    ('8 s', '2.5 min', '1.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _row(one: Result) -> tuple[str, ...]:
    star = "" if one["scored"] == one["started"] else "*"
    exact = max(
        (seed["exact"] for seed in one["seeds"] if seed["score"] is not None and seed["score"] == one["max"]),
        default=None,
    )
    return (
        one["task"] + (" †" if _is_from_traces(one["task"]) else ""),
        one["recipe_name"],
        f"{one['solved']} / {one['started']}",
        str(one["kept"]),
        _number(one["mean"]) + star,
        _number(one["min"]) + star,
        _number(one["max"]),
        _number(exact),
        f"{one['steps']:,}{_end(one)}",
        duration(one["seconds"]),
        f"{one['parameters']:,}",
        _published(one["task"]),
    )


def _is_from_traces(task: str) -> bool:
    """Whether a training shows what is done at each step, as in `addition-steps`, or `steps:FILE` of any machine."""
    return task in FROM_TRACES or task.partition(":")[0].endswith("steps")


def _published(task: str) -> str:
    published = TASKS[task].published if task in TASKS else None
    if published is None:
        return "–"
    model, figure = published.best
    return f"{figure / 100:.3f} ({model})"


def _by_times(results: Sequence[Result]) -> list[str]:
    """Exact rows at just two, three and four times the longest length of training, of the results that were tested there."""
    rows = []
    for one in results:
        found, longest = one["evaluation"], max(stage["lengths"][1] for stage in one["recipe"]["stages"])
        lengths = [times * longest for times in TIMES]
        if set(lengths) <= set(found["lengths"]):
            places = [found["lengths"].index(length) for length in lengths]
            by_length = [[seed[place] for seed in found["exact"]] for place in places]
            seen = [seed["validation"] for seed in one["seeds"] if seed["validation"] is not None]
            shown = [_mean_and_range(values, one["started"]) for values in (seen, *by_length)]
            rows.append((one["task"], one["recipe_name"], f"{longest}", *shown))
    if not rows:
        return []
    head = ("task", "recipe", "longest in training", "validation", *(f"exact at {times} ×" for times in TIMES))
    return [
        "## Exact rows beyond the lengths of training",
        "The share of rows whose whole answer is right, where inputs are two, three and four times as long as the longest in\n"
        "training: the mean over all seeds that started, and the least and the best of them. Validation is the share of answers that\n"
        "are right at the lengths of training.",
        _table(head, rows),
    ]


def _mean_and_range(values: Sequence[float], started: int) -> str:
    if not values:
        return "–"
    star = "" if len(values) == started else "*"
    return f"{sum(values) / len(values):.3f}{star} ({min(values):.3f}–{max(values):.3f})"


def _end(one: Result) -> str:
    """How a training ended that did not come to its end."""
    ended = one.get("ended", "finished")
    return "" if ended in ("finished", "patience") else f" ({ended})"


def _tests(results: Sequence[Result]) -> list[str]:
    """How the tests were made, and which of them differ."""
    kinds: dict[str, list[str]] = {}
    for one in results:
        found = one["evaluation"]
        lengths = found["lengths"]
        choices = "every choice made" if found["hard"] else "choices left soft"
        asked = "" if one.get("asked", one["task"]) == one["task"] else f" of {one['asked']}"
        kind = f"{len(lengths)} lengths{asked} from {lengths[0]} to {lengths[-1]}, {found['rows']} fresh rows each, {choices}"
        kinds.setdefault(kind, []).append(f"{one['task']} ({one['recipe_name']})")
    if len(kinds) == 1:
        return [f"Test: {next(iter(kinds))}."]
    return [f"Test: {kind}: {', '.join(names)}." for kind, names in kinds.items()]


def _outcome(one: Mapping[str, Any]) -> str:
    gone = "" if one["left_after"] is None else f"{one['why']} after {one['left_after']} steps"
    return ", ".join(part for part in ("solved" if one["solved"] else "", gone) if part)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _place(task: str) -> int:
    return list(TASKS).index(task) if task in TASKS else len(TASKS)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
